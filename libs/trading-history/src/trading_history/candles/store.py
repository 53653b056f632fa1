"""Keeps candles in `market.sqlite3`, with the position in the stream of market data that they include."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import apsw

from telemetry_stream.events import StreamPosition
from telemetry_stream.projection import PositionTable
from trading_history.candles.candle import Candle, CandleKey, Market, merged
from trading_history.errors import NewerStore, StoreMissing, StoreUnavailable
from trading_history.lock import lock_to_write
from trading_model.decimals import exactly

FILE = "market.sqlite3"
APPLICATION_ID = 0x5452534D  # "TRSM"
LAYOUT = 1
FOLD = 1
BUSY_WAIT_MS = 2_000

KEEP_SECONDS = {1: 2 * 86_400, 60: 366 * 86_400}
"""For how long candles of a span are kept; the others for ever. One market has 86,400 candles of a second a day."""

TABLES = """
-- one row for each span in which a market had a trade
CREATE TABLE candles (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,               -- BASE-QUOTE
    span INTEGER NOT NULL,              -- seconds: 1, 60, 3600 or 86400
    start INTEGER NOT NULL,             -- Unix seconds, a multiple of the span
    open TEXT NOT NULL,
    high TEXT NOT NULL,
    low TEXT NOT NULL,
    close TEXT NOT NULL,
    volume TEXT NOT NULL,
    notional TEXT NOT NULL,             -- sum of price times quantity; divided by the volume it is the VWAP
    trades INTEGER NOT NULL,
    first_ns INTEGER NOT NULL,          -- time of the trade that opened it, and of the one that closed it
    last_ns INTEGER NOT NULL,
    revision INTEGER NOT NULL,          -- trades that came late
    PRIMARY KEY (venue, symbol, span, start)
) STRICT, WITHOUT ROWID;

