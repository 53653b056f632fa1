"""What work on a store does about errors: it counts them, logs each cause once, and pauses before it begins again."""

from collections.abc import Iterator

import structlog

from telemetry_stream.backoff import backoff

log = structlog.get_logger(__name__)

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between an error of the store and the next try."""


class Retries:
    """The errors of one store, and the pauses after them."""

    def __init__(self, message: str) -> None:
        """`message` is logged with the reason of an error."""
        self._message = message
        self.problem = ""
        """Why the store can't be used now; empty while it can."""

        self.failures = 0
        """Errors that interrupted the work, since the start."""

        self._pauses = _new_pauses()

    def note(self, error: Exception, *, counts: bool = True) -> None:
        """An error has interrupted the work. It is logged unless it is the one before."""
        self.failures += counts
        if str(error) != self.problem:
            log.error(self._message, reason=str(error))
        self.problem = str(error)

    def reset(self) -> None:
        """The work goes on: the next error is a new one."""
        self.problem, self._pauses = "", _new_pauses()

    def pause(self) -> float:
        """Seconds until the next try: longer and longer without a `reset`."""
        return next(self._pauses)


def _new_pauses() -> Iterator[float]:
    return backoff(SHORTEST_PAUSE, cap=LONGEST_PAUSE)
