"""Copies a journal while it is written, and puts a copy in its place."""

import os
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path

import apsw

from telemetry_stream.errors import BackupFailed
from telemetry_stream.log import JournalReport, KeyOf
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import lock_to_write
from telemetry_stream.stores.sqlite.key_index import table_files
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE, check_layout, open_to_read
from telemetry_stream.stores.sqlite.tables import LAYOUT
from telemetry_stream.stores.sqlite.upgrade import upgrade


def back_up(folder: Path, file: Path, key_of: KeyOf | None = None) -> JournalReport:
    """Copy the journal in `folder` to `file`, which must not be there yet: all that is committed by now.

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
            connection.execute("VACUUM INTO ?", (str(unfinished),))
        finally:
            connection.close()
        report = _checked(unfinished, key_of)
        _sync(unfinished)
        unfinished.rename(file)
        _sync(file.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return report


def restore(file: Path, folder: Path, key_of: KeyOf | None = None) -> tuple[JournalReport, Path | None]:
    """Put a copy in place of the journal in `folder`; what was there is moved aside; the second value says where.

    The copy gets a new stream id: it goes on differently from what readers have seen, so they are to start over.
    Raises JournalInUse while an app writes there, BackupFailed where the copy is not sound, OSError.
    """
    log = file.with_name(f"{file.name}-wal")
    if log.exists() and log.stat().st_size:
        raise BackupFailed(f"{log} belongs to it, so {file} alone is not all of a journal: use what `backup` made")
    with lock_to_write(folder):
        report = _checked(file, key_of)
        fresh = folder / f"{JOURNAL_FILE}.restoring"
        shutil.copyfile(file, fresh)
        report.stream, report.ledger = _begin_stream(fresh)
        _sync(fresh)
        before = _set_aside(folder)
        fresh.rename(folder / JOURNAL_FILE)
        _sync(folder)
    return report, before


def _begin_stream(file: Path) -> tuple[str, str]:
    """Give a copy a new stream id, and the present layout first; gives the id, and that of its ledger."""
    connection = apsw.Connection(str(file))
    try:
        # The copy is worth nothing until it is whole, so no log of changes may be left beside it.
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


def _checked(file: Path, key_of: KeyOf | None) -> JournalReport:
    report = check_journal(file, key_of)
    if report.problems:
        raise BackupFailed(f"{file}: {'; '.join(report.problems)}")
    return report


def _set_aside(folder: Path) -> Path | None:
    """Move the journal away with all that belongs to it: next to another journal its write-ahead log would be taken for
    that one's. The journal goes first: if this is broken off, nothing is opened without its log.
    """
    there = [*folder.glob(JOURNAL_FILE), *folder.glob(f"{JOURNAL_FILE}-*"), *table_files(folder)]
    if not there:
        return None
    before = folder / f"journal-before-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    before.mkdir()
    for file in there:
        file.rename(before / file.name)
    return before


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