-- the highest trade id in the candles: a feed whose journal was replaced may bring trades again
CREATE TABLE trade_ids (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,                 -- single or aggregate
    last INTEGER NOT NULL,
    PRIMARY KEY (venue, symbol, kind)
) STRICT, WITHOUT ROWID;
"""

_COLUMNS = "open, high, low, close, volume, notional, trades, first_ns, last_ns, revision"
_PLACE = "venue = ? AND symbol = ? AND span = ? AND start = ?"


class TradeIds(NamedTuple):
    """The ids of a market: of single trades or of aggregates, which are counted apart."""

    market: Market
    kind: str


class CandleWriter:
    """The one writer. For one thread at a time; not to be used again after it has raised."""

    def __init__(self, folder: Path) -> None:
        """Open or make the store. Raises StoreInUse, StoreUnavailable, NewerStore."""
        self.file = folder / FILE
        with ExitStack() as opened, _own_errors(self.file):
            self._lock = opened.enter_context(lock_to_write(folder, "market.lock"))
            self._connection = apsw.Connection(str(self.file))
            opened.callback(self._connection.close, force=True)
            self._prepare()
            self._positions = PositionTable(self._connection, FOLD)
            self.position = next(iter(self._positions.load(self._connection).values()), StreamPosition())
            """Of the last commit."""

            rows = self._connection.execute("SELECT venue, symbol, kind, last FROM trade_ids")
            self.last_ids = {TradeIds(Market(venue, symbol), kind): last for venue, symbol, kind, last in rows}
            self._pruned_at = 0
            opened.pop_all()

    def _prepare(self) -> None:
        self._connection.set_busy_timeout(BUSY_WAIT_MS)
        is_new = not self._connection.execute("SELECT count(*) FROM sqlite_schema").get
        if not is_new:
            _check(self._connection, self.file)
        self._connection.pragma("journal_mode", "wal")
        self._connection.pragma("synchronous", "normal")
        if is_new:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(TABLES)
            self._connection.pragma("application_id", APPLICATION_ID)
            self._connection.pragma("user_version", LAYOUT)
            self._connection.execute("COMMIT")

    @exactly
    def commit(
        self,
        topic: str,
        position: StreamPosition,
        candles: Mapping[CandleKey, Candle],
        last_ids: Mapping[TradeIds, int],
    ) -> None:
        """Add the candles of further trades, and keep the position up to which all are in. Raises StoreUnavailable."""
        with _own_errors(self.file):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                f"INSERT OR REPLACE INTO candles VALUES ({', '.join('?' * 14)})",
                [_row(key, self._with_stored(key, candle)) for key, candle in candles.items()],
            )
            ids = [(*of.market, of.kind, last) for of, last in last_ids.items()]
            self._connection.executemany("INSERT OR REPLACE INTO trade_ids VALUES (?, ?, ?, ?)", ids)
            self._prune(candles)
            self._positions.save(self._connection, {topic: position})
            self._connection.execute("COMMIT")
            self.position = position

    def _with_stored(self, key: CandleKey, candle: Candle) -> Candle:
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM candles WHERE {_PLACE}", (*key.market, key.span, key.start)
        ).fetchone()
        return candle if row is None else merged(_candle(row), candle)

    def _prune(self, candles: Mapping[CandleKey, Candle]) -> None:
        """Remove what is too old, once for each hour of market data."""
        newest = max((key.start for key in candles), default=0)
        if newest - self._pruned_at < 3_600:
            return
        self._pruned_at = newest
        markets = self._connection.execute("SELECT DISTINCT venue, symbol FROM trade_ids").fetchall()
        for span, seconds in KEEP_SECONDS.items():
            self._connection.executemany(
                "DELETE FROM candles WHERE venue = ? AND symbol = ? AND span = ? AND start < ?",
                [(*market, span, newest - seconds) for market in markets],
            )

    def close(self) -> None:
        """Drop what is not committed, and let another process write. Idempotent."""
        self._connection.close(force=True)
        self._lock.close()


def markets(folder: Path) -> list[Market]:
    """The markets that have candles, by name; none where there is no store. Raises StoreUnavailable."""
    try:
        with _reading(folder) as connection:
            rows = connection.execute("SELECT DISTINCT venue, symbol FROM trade_ids ORDER BY venue, symbol")
            return [Market(*row) for row in rows]
    except StoreMissing:
        return []


def candles(
    folder: Path, market: Market, span: int, start: int, end: int, limit: int = 10_000
) -> list[tuple[int, Candle]]:
    """The candles of a market from `start` up to but not including `end` (Unix seconds), ascending, with their starts.

    Spans without a trade have none. At most `limit` are given, the first ones. Raises StoreMissing, StoreUnavailable.
    """
    with _reading(folder) as connection:
        rows = connection.execute(
            f"SELECT start, {_COLUMNS} FROM candles"
            " WHERE venue = ? AND symbol = ? AND span = ? AND start >= ? AND start < ? ORDER BY start LIMIT ?",
            (*market, span, start, end, limit),
        )
        return [(begins, _candle(row)) for begins, *row in rows]


@contextmanager
def _reading(folder: Path) -> Iterator[apsw.Connection]:
    file = folder / FILE
    if not file.exists():
        raise StoreMissing(f"{file} is not there: trading-analytics makes it once FEED_SYMBOLS names a market")
    with _own_errors(file):
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(BUSY_WAIT_MS)
            if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
                raise StoreMissing(f"{file} is empty: trading-analytics makes it")
            _check(connection, file)
            yield connection
        finally:
            connection.close(force=True)


def _check(connection: apsw.Connection, file: Path) -> None:
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StoreUnavailable(f"{file} is a database, but has no candles; move it away or set DATA_DIR")
    if int(connection.pragma("user_version")) > LAYOUT:
        raise NewerStore(f"{file} was made by a later version of this program")


@contextmanager
def _own_errors(file: Path) -> Iterator[None]:
    """Candles can't be rebuilt from older market data than is kept, so a damaged file is never removed."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise StoreUnavailable(f"{file} can't be used: {error}") from error


def _row(key: CandleKey, candle: Candle) -> tuple[str | int, ...]:
    amounts = (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.notional)
    numbers = (candle.trades, candle.first_ns, candle.last_ns, candle.revision)
    return (*key.market, key.span, key.start, *(format(amount, "f") for amount in amounts), *numbers)


def _candle(row: Sequence[str | int]) -> Candle:
    first, high, low, last, volume, notional = (Decimal(str(text)) for text in row[:6])
    trades, first_ns, last_ns, revision = (int(number) for number in row[6:])
    return Candle(first, high, low, last, volume, notional, trades, first_ns, last_ns, revision)
