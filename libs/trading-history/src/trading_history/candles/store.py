"""Keeps candles in `market.sqlite3`, with the position in the stream of market data that they include.

Each row has a hash of its values, which is compared whenever it is read: a digit that the disk changed is no price.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from telemetry_stream.errors import UnusableState
from telemetry_stream.events import StreamPosition
from telemetry_stream.id_spaces import IdSpace
from telemetry_stream.projection import PositionTable
from trading_history.candles.candle import Candle, CandleKey, Market, merged
from trading_history.candles.known_trades import KnownTrades
from trading_history.database import Database, HeldFiles, WriteAheadLog
from trading_history.errors import NewerStore, StoreDamaged, StoreMissing, StoreReplaced
from trading_history.lock import lock_to_write
from trading_model.decimals import exactly

FOLD = 1
LOCK_FILE = "market.lock"

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
    hash INTEGER,                       -- of the values before it; NULL in rows of an earlier version
    PRIMARY KEY (venue, symbol, span, start)
) STRICT, WITHOUT ROWID;

-- the ids of the trades in the candles: a feed whose journal was replaced may bring trades again
CREATE TABLE trade_ids (
    venue TEXT NOT NULL,
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,                 -- single or aggregate
    last INTEGER NOT NULL,              -- the highest one
    hash INTEGER,                       -- of the other values
    gaps TEXT,                          -- those below it that are missing: [[first, last], ...]
    latest_ns INTEGER,                  -- the latest time of any of the trades
    before_ns INTEGER,                  -- trades up to this time had other ids: the venue has numbered anew
    PRIMARY KEY (venue, symbol, kind)
) STRICT, WITHOUT ROWID;
"""

HASHES = "ALTER TABLE candles ADD COLUMN hash INTEGER; ALTER TABLE trade_ids ADD COLUMN hash INTEGER"
GAPS = (
    "ALTER TABLE trade_ids ADD COLUMN gaps TEXT; ALTER TABLE trade_ids ADD COLUMN latest_ns INTEGER;"
    " ALTER TABLE trade_ids ADD COLUMN before_ns INTEGER;"
    " UPDATE trade_ids SET latest_ns = (SELECT max(last_ns) FROM candles WHERE span = 86400"
    " AND candles.venue = trade_ids.venue AND candles.symbol = trade_ids.symbol)"
)

CANDLES = Database(
    "market.sqlite3",
    application_id=0x5452534D,  # "TRSM"
    layout=3,
    fold=FOLD,
    tables=TABLES,
    steps={1: HASHES, 2: GAPS},
    content="a store of candles",
    when_damaged="once it is moved away, trading-analytics makes it again of the market data that is kept",
)

_COLUMNS = "open, high, low, close, volume, notional, trades, first_ns, last_ns, revision, hash"
_ID_COLUMNS = "venue, symbol, kind, last, gaps, latest_ns, before_ns"
_decode_gaps = msgspec.json.Decoder(list[tuple[int, int]]).decode
_PLACE = "venue = ? AND symbol = ? AND span = ? AND start = ?"


class TradeIds(NamedTuple):
    """The ids of a market: of single trades or of aggregates, which are counted apart."""

    market: Market
    kind: str


