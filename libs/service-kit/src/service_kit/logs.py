"""Structured logs on standard error: one JSON object a line, or coloured text for a terminal."""

import logging
import sys
from collections.abc import Sequence
from typing import Any

import structlog

from service_kit.access.tokens import Tokens

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
FORMATS = ("json", "console", "auto")


def configure_logs(level: str, form: str, service: str, *processors: structlog.types.Processor) -> None:
    """Send this process's logs, the libraries' included, to standard error.

    `level` is one of LEVELS, `form` one of FORMATS: auto is console on a terminal, else json. Every line carries
    `service`, a UTC timestamp and what the further processors add, such as a request's id.
    """
    shared: list[Any] = [
        *processors,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _method, event: {**event, "service": service},
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A line below the level costs nothing: the hot path has some for debugging.
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def warn_of_plain_tokens(setting: str, entries: Sequence[str]) -> None:
    """Say so where tokens stand in a setting as they are."""
    plain = Tokens(entries).plain
    if plain:
        how = "trading-app token --existing reads a token from standard input and prints its hashed entry"
        structlog.get_logger(__name__).warning("tokens are stored in plain text", setting=setting, plain=plain, how=how)


def _rendering(form: str) -> list[Any]:
    if form == "console" or (form == "auto" and sys.stderr.isatty()):
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=True)]
