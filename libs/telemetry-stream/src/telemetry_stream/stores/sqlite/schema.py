"""Creates, opens and recognises the journal's database."""

import secrets
import time
import uuid
from pathlib import Path

import apsw

from telemetry_stream.chain import NO_HASH
from telemetry_stream.errors import ForeignJournal
from telemetry_stream.stores.sqlite.key_rules import apply_rules
from telemetry_stream.stores.sqlite.open_files import log_of, put_aside_log_of_another
from telemetry_stream.stores.sqlite.tables import BATCH, LABELLED, LAYOUT, ORIGIN, REQUEST_KEY, STREAM
from telemetry_stream.stores.sqlite.upgrade import upgrade
from telemetry_stream.topics import KeyRules

JOURNAL_FILE = "journal.sqlite3"
OPEN_WAIT_MS = 2_000
"""How long a reader, or a start, waits for a lock that another program holds."""

APPLICATION_ID = 0x54525354  # "TRST": lets `file` and a careful program tell a journal from another database


def open_to_write(folder: Path, key_rules: KeyRules = ()) -> apsw.Connection:
    """The one writing connection, its tables made if the journal is new. Raises ForeignJournal, apsw.Error, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_log_without_journal(folder)
    put_aside_log_of_another(folder / JOURNAL_FILE)
    connection = apsw.Connection(str(folder / JOURNAL_FILE))
    connection.set_busy_timeout(OPEN_WAIT_MS)
    try:
        return _prepare(connection, folder, key_rules)
    except BaseException:
        connection.close(force=True)  # without force it may raise, and hide the error that is raised here
        raise


def _refuse_log_without_journal(folder: Path) -> None:
    """Refuse a write-ahead log without its journal: it holds trades, and SQLite would delete it when it opens."""
    log = log_of(folder / JOURNAL_FILE)
    if not (folder / JOURNAL_FILE).exists() and log.exists() and log.stat().st_size:
        raise ForeignJournal(
            f"{log} is there without its journal: put that back beside it (from {folder}/journal-before-…, if a restore"
            " was broken off), or move the log away"
        )


def _prepare(connection: apsw.Connection, folder: Path, key_rules: KeyRules) -> apsw.Connection:
    is_new = _is_new(connection, folder)
    # Before any pragma that writes: a foreign database must not change.
    layout = LAYOUT if is_new else check_layout(connection, folder / JOURNAL_FILE)
    connection.pragma("journal_mode", "wal")  # readers do not wait for the writer; a commit is one sync
    connection.pragma("synchronous", "full")  # rule 1: NORMAL would sync at checkpoints only, and lose 201s at a crash
    connection.pragma("cache_size", -4_096)  # 4 MiB: rows are appended, and only the tree's last pages are read again
    if is_new:
        _create(connection, max(1, len(key_rules)))
    elif layout < LAYOUT:
        upgrade(connection, layout)
    apply_rules(connection, key_rules)
    return connection


def open_to_read(folder: Path) -> apsw.Connection:
    """A connection that only reads, of a journal that exists. Raises apsw.Error."""
    connection = apsw.Connection(str(folder / JOURNAL_FILE), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(OPEN_WAIT_MS)
    return connection


def _is_new(connection: apsw.Connection, folder: Path) -> bool:
    try:
        if connection.execute("SELECT count(*) FROM sqlite_schema").get:
            return False
    except apsw.NotADBError:
        raise ForeignJournal(f"{folder / JOURNAL_FILE} is no database; move it away or set DATA_DIR") from None
    return bool(connection.pragma("application_id") == 0)


def _create(connection: apsw.Connection, key_rule: int) -> None:
    # Not `with connection`: after a failure its attempt to roll back would hide the cause.
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(STREAM + BATCH + REQUEST_KEY + LABELLED + ORIGIN)
    identity = (str(uuid.uuid4()), str(uuid.uuid4()), time.time_ns(), secrets.randbits(62))
    connection.execute("INSERT INTO stream VALUES (?, ?, ?, ?, 1, ?, ?)", (*identity, NO_HASH, key_rule))
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", LAYOUT)
    connection.execute("COMMIT")


def check_layout(connection: apsw.Connection, file: Path, oldest: int = 1) -> int:
    """The layout of a journal, `oldest` at least.

    Raises ForeignJournal where the database is none, or one that can't be read here.
    """
    if connection.pragma("application_id") != APPLICATION_ID:
        raise ForeignJournal(f"{file} is a database, but no journal; move it away or set DATA_DIR")
    version = int(connection.pragma("user_version"))
    if not 1 <= version <= LAYOUT:
        raise ForeignJournal(f"{file} has layout {version}, this version reads 1 to {LAYOUT}")
    if version < oldest:
        raise ForeignJournal(f"{file} has layout {version}; trading-app upgrades it at its next start")
    return version
