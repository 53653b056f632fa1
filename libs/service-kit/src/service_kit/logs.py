"""Structured logs on standard error: one JSON object per line, or short text on a terminal."""

import json
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import structlog

from service_kit.access.tokens import Tokens
from service_kit.log_settings import LogSettings


def configure_logs(settings: LogSettings, service: str, *processors: structlog.types.Processor) -> None:
    """Send this process's logs, including those of libraries, to standard error.

    `processors` add fields to every line, such as the request's id. A JSON line also has the UTC time, the logger and
    `service`; a line on a terminal has the local time.
    """
    console = settings.form == "console" or (settings.form == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        *processors,
        structlog.stdlib.add_log_level,
        *(_console_processors() if console else _json_processors(service)),
    ]
    levels = logging.getLevelNamesMapping()
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Lines below every level are dropped before any work: the hot path has debug lines.
        wrapper_class=structlog.make_filtering_bound_logger(
            min(levels[level] for level in (settings.level, *settings.loggers.values()))
        ),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_console_rendering() if console else _json_rendering()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    for name, level in settings.loggers.items():
        logging.getLogger(name).setLevel(level)


def warn_of_plain_tokens(setting: str, entries: Sequence[str]) -> None:
    """Log a warning if a setting contains plain tokens."""
    plain = Tokens(entries).plain
    if plain:
        how = "trading-app token --existing reads a token from standard input and prints its hashed entry"
        structlog.get_logger(__name__).warning("tokens are stored in plain text", setting=setting, plain=plain, how=how)


def warn_of_unknown_settings(names: Mapping[str, str]) -> None:
    """Log settings that no program reads. A warning, not an error: an older version may run with newer settings."""
    for name, meant in names.items():
        how = f"did you mean {meant}?" if meant else "see .env.sample for the names"
        structlog.get_logger(__name__).warning("unknown setting, ignored", setting=name, how=how)


def _json_processors(service: str) -> list[Any]:
    return [
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _method, event: {**event, "service": service},
    ]


def _json_rendering() -> list[Any]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_to_json)]


def _to_json(event: Any, default: Callable[[Any], Any]) -> str:
    try:
        options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
        return orjson.dumps(event, default, options).decode()
    except TypeError:  # orjson rejects integers above 64 bits and lone surrogates; the line must not be lost
        return json.dumps(event, default=default, sort_keys=True)


def _console_processors() -> list[Any]:
    return [structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)]


def _console_rendering() -> list[Any]:
    # The plain traceback: structlog's other one prints local variables, which may be tokens and keys.
    traceback = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=traceback)]