class CandleWriter:
    """The one writer. For one thread at a time; not to be used again after it has raised.

    It sets a damaged store aside when it raises StoreDamaged: the next writer makes a new one.
    """

    def __init__(self, folder: Path) -> None:
        """Open or make the store. Raises StoreInUse, StoreDamaged, NewerStore, StoreUnavailable."""
        self._folder = folder
        with ExitStack() as opened:
            with CANDLES.errors(folder):
                self._lock = opened.enter_context(lock_to_write(folder, LOCK_FILE))
            with _setting_aside(folder):
                self._connection = CANDLES.open_to_write(folder)
            opened.callback(self._connection.close, force=True)
            with _setting_aside(folder, self._connection):
                self._log = WriteAheadLog(self._connection)
                self._positions = PositionTable(self._connection, FOLD)
                self.position = _position(self._connection)
                """The position of the last commit."""

                self.known_trades = _known_trades(self._connection)
                """The trades that were known when the store was opened."""

                self._files = HeldFiles(CANDLES, folder, LOCK_FILE)
            self._pruned_at = 0
            self._copy: Path | None = None
            opened.pop_all()

    @exactly
    def commit(
        self,
        topic: str,
        position: StreamPosition,
        candles: Mapping[CandleKey, Candle],
        known_trades: Mapping[TradeIds, KnownTrades],
    ) -> None:
        """Add the candles of further trades, and keep which these were and the position up to which all are in.

        Raises StoreDamaged, StoreUnavailable.
        """
        with _setting_aside(self._folder, self._connection):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                f"INSERT OR REPLACE INTO candles VALUES ({', '.join('?' * 15)})",
                [_row(key, self._with_stored(key, candle)) for key, candle in candles.items()],
            )
            self._connection.executemany(
                f"INSERT OR REPLACE INTO trade_ids ({_ID_COLUMNS}, hash) VALUES ({', '.join('?' * 8)})",
                [_with_hash(_id_row(of, known)) for of, known in known_trades.items()],
            )
            self._prune(candles)
            self._positions.save(self._connection, {topic: position})
            self._connection.execute("COMMIT")
            self.position = position
            self._log.keep_short()

    def _with_stored(self, key: CandleKey, candle: Candle) -> Candle:
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM candles WHERE {_PLACE}", (*key.market, key.span, key.start)
        ).fetchone()
        return candle if row is None else merged(_candle(key, row), candle)

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

    def check_files(self) -> None:
        """Raises StoreReplaced where what is committed goes into files that nobody can open any more.

        The candles are copied before, since they can't be made again; `close` puts the copy in place if that is free.
        """
        try:
            self._files.check()
        except StoreReplaced as error:
            if self._files.has_database:
                raise
            with CANDLES.errors(self._folder):
                copy = self._folder / f"market-rescued-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sqlite3"
                self._connection.execute("VACUUM INTO ?", (str(copy),))
            self._copy = copy
            raise StoreReplaced(
                f"{error}; its candles are in {copy.name}, or back in their place if that is free"
            ) from error

    def close(self) -> None:
        """Drop what is not committed, and let another process write. Idempotent."""
        self._connection.close(force=True)
        file = self._folder / CANDLES.file_name
        with suppress(OSError):
            self._files.tidy()
            if self._copy is not None and not file.exists():
                self._copy.rename(file)
        self._copy = None
        self._lock.close()


def position_of(folder: Path) -> StreamPosition:
    """How far the candles have come in the stream of market data. Raises StoreMissing, StoreUnavailable."""
    with _reading(folder) as connection:
        try:
            return _position(connection)
        except UnusableState as error:
            raise _newer(folder, error) from error


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
        return [(begins, _candle(CandleKey(market, span, begins), row)) for begins, *row in rows]


class Close(NamedTuple):
    """The last price of a market at a time, and when that trade was, in Unix nanoseconds."""

    price: Decimal
    last_ns: int


def last_closes(folder: Path, wanted: Mapping[Market, Iterable[int]]) -> dict[Market, dict[int, Close]]:
    """The last price of markets before Unix seconds at which minutes begin, as far as there are any. It is known by the
    minute where candles of a minute are kept, else by the hour. Raises StoreMissing, StoreUnavailable.
    """
    found: dict[Market, dict[int, Close]] = {}
    with _reading(folder) as connection:
        for market, seconds in wanted.items():
            hours = {second: second // _HOUR * _HOUR for second in seconds}
            minutes = [(second, hour, second) for second, hour in hours.items() if hour < second]
            known = found[market] = {}
            for span, places in (_MINUTE, minutes), (_HOUR, [(second, _FIRST, hour) for second, hour in hours.items()]):
                rows = connection.execute(_LAST_CLOSES, (*market, span, msgspec.json.encode(places).decode()))
                for second, start, *row in rows:
                    candle = _candle(CandleKey(market, span, start), row)
                    known.setdefault(second, Close(candle.close, candle.last_ns))
    return found


_MINUTE, _HOUR = 60, 3_600
_FIRST = -(1 << 62)
_LAST_CLOSES = f"""
WITH market(venue, symbol, span) AS (VALUES (?, ?, ?)), wanted AS MATERIALIZED (
    SELECT value ->> 0 AS second, value ->> 1 AS first, value ->> 2 AS until FROM json_each(?)
)
SELECT second, start, {_COLUMNS} FROM market, wanted CROSS JOIN candles USING (venue, symbol, span)
WHERE start = (
    SELECT max(start) FROM candles AS earlier
    WHERE earlier.venue = market.venue AND earlier.symbol = market.symbol AND earlier.span = market.span
    AND start >= first AND start <= until - market.span
)
"""


def candles_at(folder: Path, keys: Iterable[CandleKey]) -> dict[CandleKey, Candle]:
    """The candles with these keys, as far as there are any. Raises StoreMissing, StoreUnavailable."""
    found: dict[CandleKey, Candle] = {}
    with _reading(folder) as connection:
        for key in keys:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM candles WHERE {_PLACE}", (*key.market, key.span, key.start)
            ).fetchone()
            if row is not None:
                found[key] = _candle(key, row)
    return found


