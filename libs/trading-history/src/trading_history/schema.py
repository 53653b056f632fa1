"""The store's tables as SQL, and how its database is made, opened and recognised."""

from pathlib import Path

import apsw

from telemetry_stream.errors import UnusableState
from telemetry_stream.projection import PositionTable
from trading_history.errors import NewerStore, StoreDamaged, StoreMissing, StoreUnavailable, own_errors

HISTORY_FILE = "history.sqlite3"
APPLICATION_ID = 0x54525348  # "TRSH": lets `file` and a careful program tell a history from another database

LAYOUT = 1
"""Of the tables. Raise it with a step in `open_to_write` that brings an earlier one to it, or rebuilds."""

FOLD = 1
"""Of their content. Raise it when the same events give other rows: a store of another one is rebuilt."""

BUSY_WAIT_MS = 2_000
"""How long a lock of another program, such as a backup, is waited for."""

TABLES = """
-- who trades what, as sent: aliases and instruments are applied by those who read
CREATE TABLE key (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    strategy TEXT NOT NULL,
    symbol TEXT NOT NULL,               -- in upper case
    position_side TEXT NOT NULL,        -- long, short, or ''
    currency TEXT NOT NULL,             -- of the P&L, as sent, or ''
    UNIQUE (account, strategy, symbol, position_side, currency)
) STRICT;

-- one row for each fill: its effective content, in the order of trading
CREATE TABLE trades (
    key INTEGER NOT NULL,
    ts_ns INTEGER NOT NULL,             -- since 1970
    ordinal TEXT NOT NULL,              -- sorts as the number that trade_id is; '~' where it is none
    seq INTEGER NOT NULL,               -- of the fill, which a replace does not change
    in_force INTEGER NOT NULL,          -- 0: a void says that it never happened
    side TEXT NOT NULL,
    price TEXT NOT NULL,                -- amounts have the digits as sent
    qty TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    symbol TEXT,                        -- as sent, where the key has another
    venue TEXT,
    order_id TEXT,
    fee TEXT,
    fee_currency TEXT,
    multiplier TEXT,
    tags TEXT,                          -- a JSON array
    import_id TEXT,                     -- of the fill as it was journaled
    PRIMARY KEY (key, ts_ns, ordinal, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX trades_of_import ON trades (import_id) WHERE import_id IS NOT NULL;

-- voids and replaces
CREATE TABLE corrections (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,                 -- void or replace
    target INTEGER NOT NULL,
    subject INTEGER NOT NULL,           -- the event that it concerns in the end, by way of other corrections
    subject_kind TEXT NOT NULL,         -- fill, import or other
    in_force INTEGER NOT NULL,
    was TEXT NOT NULL,                  -- the target as journaled, without its sequence
    fill TEXT,                          -- of a replace: what the fill really was
    id TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX corrections_of_subject ON corrections (subject, seq);

CREATE TABLE imports (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL UNIQUE,
    in_force INTEGER NOT NULL,          -- 0: none of its fills counts
    content TEXT NOT NULL               -- as journaled, JSON
) STRICT, WITHOUT ROWID;

-- events without a row: name and number
CREATE TABLE counts (
    name TEXT PRIMARY KEY,
    events INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counts VALUES ('fills', 0), ('undecodable', 0), ('unmatched', 0);

-- for people: what counts, with the names of its key
CREATE VIEW trades_in_force AS
SELECT account, strategy, ifnull(trades.symbol, key.symbol) AS symbol, position_side, currency, ts_ns, seq, side, price,
    qty, trade_id, venue, order_id, fee, fee_currency, multiplier, tags, import_id
FROM trades JOIN key ON key.id = trades.key
WHERE in_force AND (import_id IS NULL OR import_id NOT IN (SELECT id FROM imports WHERE NOT in_force));
"""

DATA = {"key": "id", "trades": "key, ts_ns, ordinal, seq", "corrections": "seq", "imports": "id", "counts": "name"}
"""Tables whose rows depend on the ledger alone, so that two stores of one ledger have equal ones, and their order."""


def open_to_write(folder: Path) -> tuple[apsw.Connection, str]:
    """The one writing connection, and why the store was made again: "" if it was not. Call it under the lock.

    A store that is damaged or of an earlier version is removed and made again. Raises StoreUnavailable, NewerStore.
    """
    file = folder / HISTORY_FILE
    try:
        return _open(file), ""
    except (StoreDamaged, UnusableState) as error:
        reason = str(error)
    remove(folder)
    return _open(file), reason


def remove(folder: Path) -> None:
    """Remove the store: it is made again from the stream. Raises StoreUnavailable."""
    file = folder / HISTORY_FILE
    with own_errors(file):
        for name in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
            name.unlink(missing_ok=True)


def _open(file: Path) -> apsw.Connection:
    with own_errors(file):
        connection = apsw.Connection(str(file))
        try:
            _prepare(connection, file)
        except BaseException:
            connection.close(force=True)  # its own complaint would come after the one that counts
            raise
    return connection


def _prepare(connection: apsw.Connection, file: Path) -> None:
    connection.set_busy_timeout(BUSY_WAIT_MS)
    is_new = not connection.execute("SELECT count(*) FROM sqlite_schema").get
    if not is_new:
        layout = _check(connection, file)
        if layout < LAYOUT:
            raise UnusableState(f"it has layout {layout}, not {LAYOUT}")
    connection.pragma("journal_mode", "wal")
    # A power cut may take the last transactions, which come again from the stream, but never leaves half of one.
    connection.pragma("synchronous", "normal")
    connection.pragma("cache_size", -16_384)  # KiB; with more, the sidecar would need more than 64 MiB to catch up
    connection.pragma("journal_size_limit", 64 * 1024 * 1024)
    if is_new:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(TABLES)
        PositionTable(connection, FOLD)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", LAYOUT)
        connection.execute("COMMIT")
    PositionTable(connection, FOLD).load(connection)


def open_to_read(folder: Path) -> apsw.Connection:
    """A connection that only reads. Raises StoreMissing, StoreDamaged, NewerStore, StoreUnavailable."""
    file = folder / HISTORY_FILE
    if not file.exists():
        raise StoreMissing(f"{file} is not there: trading-analytics builds it")
    with own_errors(file):
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(BUSY_WAIT_MS)
            if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
                raise StoreMissing(f"{file} is empty: trading-analytics builds it")
            layout = _check(connection, file)
            if layout < LAYOUT:
                raise StoreMissing(f"{file} is of an earlier version: trading-analytics rebuilds it at its start")
        except BaseException:
            connection.close(force=True)
            raise
    return connection


def _check(connection: apsw.Connection, file: Path) -> int:
    """The layout of a store. Raises StoreUnavailable, NewerStore."""
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StoreUnavailable(f"{file} is a database, but not a history; move it away or set DATA_DIR")
    layout = int(connection.pragma("user_version"))
    if layout > LAYOUT:
        raise NewerStore(
            f"{file} has layout {layout}, this version knows {LAYOUT}: upgrade, or move the file away to rebuild it"
        )
    return layout
