"""Copies a journal while it is written, and puts a copy in its place."""

import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

import apsw

from telemetry_stream.durable_files import sync
from telemetry_stream.errors import BackupFailed
from telemetry_stream.log import JournalReport
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import lock_to_write
from telemetry_stream.stores.sqlite.key_index import table_files
from telemetry_stream.stores.sqlite.open_files import log_of
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE, check_layout, open_to_read
from telemetry_stream.stores.sqlite.tables import LAYOUT
from telemetry_stream.stores.sqlite.upgrade import upgrade
from telemetry_stream.topics import KeyRules


def back_up(folder: Path, file: Path, key_rules: KeyRules = ()) -> JournalReport:
    """Copy all that is committed by now from the journal in `folder` to `file`, which must not exist.

    The copy is one file, on disk and checked when this returns. Raises BackupFailed, apsw.Error, OSError.
    """
    if file.exists():
        raise BackupFailed(f"{file} is there already")
    if not (folder / JOURNAL_FILE).exists():
        raise BackupFailed(f"there is no journal in {folder}")
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        connection = open_to_read(folder)
        try:
            # One consistent state while the app writes on, and one file without a write-ahead log. Copying the files
            # instead would mix pages of different commits.
            _copy(connection, unfinished)
        finally:
            connection.close()
        report = _checked(unfinished, key_rules)
        sync(unfinished)
        unfinished.rename(file)  # last: a file with this name is a checked copy, even after a kill
        sync(file.parent)
    finally:
        for part in (unfinished, unfinished.with_name(f"{unfinished.name}-journal")):
            part.unlink(missing_ok=True)
    return report


def _copy(connection: apsw.Connection, file: Path) -> None:
    try:
        connection.execute("VACUUM INTO ?", (str(file),))
    except apsw.FullError as error:
        raise BackupFailed(f"{file} can't grow, its disk is full: free some space") from error


def restore(file: Path, folder: Path, key_rules: KeyRules = ()) -> tuple[JournalReport, Path | None]:
    """Put a copy in place of the journal in `folder`. Returns its report, and where the earlier journal was moved.

    The copy gets a new stream id: it will continue differently from what readers have seen, so they must start over.
    Raises JournalInUse while an app writes there, BackupFailed if the copy is not sound, OSError.
    """
    log = log_of(file)
    if log.exists() and log.stat().st_size:
        raise BackupFailed(f"{log} belongs to it, so {file} alone is not all of a journal: use what `backup` made")
    with lock_to_write(folder):
        report = _checked(file, key_rules)
        fresh = folder / f"{JOURNAL_FILE}.restoring"
        shutil.copyfile(file, fresh)
        report.stream, report.ledger = _begin_stream(fresh)
        sync(fresh)
        before = _set_aside(folder)
        fresh.rename(folder / JOURNAL_FILE)
        sync(folder)
    return report, before


def _begin_stream(file: Path) -> tuple[str, str]:
    """Bring a copy to the present layout and give it a new stream id. Returns that id and the ledger's id."""
    connection = apsw.Connection(str(file))
    try:
        # No log of changes beside the copy: under its final name the copy would be opened without it. An interrupted
        # restore begins with a new copy.
        connection.pragma("journal_mode", "memory")
        connection.pragma("synchronous", "off")
        layout = check_layout(connection, file)
        if layout < LAYOUT:
            upgrade(connection, layout)
        stream = str(uuid.uuid4())
        connection.execute("UPDATE stream SET id = ?", (stream,))
        return stream, str(connection.execute("SELECT ledger FROM stream").get)
    finally:
        connection.close()


def _checked(file: Path, key_rules: KeyRules) -> JournalReport:
    report = check_journal(file, key_rules)
    if report.problems:
        raise BackupFailed(f"{file}: {'; '.join(report.problems)}")
    return report


def _set_aside(folder: Path) -> Path | None:
    """Move the journal away with all its files. Returns the folder they are in now; None if there was no journal."""
    # All of them: SQLite would apply a write-ahead log that is left here to the next journal. The journal goes first:
    # after an interruption a start finds a log without a journal and stops. It never opens a journal without its log.
    there = [*folder.glob(JOURNAL_FILE), *folder.glob(f"{JOURNAL_FILE}-*"), *table_files(folder)]
    if not there:
        return None
    before = folder / f"journal-before-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    before.mkdir()
    for file in there:
        file.rename(before / file.name)
    return before
