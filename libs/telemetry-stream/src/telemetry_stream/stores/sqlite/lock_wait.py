"""Waits while another program (a sqlite3 shell, a backup tool) holds the journal's lock, which is not a failed disk."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import apsw
import structlog

from telemetry_stream.errors import StoreBusy

log = structlog.get_logger(__name__)

MAX_WAIT_SECONDS = 2.0
MAX_PAUSE_SECONDS = 0.02
"""Maximum time between two attempts; the first pauses are shorter."""

LOG_AFTER_SECONDS = 0.1
LOG_EVERY_SECONDS = 60.0

SQLITE_ERRORS = (apsw.BusyError, apsw.LockedError, apsw.ProtocolError)
"""What SQLite raises if another connection holds a lock. Nothing has changed then."""


class LockWait:
    """The waits of one connection, as SQLite's busy handler (https://www.sqlite.org/c3ref/busy_handler.html)."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.waits = 0
        self.seconds = 0.0
        self._no_more = threading.Event()
        self._began = 0.0
        self._log_again_at = 0.0
        connection.set_busy_handler(self._wait)

    def end(self) -> None:
        """From now on do not wait. May be called from another thread."""
        self._no_more.set()

    def _wait(self, attempt: int) -> bool:
        """Whether SQLite shall try again; `attempt` counts from 0 for each statement."""
        now = time.monotonic()
        if attempt == 0:
            self.waits += 1
            self._began = now
        if now - self._began >= LOG_AFTER_SECONDS and now >= self._log_again_at:
            self._log_again_at = now + LOG_EVERY_SECONDS
            log.warning("another program holds the journal's lock; commits wait for it", max_seconds=MAX_WAIT_SECONDS)
        if now - self._began >= MAX_WAIT_SECONDS:
            return False
        # On the event, not a sleep: `end`, called at SIGTERM, must stop a wait that has begun.
        is_over = self._no_more.wait(min(0.001 * 2 ** min(attempt, 10), MAX_PAUSE_SECONDS))
        self.seconds += time.monotonic() - now
        return not is_over


@contextmanager
def locks_as_store_busy() -> Iterator[None]:
    """Raises StoreBusy in place of SQLite's errors. Takes some microseconds: commits catch the errors themselves."""
    try:
        yield
    except SQLITE_ERRORS as error:
        # Without the cause: to callers this is a state of the store, and a traceback would read like a failure of it.
        raise store_busy(error) from None


def store_busy(error: apsw.Error) -> StoreBusy:
    """What to raise in place of one of SQLITE_ERRORS."""
    return StoreBusy(f"another program holds the journal's lock ({error})")
