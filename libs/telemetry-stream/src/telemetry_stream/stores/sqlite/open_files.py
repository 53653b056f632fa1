"""Saves what was accepted into a journal whose files were removed or replaced, and keeps the files of two apart."""

from datetime import UTC, datetime
from pathlib import Path

import apsw
import structlog

log = structlog.get_logger(__name__)


def rescue(connection: apsw.Connection, folder: Path, lost: Path | None) -> None:
    """Save what was committed through this connection: its files have no name, and vanish when it is closed.

    If only the write-ahead log was lost, it is copied into the database. Else, or if a reader keeps that from being
    done, the whole journal is copied to a new file. If the folder is gone too, nothing can be saved. Logs the result.
    """
    database = Path(connection.filename)
    if lost != database:
        try:
            frames, copied = connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
            if frames == copied:
                if lost == log_of(database) and lost.exists():
                    _put_aside(lost)
                log.warning("the write-ahead log was copied into the journal: nothing is lost", journal=str(database))
                return
            log.error("the write-ahead log could not be copied into the journal", frames=frames, copied=copied)
        except (apsw.Error, OSError) as error:
            log.error("the write-ahead log could not be copied into the journal", reason=str(error))
    # Not to the journal's own path: a different journal may be there now, put in place on purpose.
    copy = folder / f"journal-rescued-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sqlite3"
    try:
        connection.execute("VACUUM INTO ?", (str(copy),))
    except apsw.Error as error:
        copy.unlink(missing_ok=True)
        log.error("the journal that was removed could not be copied", reason=str(error), copy=str(copy))
    else:
        log.warning("all that was accepted is in this copy: put it in the place of the journal", copy=str(copy))


def put_aside_log_of_another(database: Path) -> None:
    """Rename a write-ahead log beside a copy that no app has opened: it belongs to the journal that stood there before.

    SQLite would write its pages into the copy. Raises OSError.
    """
    write_ahead_log = log_of(database)
    if write_ahead_log.exists() and write_ahead_log.stat().st_size and _is_new_copy(database):
        _put_aside(write_ahead_log)


def log_of(database: Path) -> Path:
    """The path of a database's write-ahead log."""
    return database.with_name(f"{database.name}-wal")


def _is_new_copy(database: Path) -> bool:
    """Whether the header says that the database has no write-ahead log, as in what VACUUM INTO makes."""
    with database.open("rb") as file:
        return file.read(20)[18:] == b"\1\1"  # https://sqlite.org/fileformat.html, "file format version numbers"


def _put_aside(write_ahead_log: Path) -> None:
    """Rename what stands in the place of the log. The next start would take it for the journal's own: its older pages
    would replace newer ones.
    """
    aside = write_ahead_log.with_name(f"{write_ahead_log.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    write_ahead_log.rename(aside)
    log.warning("another file stood in the place of the write-ahead log; it was put aside", file=str(aside))
