"""Log lines: one JSON object each, or readable text, the libraries' lines too."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from service_kit.logs import FORMATS, LEVELS, configure_logs


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
        level: str = "INFO", form: str = "json", *processors: structlog.types.Processor, terminal: bool = False
    ) -> io.StringIO:
        written = Terminal() if terminal else io.StringIO()
        monkeypatch.setattr(sys, "stderr", written)
        configure_logs(level, form, "a-service", *processors)
        return written

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
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
def test_lines_below_the_level_are_left_out(log_to: Callable[..., io.StringIO], level: str) -> None:
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


def test_a_value_that_json_does_not_know_is_shown_all_the_same(log_to: Callable[..., io.StringIO]) -> None:
    written = log_to()
    structlog.get_logger("ours").info("odd", value={1, 2}, number=float("inf"))
    assert "{1, 2}" in written.getvalue()


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
def test_lines_are_readable_where_that_is_asked_for(
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
