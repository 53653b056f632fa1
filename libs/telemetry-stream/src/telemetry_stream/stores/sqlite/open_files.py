"""Whether a journal's files are still those that were opened: SQLite goes on in a file that was removed or replaced."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import apsw
import structlog

log = structlog.get_logger(__name__)


class OpenFiles:
    """Some files, as they were when they were opened."""

    def __init__(self, files: Iterable[Path]) -> None:
        """Raises OSError where one is not there."""
        self._files = {file: _identity(file.stat()) for file in files}

    def lost(self) -> Path | None:
        """The first that is not at its place any more; None where all are."""
        for file, identity in self._files.items():
            try:
                if _identity(file.stat()) != identity:
                    return file
            except OSError:
                return file
        return None


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def rescue(connection: apsw.Connection, folder: Path, lost: Path | None) -> None:
    """Save what was committed through this connection, since the files it has open are gone once it is closed.

    Where the database is at its place, and its write-ahead log is not, the log is copied into it. Else the whole
    journal is copied to a file of its own. Where the folder is gone, nothing can be done. Logs what was done.
    """
    database = Path(connection.filename)
    if lost != database:
        try:
            connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            log.error("the write-ahead log could not be copied into the journal", reason=str(error))
        else:
            log.warning("the write-ahead log was copied into the journal: nothing is lost", journal=str(database))
        return
    copy = folder / f"journal-rescued-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sqlite3"
    try:
        connection.execute("VACUUM INTO ?", (str(copy),))
    except apsw.Error as error:
        copy.unlink(missing_ok=True)
        log.error("the journal that was removed could not be copied", reason=str(error), copy=str(copy))
    else:
        log.warning("all that was accepted is in this copy: `trading-app restore` puts it back", copy=str(copy))
