"""`config/logging_config.yml`: levels and form of the logs, below what the settings say."""

from pathlib import Path

import pytest

from service_kit.log_settings import LogSettings, read_log_settings
from service_kit.settings import Environment, SettingError

ROOT = Path(__file__).resolve().parents[2]
QUIET_LIBRARIES = {"uvicorn.error": "WARNING"}


def read(folder: Path, text: str | None = None, **settings: str) -> LogSettings:
    if text is not None:
        (folder / "config").mkdir()
        (folder / "config" / "logging_config.yml").write_text(text)
    return read_log_settings(Environment(settings, folder))


@pytest.mark.parametrize("text", [None, "", "# all\n\n# commented out\n"])
def test_without_a_file_or_a_line_in_it_the_defaults_hold(tmp_path: Path, text: str | None) -> None:
    assert read(tmp_path, text) == LogSettings("INFO", "auto", QUIET_LIBRARIES)


def test_the_file_that_is_delivered_says_what_the_defaults_are(tmp_path: Path) -> None:
    delivered = (ROOT / "config" / "logging_config.yml").read_text()
    assert read(tmp_path, delivered) == read_log_settings(Environment({}, ROOT))
    lines = delivered.partition("\n\n")[2].splitlines()
    (tmp_path / "config" / "logging_config.yml").write_text("\n".join(line.removeprefix("# ") for line in lines))
    assert read(tmp_path) == read_log_settings(Environment({}, ROOT))


def test_the_file_sets_the_form_and_the_levels(tmp_path: Path) -> None:
    text = "format: json\nroot: {level: WARNING}\nloggers: {telemetry_stream: {level: DEBUG}}\n"
    assert read(tmp_path, text) == LogSettings("WARNING", "json", QUIET_LIBRARIES | {"telemetry_stream": "DEBUG"})


def test_the_settings_override_the_file(tmp_path: Path) -> None:
    text = "version: 1\nformat: json\nroot: {level: WARNING}\n"
    assert read(tmp_path, text, LOG_LEVEL="error", LOG_FORMAT="console") == LogSettings(
        "ERROR", "console", QUIET_LIBRARIES
    )


def test_debug_shows_the_libraries_too(tmp_path: Path) -> None:
    assert read(tmp_path, LOG_LEVEL="DEBUG").loggers == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("root: {level: LOUD}", "LOUD"),
        ("handlers: {}", "handlers"),
        ("version: 2", "version"),
        ("loggers: [uvicorn]", "loggers"),
        ("format: [", "flow"),
        ("!!python/object/apply:os.system [true]", "os.system"),
        ("just words", "object"),
    ],
)
def test_an_invalid_file_is_named_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingError, match=rf"logging_config\.yml: (?s:.*){said}"):
        read(tmp_path, text)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "config" / "logging_config.yml").mkdir(parents=True)
    with pytest.raises(SettingError, match=r"logging_config\.yml: "):
        read(tmp_path)
