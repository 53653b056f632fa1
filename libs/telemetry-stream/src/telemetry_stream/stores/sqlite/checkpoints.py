"""Copies the write-ahead log into the database after a commit's outcomes are delivered, not within the commit."""

import apsw

from telemetry_stream.stores.sqlite.lock_wait import SQLITE_ERRORS

CHECKPOINT_PAGES = 200
"""A checkpoint is due once the log has this many pages of 4 KiB. It pauses commits for milliseconds. With fewer pages
the pauses would be shorter and more frequent: 100, 200 and 400 made no difference in the p99 of POSTs.
"""


class Checkpoints:
    """The checkpoints of a journal's one writing connection. They replace SQLite's own, which hide their errors."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.busy = 0
        """Number of checkpoints postponed because another program makes one."""

        self._connection = connection
        self._pages = 0
        connection.set_wal_hook(self._note_commit)

    def checkpoint_if_due(self) -> None:
        """Copy the log, if it is long enough. Raises apsw.Error or OSError if the disk refuses."""
        if self._pages >= CHECKPOINT_PAGES:
            try:
                # PASSIVE never waits for readers: what one of them still needs is copied by a later checkpoint.
                self._connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
            except SQLITE_ERRORS:
                self.busy += 1  # due again after the next commit, or the next heartbeat
            else:
                self._pages = 0

    def _note_commit(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK
