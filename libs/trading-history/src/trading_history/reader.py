"""Reads the store: one snapshot is one read transaction, so everything in it is of the same position.

Keep a snapshot short: while it is open, the write-ahead log grows.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import msgspec

from telemetry_stream.errors import UnusableState
from telemetry_stream.events import StreamPosition
from telemetry_stream.projection import PositionTable
from trading_history import decode
from trading_history.decode import FillRecord
from trading_history.errors import StoreMissing
from trading_history.schema import DATABASE, FOLD
from trading_history.standing import Correction, standing_of
from trading_model.accounting.fills import LineKey, WideFill
from trading_model.decimals import EXACT, ZERO
from trading_model.field_rules import format_timestamp
from trading_model.topics import LEDGER
from trading_model.trade import Side


class StoredFill(WideFill, frozen=True, gc=False):
    """A fill in force, with its effective content. `seq`, `trade_id` and `import_id` are as first journaled."""

    tags: tuple[str, ...] | None = None


class NearFill(NamedTuple):
    """A fill as far as it is compared with another: amounts with the digits as sent, time in Unix nanoseconds."""

    seq: int
    ts_ns: int
    side: str
    price: str
    qty: str


class ImportTotal(NamedTuple):
    """What fills of an import amount to, under the symbol as sent: |price| × quantity is their notional."""

    account: str
    strategy: str
    symbol: str
    side: Side
    trades: int
    volume: Decimal
    notional: Decimal


_KEY = "account, strategy, symbol, position_side, currency"
_CONTENT = decode.COLUMNS[5:]
_COLUMNS = f"ts_ns, ordinal, seq, key, {', '.join(_CONTENT)}"
_CURVES = "SELECT since, curve, until FROM curves WHERE series = ? ORDER BY since"
_OF_KEY = f"SELECT {_COLUMNS} FROM trades WHERE key = ? AND in_force ORDER BY ts_ns, ordinal, seq"
_OF_IMPORT = f"SELECT {_COLUMNS}, in_force FROM trades WHERE import_id = ? AND seq <= ?"
_CORRECTED_SINCE = """
SELECT DISTINCT subject FROM corrections WHERE seq > ? AND subject IN (SELECT seq FROM trades WHERE import_id = ?)
"""
_NEAR = """
SELECT seq, ts_ns, side, price, qty, import_id FROM trades
WHERE key IN (SELECT id FROM key WHERE account = ? AND symbol = ?) AND ts_ns BETWEEN ? AND ? AND in_force LIMIT ?
"""
_IMPORT = 4 + _CONTENT.index("import_id")

_decode_tags = msgspec.json.Decoder(tuple[str, ...]).decode
_number = EXACT.create_decimal


class HistoryReader:
    """Read access to the store, for one thread."""

    def __init__(self, folder: Path) -> None:
        """Open the store in `folder`. Raises StoreMissing, StoreDamaged, NewerStore, StoreUnavailable."""
        self.file = folder / DATABASE.file_name
        self._connection = DATABASE.open_to_read(folder)
        self._folder = folder

    @contextmanager
    def snapshot(self) -> Iterator["Snapshot"]:
        """The store as it is now. Raises StoreMissing, StoreDamaged, StoreUnavailable."""
        with DATABASE.reading_errors(self._folder):
            self._connection.execute("BEGIN")
            try:
                yield Snapshot(self._connection)
            except UnusableState as error:
                raise StoreMissing(f"{self.file} can't be used, {error}: trading-analytics rebuilds it") from error
            finally:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._connection.close(force=True)


class Snapshot:
    """The store at one position. Use it before its context ends."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        """The connection, for the questions of `queries`."""

        positions = PositionTable(connection, FOLD).load(connection)
        self.position = positions.get(LEDGER, StreamPosition())
        """How far the store has come."""

        self.taken_back = {row[0] for row in connection.execute("SELECT id FROM imports WHERE NOT in_force")}
        """Imports whose fills don't count."""

        (applied, changed), *_ = connection.execute("SELECT applied, changed FROM figures")
        self.figures_are_settled = changed is None and applied == self.position.sequence
        """Whether figures (positions, equity, round trips) have all that the store has: not while they are restated."""

        self._curves: dict[int, list[tuple[int, int, int]]] = {}

    def curves_of(self, series: int) -> list[tuple[int, int, int]]:
        """The curves that a series has had, ascending: since which Unix second, which one, until when. Read once: an
        answer asks for them with each part of its range.
        """
        if series not in self._curves:
            self._curves[series] = [(*row,) for row in self.connection.execute(_CURVES, (series,))]
        return self._curves[series]

    def counts(self) -> dict[str, int]:
        """Events by what became of them: `fills`, `undecodable`, `unmatched`."""
        counts: dict[str, int] = dict(self.connection.execute("SELECT name, events FROM counts"))
        return counts

    def known_keys(self) -> list[LineKey]:
        """All keys that ever had a fill, in the order of their first."""
        return [LineKey(*row) for row in self.connection.execute(f"SELECT {_KEY} FROM key ORDER BY id")]

    def fills(self, keys: Iterable[LineKey]) -> Iterator[StoredFill]:
        """The fills in force of all these keys together, in the order of trading. Memory is flat in their number.

        The symbols of keys may be in any case.
        """
        numbers = {number: key for key in keys if (number := self._number_of(key))}
        rows = [self.connection.execute(_OF_KEY, (number,)) for number in numbers]
        taken_back = self.taken_back
        for row in rows[0] if len(rows) == 1 else heapq.merge(*rows):
            if row[_IMPORT] is None or row[_IMPORT] not in taken_back:
                yield _fill(row, numbers[row[3]])

    def near(self, account: str, symbol: str, first_ns: int, last_ns: int, limit: int) -> list[NearFill]:
        """The fills in force of an account and a symbol (in any case) from one time to another, whatever their strategy
        and currency; at most `limit`. Times are Unix nanoseconds.
        """
        rows = self.connection.execute(_NEAR, (account, symbol.upper(), first_ns, last_ns, limit))
        taken_back = self.taken_back
        return [NearFill(*row[:5]) for row in rows if row[5] is None or row[5] not in taken_back]

    def symbols(self, account: str) -> list[str]:
        """The symbols that an account has or had a fill of, in upper case."""
        found = self.connection.execute("SELECT DISTINCT symbol FROM key WHERE account = ? ORDER BY symbol", (account,))
        return [symbol for (symbol,) in found]

    def import_keys(self, import_id: str) -> list[LineKey]:
        """The keys that have fills of an import, whether it is in force or not."""
        rows = self.connection.execute(
            f"SELECT {_KEY} FROM key WHERE id IN (SELECT key FROM trades WHERE import_id = ?) ORDER BY id", (import_id,)
        )
        return [LineKey(*row) for row in rows]

    def import_totals(self, import_id: str, until: int) -> list[ImportTotal]:
        """What the fills of an import amounted to when the stream had come to the sequence `until`, whether the import
        was in force or not, without those that were void then, and with the content that they had then.
        """
        sums: dict[tuple[str, str, str, Side], tuple[int, Decimal, Decimal]] = {}
        for _, fill in self._import_fills(import_id, until):
            name = (fill.account, fill.strategy, fill.symbol, fill.side)
            trades, volume, notional = sums.get(name, (0, ZERO, ZERO))
            price, qty = _number(fill.price), _number(fill.qty)
            amount = EXACT.multiply(abs(price), qty)
            sums[name] = (trades + 1, EXACT.add(volume, qty), EXACT.add(notional, amount))
        return [ImportTotal(*name, *total) for name, total in sums.items()]

    def import_multipliers(self, import_id: str, until: int) -> list[tuple[LineKey, Decimal, int]]:
        """How many of the same fills name a multiplier: by key, with the symbol as sent, and multiplier."""
        counts = Counter(
            (key._replace(symbol=fill.symbol), _number(fill.multiplier))
            for key, fill in self._import_fills(import_id, until)
            if fill.multiplier is not None
        )
        return [(key, multiplier, fills) for (key, multiplier), fills in counts.items()]

    def _import_fills(self, import_id: str, until: int) -> Iterator[tuple[LineKey, StoredFill | FillRecord]]:
        corrected = {row[0] for row in self.connection.execute(_CORRECTED_SINCE, (until, import_id))}
        keys = dict(enumerate(self.known_keys(), 1))
        for *row, in_force in self.connection.execute(_OF_IMPORT, (import_id, until)):
            if row[2] in corrected:
                record = self._as_of(row[2], until)
                if record is not None:
                    yield decode.key_of(record), record
            elif in_force:
                yield keys[row[3]], _fill(tuple(row), keys[row[3]])

    def _as_of(self, subject: int, until: int) -> FillRecord | None:
        """What a fill that was corrected said at the sequence `until`; None if it was void."""
        rows = self.connection.execute(
            "SELECT seq, kind, target FROM corrections WHERE subject = ? AND seq <= ? ORDER BY seq", (subject, until)
        )
        standing, _ = standing_of(subject, [Correction(*row) for row in rows])
        if not standing.in_force:
            return None
        if standing.replace:
            content = self.connection.execute("SELECT fill FROM corrections WHERE seq = ?", (standing.replace,)).get
        else:
            content = self.connection.execute("SELECT was FROM corrections WHERE target = ? LIMIT 1", (subject,)).get
        record = decode.read_event(content.encode())
        return record if isinstance(record, FillRecord) else None

    def _number_of(self, key: LineKey) -> int | None:
        number: int | None = self.connection.execute(
            "SELECT id FROM key WHERE account = ? AND strategy = ? AND symbol = ? AND position_side = ?"
            " AND currency = ?",
            key._replace(symbol=key.symbol.upper()),
        ).get
        return number


def _fill(row: tuple[Any, ...], key: LineKey) -> StoredFill:
    ts_ns, _, seq, _, side, price, qty, trade_id, symbol, venue, order_id, fee, currency, multiplier, tags, source = row
    return StoredFill(
        seq,
        symbol or key.symbol,
        _number(price),
        _number(qty),
        side,
        format_timestamp(ts_ns),
        trade_id,
        key.account,
        key.strategy,
        None if fee is None else _number(fee),
        currency,
        venue,
        order_id,
        currency=key.currency or None,
        position_side=key.position_side or None,  # type: ignore[arg-type]  # the writer took it from a fill
        multiplier=None if multiplier is None else _number(multiplier),
        import_id=source,
        tags=None if tags is None else _decode_tags(tags),
    )
