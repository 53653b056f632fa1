"""When the write-ahead log is copied into the database: after a commit's outcomes are delivered, not within it."""

import apsw

from telemetry_stream.stores.sqlite.lock_wait import SQLITE_ERRORS

CHECKPOINT_PAGES = 200
"""Once this many pages (of 4 KiB) are in the log, a checkpoint is due: a pause of milliseconds, shorter if there are
fewer, but more often.
"""


class Checkpoints:
    """Those of a journal's one writing connection. In place of SQLite's own, which keep their errors to themselves."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.busy = 0
        """Checkpoints that were put off since another program makes one."""

        self._connection = connection
        self._pages = 0
        connection.set_wal_hook(self._note_commit)

    def checkpoint_if_due(self) -> None:
        """Copy the log, if it is long enough. Raises apsw.Error or OSError where the disk does not take it."""
        if self._pages >= CHECKPOINT_PAGES:
            try:
                self._connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
            except SQLITE_ERRORS:
                self.busy += 1  # due again after the next commit, or the next heartbeat
            else:
                self._pages = 0

    def _note_commit(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK
