"""The store's tables as SQL."""

from collections.abc import Sequence
from pathlib import Path

import apsw

from telemetry_stream.errors import UnusableState
from trading_history.database import Database
from trading_history.errors import StoreDamaged

HISTORY_FILE = "history.sqlite3"
LAYOUT = 9
"""Version of the tables. Raise it when they change: a store of an earlier one is rebuilt, unless it gets `steps`."""

FOLD = 7
"""Version of the content. Raise it when the same events give other rows: a store of another one is rebuilt."""

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

-- events of other kinds that figures depend on, and notes
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,                 -- cash, split, opening, move, instrument, price, rate or note
    in_force INTEGER NOT NULL,          -- 0: a void says that it never happened
    target INTEGER NOT NULL,            -- of a note: the fill that it is about, else 0
    event TEXT NOT NULL                 -- as journaled, JSON
) STRICT;
CREATE INDEX events_of_target ON events (target) WHERE target;

-- whose figures: of a position (kind book), and sums over positions by account, by strategy, by symbol, and over all
CREATE TABLE series (
    id INTEGER PRIMARY KEY,             -- by chance: another store has other numbers
    kind TEXT NOT NULL,                 -- book, account, strategy, symbol or total
    account TEXT NOT NULL,              -- '' where the kind does not name it
    strategy TEXT NOT NULL,
    symbol TEXT NOT NULL,               -- the canonical one: aliases and instruments are applied
    position_side TEXT NOT NULL,
    currency TEXT NOT NULL,             -- of the P&L; '' is unknown, and in no sum
    UNIQUE (kind, account, strategy, symbol, position_side, currency)
) STRICT;

-- which position the fills of a key belong to, by instruments and aliases
CREATE TABLE lines (
    key INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,            -- of kind book
    multiplier TEXT                     -- the largest that a fill in force names
) STRICT;

-- whose the bars of equity are: series whose net P&L was always the same share a curve, until only one of them
-- changes. The only account has that of the total, a symbol that of its only position
CREATE TABLE curves (
    series INTEGER NOT NULL,
    since INTEGER NOT NULL,             -- Unix second from which on the series has this curve: all bars that it is in
    curve INTEGER NOT NULL,
    until INTEGER NOT NULL,             -- that of the next one
    PRIMARY KEY (series, since)
) STRICT, WITHOUT ROWID;

-- net P&L over time, marked to market: realised + unrealised - fees + cash, in the currency of the series.
-- a bar has a row only where something changed in it
CREATE TABLE equity (
    curve INTEGER NOT NULL,
    span INTEGER NOT NULL,              -- seconds: 1, 60, 3600, 86400 or 2419200 (28 days)
    start INTEGER NOT NULL,             -- Unix seconds, a multiple of the span; the bar ends before start + span
    open TEXT NOT NULL,                 -- net P&L before the first change in the bar: it begins at 0
    high TEXT NOT NULL,
    low TEXT NOT NULL,
    close TEXT NOT NULL,
    drawdown TEXT NOT NULL,             -- the largest fall from a peak to a later trough, both in the bar; 0 or more
    realized TEXT NOT NULL,             -- what was realised, paid in fees and received as cash in the bar
    fees TEXT NOT NULL,
    cash TEXT NOT NULL,
    fills INTEGER NOT NULL,
    turnover TEXT NOT NULL,             -- sum of what the fills were worth, unsigned
    fees_outside TEXT,                  -- JSON: by currency, fees that no rate values; not in the net. NULL for none
    trough TEXT,                        -- where the largest fall ended; NULL: at low, or there is none
    PRIMARY KEY (curve, span, start)
) STRICT, WITHOUT ROWID;

