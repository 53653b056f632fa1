"""Log lines: one JSON object each, or readable text, the libraries' lines too."""

import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
import structlog

from service_kit.log_settings import FORMATS, LEVELS, LogSettings
from service_kit.logs import configure_logs


class Terminal(io.StringIO):
    """Standard error of a person at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def log_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., io.StringIO]]:
    """Configures the logs to write into a text; all is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(
        level: str = "INFO",
        form: str = "json",
        *processors: structlog.types.Processor,
        terminal: bool = False,
        loggers: Mapping[str, str] = MappingProxyType({}),
    ) -> io.StringIO:
        written = Terminal() if terminal else io.StringIO()
        monkeypatch.setattr(sys, "stderr", written)
        configure_logs(LogSettings(level, form, loggers), "a-service", *processors)
        return written

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("loud", "quiet"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def lines(written: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_line_is_one_json_object_that_says_who_when_and_what(log_to: Callable[..., io.StringIO]) -> None:
    written = log_to()
    structlog.get_logger("a.module").warning("disk nearly\nfull", free_bytes=7, folder="/β")
    [line] = lines(written)
    moment = datetime.fromisoformat(str(line.pop("timestamp")))
    assert timedelta(0) <= datetime.now(UTC) - moment < timedelta(minutes=1)
    assert line == {
        "event": "disk nearly\nfull",
        "folder": "/β",
        "free_bytes": 7,
        "level": "warning",
        "logger": "a.module",
        "service": "a-service",
    }


def test_a_line_of_a_library_looks_the_same(log_to: Callable[..., io.StringIO]) -> None:
    written = log_to()
    logging.getLogger("a_library.server").info("listening on %s", "port 8000")
    [line] = lines(written)
    assert line.pop("timestamp")
    assert line == {
        "event": "listening on port 8000",
        "level": "info",
        "logger": "a_library.server",
        "service": "a-service",
    }


def test_further_processors_add_to_every_line(log_to: Callable[..., io.StringIO]) -> None:
    written = log_to("INFO", "json", lambda _logger, _method, event: {**event, "request_id": "r-1"})
    structlog.get_logger("ours").info("one")
    logging.getLogger("theirs").info("two")
    assert [(line["event"], line["request_id"]) for line in lines(written)] == [("one", "r-1"), ("two", "r-1")]


@pytest.mark.parametrize("level", LEVELS)
def test_lines_below_the_level_are_dropped(log_to: Callable[..., io.StringIO], level: str) -> None:
    written = log_to(level)
    for each in LEVELS:
        structlog.get_logger("ours").log(logging.getLevelNamesMapping()[each], each)
        logging.getLogger("theirs").log(logging.getLevelNamesMapping()[each], each)
    wanted = LEVELS[LEVELS.index(level) :]
    assert [line["event"] for line in lines(written)] == [each for each in wanted for _ in range(2)]


@pytest.mark.parametrize("logger", [structlog.get_logger, logging.getLogger])
def test_an_exception_is_in_its_line(
    log_to: Callable[..., io.StringIO], logger: Callable[[str], logging.Logger]
) -> None:
    written = log_to()
    try:
        raise ValueError("the reason")
    except ValueError:
        logger("any").exception("it failed")
    [line] = lines(written)
    assert line["level"] == "error"
    assert "ValueError: the reason" in str(line["exception"])


@pytest.mark.parametrize("value", [{1, 2}, float("inf"), 2**70, "half a character: \ud800", {3: "three"}], ids=repr)
def test_no_value_loses_a_log_line(log_to: Callable[..., io.StringIO], value: object) -> None:
    written = log_to()
    structlog.get_logger("ours").info("odd", value=value)
    [line] = lines(written)
    assert line["event"] == "odd"
    assert "value" in line


@pytest.mark.parametrize(
    ("form", "terminal", "readable"),
    [
        ("json", False, False),
        ("json", True, False),
        ("console", False, True),
        ("console", True, True),
        ("auto", False, False),
        ("auto", True, True),
    ],
)
def test_console_lines_are_readable(
    log_to: Callable[..., io.StringIO], form: str, terminal: bool, readable: bool
) -> None:
    assert form in FORMATS
    written = log_to("INFO", form, terminal=terminal)
    structlog.get_logger("ours").info("hello", name="you")
    text = written.getvalue()
    assert text.startswith("{") is not readable
    assert ("\x1b[" in text) is (readable and terminal), "colours are for terminals"
    assert "hello" in text
    assert "you" in text


def test_a_line_on_a_terminal_is_short_and_in_local_time(
    log_to: Callable[..., io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC-14")  # fourteen hours ahead of UTC, in POSIX's way of writing it
    time.tzset()
    try:
        written = log_to("INFO", "console")
        before = datetime.now(UTC)
        structlog.get_logger("a.module").warning("disk nearly full", free_bytes=7)
    finally:
        monkeypatch.undo()
        time.tzset()
    written_time, words = written.getvalue().split(" ", 1)
    assert words == "[warning  ] disk nearly full free_bytes=7\n"
    local = {f"{before + timedelta(hours=14, seconds=late):%H:%M:%S}" for late in range(60)}
    assert written_time in local


def test_a_traceback_on_a_terminal_shows_no_local_variable(log_to: Callable[..., io.StringIO]) -> None:
    written = log_to("INFO", "console", terminal=True)

    def fail(token: str) -> None:
        raise ValueError(len(token))

    try:
        fail("-".join(("a", "secret", "token")))  # so that the source line, which is shown, does not have it
    except ValueError:
        structlog.get_logger("ours").exception("it failed")
    assert "ValueError: 14" in written.getvalue()
    assert "a-secret-token" not in written.getvalue()


def test_a_logger_may_have_a_level_of_its_own(log_to: Callable[..., io.StringIO]) -> None:
    written = log_to("INFO", "json", loggers={"loud": "DEBUG", "quiet": "ERROR"})
    for name in ("loud.below", "quiet.below", "other"):
        for level in ("debug", "info", "error"):
            getattr(structlog.get_logger(name), level)("ours")
            getattr(logging.getLogger(name), level)("theirs")
    assert [(line["logger"], line["level"]) for line in lines(written) if line["event"] == "ours"] == [
        ("loud.below", "debug"),
        ("loud.below", "info"),
        ("loud.below", "error"),
        ("quiet.below", "error"),
        ("other", "info"),
        ("other", "error"),
    ]
    assert [line["event"] for line in lines(written)] == ["ours", "theirs"] * 6