def check_rows(folder: Path) -> None:
    """Raises StoreDamaged where a row is not as it was written, StoreMissing, StoreUnavailable. Reads all of them."""
    with _reading(folder) as connection:
        _known_trades(connection)
        for venue, symbol, span, start, *row in connection.execute(
            f"SELECT venue, symbol, span, start, {_COLUMNS} FROM candles"
        ):
            _candle(CandleKey(Market(venue, symbol), span, start), row)


@contextmanager
def _reading(folder: Path) -> Iterator[apsw.Connection]:
    with CANDLES.reading(folder) as connection, _nonsense_as_damage():
        yield connection


@contextmanager
def _nonsense_as_damage() -> Iterator[None]:
    try:
        yield
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise apsw.CorruptError(str(error)) from error


def _known_trades(connection: apsw.Connection) -> dict[TradeIds, KnownTrades]:
    found = {}
    for *row, known in connection.execute(f"SELECT {_ID_COLUMNS}, hash FROM trade_ids"):
        venue, symbol, kind, last, gaps, latest_ns, before_ns = row
        _compare(tuple(row if gaps is not None else row[:4]), known)
        ids = IdSpace(last, [] if gaps is None else _decode_gaps(gaps))
        found[TradeIds(Market(venue, symbol), kind)] = KnownTrades(ids, latest_ns, before_ns or 0)
    return found


def _id_row(of: TradeIds, known: KnownTrades) -> tuple[str | int, ...]:
    assert known.latest_ns is not None  # nothing is written of trades that none was added to
    ids = known.ids
    return (*of.market, of.kind, ids.head, msgspec.json.encode(ids.gaps).decode(), known.latest_ns, known.before_ns)


def _position(connection: apsw.Connection) -> StreamPosition:
    return next(iter(PositionTable(connection, FOLD).load(connection).values()), StreamPosition())


@contextmanager
def _setting_aside(folder: Path, connection: apsw.Connection | None = None) -> Iterator[None]:
    """Raise what happens to the store as errors of this package. A damaged one is set aside before."""
    try:
        with CANDLES.errors(folder), _nonsense_as_damage():
            yield
    except StoreDamaged as error:
        if connection is not None:
            connection.close(force=True)  # else it would write into the store, or remove the log of the next one
        raise StoreDamaged(f"{error}; it is {CANDLES.set_aside(folder).name} now") from error
    except UnusableState as error:
        raise _newer(folder, error) from error


def _newer(folder: Path, error: UnusableState) -> NewerStore:
    """The store is of another version: a later one, since there was none before this one."""
    return NewerStore(f"{folder / CANDLES.file_name} can't be used, {error}: upgrade, or move the file away")


def _row(key: CandleKey, candle: Candle) -> tuple[str | int, ...]:
    amounts = (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.notional)
    numbers = (candle.trades, candle.first_ns, candle.last_ns, candle.revision)
    return _with_hash((*key.market, key.span, key.start, *(format(amount, "f") for amount in amounts), *numbers))


def _candle(key: CandleKey, row: Sequence[str | int]) -> Candle:
    """A candle of a row, whose last value is its hash. Raises apsw.CorruptError."""
    _compare((*key.market, key.span, key.start, *row[:10]), row[10])
    first, high, low, last, volume, notional = (Decimal(str(text)) for text in row[:6])
    trades, first_ns, last_ns, revision = (int(number) for number in row[6:10])
    return Candle(first, high, low, last, volume, notional, trades, first_ns, last_ns, revision)


def _with_hash(values: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return (*values, _hash(values))


def _hash(values: tuple[str | int, ...]) -> int:
    """63 bits of the values of a row."""
    return int.from_bytes(blake2b("\0".join(map(str, values)).encode(), digest_size=8).digest()) >> 1


def _compare(values: tuple[str | int, ...], known: str | int | None) -> None:
    """Raises apsw.CorruptError for a row whose values are not those that were written."""
    if known is not None and known != _hash(values):
        raise apsw.CorruptError(f"the row of {', '.join(map(str, values[:4]))} does not match its hash")