-- each position at its last change
CREATE TABLE positions (
    series INTEGER PRIMARY KEY,
    quantity TEXT NOT NULL,             -- negative when short
    average TEXT,                       -- entry price; NULL while flat
    realized TEXT NOT NULL,
    unrealized TEXT,                    -- NULL: an open position without a mark
    fees TEXT NOT NULL,                 -- in the net, positive when paid
    cash TEXT NOT NULL,                 -- income
    net TEXT,                           -- realized + unrealized - fees + cash
    exposure TEXT,                      -- what it is worth at its mark, unsigned; NULL as for unrealized
    mark TEXT,                          -- the price that marks it
    mark_ns INTEGER,                    -- and its time
    fees_outside TEXT NOT NULL,         -- JSON: by currency, fees that no rate values; not in the net
    flags TEXT NOT NULL,                -- JSON: what a reader of the figures has to know
    rounded INTEGER NOT NULL,           -- 1: a division that does not end is in it, shown to 34 decimals more
    fills INTEGER NOT NULL,
    first_ns INTEGER NOT NULL,          -- of its first and last step
    last_ns INTEGER NOT NULL,
    revision INTEGER NOT NULL           -- the last event that changed its past: late, a correction; 0 for none
) STRICT;

-- from flat to flat, or to a rest below the lot; a flip ends one and begins the next
CREATE TABLE round_trips (
    series INTEGER NOT NULL,            -- of a position
    number INTEGER NOT NULL,            -- 1 for the first of the position
    side TEXT NOT NULL,                 -- long or short
    opened_ns INTEGER NOT NULL,
    closed_ns INTEGER,                  -- NULL while open
    entry TEXT,                         -- average price of what opened it, and of what closed it
    exit TEXT,
    quantity TEXT NOT NULL,             -- the largest that was held
    turnover TEXT NOT NULL,             -- sum of what its fills were worth, unsigned
    gross TEXT NOT NULL,                -- realised P&L, before fees
    fees TEXT NOT NULL,                 -- positive when paid
    cash TEXT NOT NULL,                 -- income while it was open: funding, dividends
    net TEXT NOT NULL,                  -- gross - fees + cash
    mae TEXT NOT NULL,                  -- lowest and highest gross P&L on the way, marked: 0 or less, 0 or more
    mfe TEXT NOT NULL,
    fills INTEGER NOT NULL,
    tags TEXT NOT NULL,                 -- JSON array: the tags of its fills, sorted
    flags TEXT NOT NULL,                -- JSON array: opening, dust, fee_outside, unknown_basis, rounded
    first_seq INTEGER NOT NULL,         -- the fill that opened it, and the one that closed it, 0 where none did
    last_seq INTEGER NOT NULL,
    revision INTEGER NOT NULL,          -- the highest sequence of all events of the position up to its end
    fees_outside TEXT,                  -- JSON by currency: fees that no rate values, not in net; NULL for none
    PRIMARY KEY (series, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX equity_short ON equity (start) WHERE span = 1;
CREATE INDEX round_trips_by_end ON round_trips (closed_ns);

-- closed round trips again, in columns, to add up many at once: blocks of those that ended after the block before
CREATE TABLE trip_blocks (
    until_ns INTEGER PRIMARY KEY,       -- all of them ended before it
    columns BLOB NOT NULL
) STRICT;
-- how far figures have come: all steps up to a place in the order of trading. One row
CREATE TABLE figures (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    applied INTEGER NOT NULL,           -- sequence of the last event that they know of
    frontier TEXT NOT NULL,             -- JSON: the place of the last step that is in them
    changed TEXT                        -- JSON: the earliest place that changed behind it; NULL for none
) STRICT;
INSERT INTO figures VALUES (1, 0, '[]', NULL);

-- states of the fold at earlier places, to go back to
CREATE TABLE checkpoints (
    number INTEGER PRIMARY KEY,
    place TEXT NOT NULL,
    state BLOB NOT NULL
) STRICT;

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

-- the bars of each series
CREATE VIEW equity_of_series AS
SELECT series, span, start, open, high, low, close, drawdown, realized, fees, cash, fills, turnover, fees_outside,
    trough
FROM curves JOIN equity USING (curve) WHERE start > since - span AND start <= until - span;
"""

DATA = {
    "key": "SELECT * FROM key ORDER BY id",
    "trades": "SELECT * FROM trades ORDER BY key, ts_ns, ordinal, seq",
    "corrections": "SELECT * FROM corrections ORDER BY seq",
    "imports": "SELECT * FROM imports ORDER BY id",
    "events": "SELECT * FROM events ORDER BY seq",
    "counts": "SELECT * FROM counts ORDER BY name",
}
"""Tables whose rows depend on the ledger alone, so that two stores of one ledger have equal ones; how they compare."""

CURVES = ("series", "since", "curve", "until")
EQUITY = (
    "curve", "span", "start", "open", "high", "low", "close", "drawdown", "realized", "fees", "cash", "fills",
    "turnover", "fees_outside", "trough",
)  # fmt: skip
POSITIONS = (
    "series", "quantity", "average", "realized", "unrealized", "fees", "cash", "net", "exposure", "mark", "mark_ns",
    "fees_outside", "flags", "rounded", "fills", "first_ns", "last_ns", "revision",
)  # fmt: skip
ROUND_TRIPS = (
    "series", "number", "side", "opened_ns", "closed_ns", "entry", "exit", "quantity", "turnover", "gross", "fees",
    "cash", "net", "mae", "mfe", "fills", "tags", "flags", "first_seq", "last_seq", "revision", "fees_outside",
)  # fmt: skip
SERIES = ("kind", "account", "strategy", "symbol", "position_side", "currency")


INDEXES_OF_FIGURES = """
CREATE INDEX IF NOT EXISTS trades_by_time ON trades (ts_ns, ordinal, seq);
CREATE INDEX IF NOT EXISTS trades_with_multiplier ON trades (key, multiplier) WHERE multiplier IS NOT NULL;
CREATE INDEX IF NOT EXISTS trades_of_order ON trades (order_id) WHERE order_id IS NOT NULL;
"""
"""Made by the writer that keeps figures: another one, the sidecar, would be a quarter slower with them."""

CACHE_KIB_WITH_FIGURES = 32_768
"""Pages that the writer that keeps figures has in memory: each key and each span of bars adds to a page of its own, so
with 1,000 keys twice as many save a tenth of a rebuild's CPU time.
"""

DERIVED = ("series", "lines", "curves", "equity", "positions", "round_trips", "trip_blocks", "checkpoints")
"""Tables of the figures: they follow from the others by the accounting."""


def _with_names(table: str, columns: Sequence[str], where: str = "") -> str:
    shown = ", ".join((*SERIES, *columns[1:]))
    return f"SELECT {shown} FROM {table} JOIN series ON series.id = {table}.series {where} ORDER BY {shown}"


FIGURES = {
    "lines": f"SELECT key, {', '.join(SERIES)}, multiplier FROM lines JOIN series ON id = series ORDER BY key",
    "equity": _with_names("equity_of_series", EQUITY, "WHERE span > 1"),
    "positions": _with_names("positions", POSITIONS),
    "round_trips": _with_names("round_trips", ROUND_TRIPS),
}
"""Questions for all rows of what follows by the accounting: names in the place of the number of the series."""


DATABASE = Database(
    HISTORY_FILE,
    application_id=0x54525348,  # "TRSH"
    layout=LAYOUT,
    fold=FOLD,
    tables=TABLES,
    content="a history",
    when_damaged="trading-analytics makes it again while it runs, `trading-analytics rebuild` while it does not",
    is_remade=True,
    cache_kib=16_384,  # with more, the sidecar would need more than 64 MiB to catch up
)


def open_to_write(folder: Path) -> tuple[apsw.Connection, str]:
    """The one writing connection, and why the store was made again: "" if it was not. Call it under the lock.

    A store that is damaged or of an earlier version is removed and made again. Raises StoreUnavailable, NewerStore.
    """
    try:
        return DATABASE.open_to_write(folder), ""
    except (StoreDamaged, UnusableState) as error:
        reason = str(error)
    DATABASE.remove(folder)
    return DATABASE.open_to_write(folder), reason
