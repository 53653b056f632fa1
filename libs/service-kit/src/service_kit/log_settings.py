"""Log levels and format, from `config/logging_config.yml`; LOG_LEVEL and LOG_FORMAT override it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec

from service_kit.settings import Environment, SettingError

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Form = Literal["json", "console", "auto"]
LEVELS: tuple[str, ...] = get_args(Level)
FORMATS: tuple[str, ...] = get_args(Form)
FILE = "logging_config.yml"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The minimum `level`, the `form` of the lines, and the levels of single `loggers`.

    Form `auto` is console on a terminal, else json.
    """

    level: str
    form: str
    loggers: Mapping[str, str]


class _Logger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: Level


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1] = 1
    format: Form = "auto"
    root: _Logger = _Logger("INFO")
    loggers: dict[str, _Logger] = {}


def read_log_settings(environment: Environment) -> LogSettings:
    """The settings in force. Raises SettingError, which names the key or the file."""
    file = _read(environment.config_file(FILE))
    level = environment.choice("LOG_LEVEL", file.root.level, LEVELS)
    # The programs log their start and end themselves; uvicorn's lines would repeat it.
    loggers = {} if level == "DEBUG" else {"uvicorn.error": "WARNING"}
    loggers |= {name: logger.level for name, logger in file.loggers.items()}
    return LogSettings(level, environment.choice("LOG_FORMAT", file.format, FORMATS), loggers)


def _read(path: Path) -> _File:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _File()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: {error}") from error
    if all(not line.strip() or line.startswith("#") for line in text.splitlines()):
        return _File()  # as delivered, all lines are comments: the slow import of a YAML parser is not needed

    from ruamel.yaml import YAML  # noqa: PLC0415 -- only where a file is to be read
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 -- the same

    try:
        return msgspec.convert(YAML(typ="safe", pure=True).load(text), _File)
    except (YAMLError, msgspec.ValidationError) as error:
        raise SettingError(f"{path}: {error}") from error
