"""A search of fills, in the order of trading or the newest first, with what corrected them."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

from trading_history import decode
from trading_history.queries.keys import Wanted, keys
from trading_history.reader import Snapshot
from trading_model.accounting.fills import LineKey

MAX_SCANNED = 50_000
"""Fills that one search compares with a side, a tag and ranges of amounts: what matches little ends an answer early."""


class Place(NamedTuple):
    """A fill's place in the order of trading."""

    ts_ns: int
    ordinal: str
    seq: int


class Between(NamedTuple):
    """Amounts from `lowest` to `highest`, both included; None is no limit."""

    lowest: Decimal | None = None
    highest: Decimal | None = None

    def __bool__(self) -> bool:
        return self.lowest is not None or self.highest is not None

    def has(self, amount: Decimal) -> bool:
        """Whether an amount is among them."""
        return (self.lowest is None or self.lowest <= amount) and (self.highest is None or amount <= self.highest)


class Search(NamedTuple):
    """Which fills: None and an empty range match every value. Times are Unix nanoseconds, `until_ns` is not included.

    With `voided`, fills that do not count are found too.
    """

    wanted: Wanted = Wanted()
    first_ns: int | None = None
    until_ns: int | None = None
    side: str | None = None
    tag: str | None = None
    order_id: str | None = None
    import_id: str | None = None
    price: Between = Between()
    qty: Between = Between()
    voided: bool = False

    def has(self, row: Sequence[Any]) -> bool:
        """Whether a row has what no index finds."""
        _, _, _, _, _, side, price, qty, *_, tags, _ = row
        return (
            (self.side is None or side == self.side)
            and (self.tag is None or (tags is not None and f'"{self.tag}"' in tags))  # no tag contains a quote
            and (not self.price or self.price.has(Decimal(price)))
            and (not self.qty or self.qty.has(Decimal(qty)))
        )


class Correction(NamedTuple):
    """A void or a replacement of a fill, or of one of its corrections."""

    seq: int
    kind: str
    id: str
    reason: str
    in_force: bool


class FoundFill(NamedTuple):
    """A fill with its effective content, amounts with the digits as sent. `corrections` are in the order of arrival."""

    place: Place
    key: LineKey
    in_force: bool
    side: str
    price: str
    qty: str
    trade_id: str
    symbol: str
    venue: str | None
    order_id: str | None
    fee: str | None
    fee_currency: str | None
    multiplier: str | None
    tags: str | None
    """A JSON array."""

    import_id: str | None
    corrections: Sequence[Correction]


_COLUMNS = ", ".join(("ts_ns", "ordinal", "seq", "key", "in_force", *decode.COLUMNS[5:]))
_TAKEN_BACK = "import_id IN (SELECT id FROM imports WHERE NOT in_force)"


def search(
    snapshot: Snapshot, wanted: Search, limit: int, after: Place | None = None, *, newest_first: bool = True
) -> tuple[list[FoundFill], Place | None]:
    """At most `limit` fills behind the place `after` in the order asked for, and the place to go on after: None if no
    fill is left.
    """
    known = keys(snapshot, wanted.wanted)
    found, place = list[tuple[Any, ...]](), None
    numbers = None if wanted.wanted == Wanted() and not (wanted.order_id or wanted.import_id) else list(known)
    rows = _rows(snapshot, wanted, numbers, after, newest_first=newest_first)
    for scanned, row in enumerate(rows, 1):
        if wanted.has(row):
            found.append(row)
        if len(found) == limit or scanned == MAX_SCANNED:
            place = Place(*row[:3]) if next(rows, None) is not None else None
            break
    corrections = _corrections(snapshot, [row[2] for row in found])
    return [_fill(snapshot, row, known[row[3]], corrections.get(row[2], ())) for row in found], place


def _rows(
    snapshot: Snapshot, wanted: Search, numbers: Sequence[int] | None, after: Place | None, *, newest_first: bool
) -> Iterator[tuple[Any, ...]]:
    """The fills of some keys, or of all. An index has each key's, those of an order, of an import, and all, by time."""
    conditions, values = ["1" if numbers is None else "key = ?"], list[object]()

    def limit(condition: str, *given: object) -> None:
        conditions.append(condition)
        values.extend(given)

    if wanted.first_ns is not None:
        limit("ts_ns >= ?", wanted.first_ns)
    if wanted.until_ns is not None:
        limit("ts_ns < ?", wanted.until_ns)
    if after is not None:
        limit(f"(ts_ns, ordinal, seq) {'<' if newest_first else '>'} (?, ?, ?)", *after)
    for column in ("order_id", "import_id"):
        if (value := getattr(wanted, column)) is not None:
            limit(f"{column} = ?", value)
    if not wanted.voided:
        limit(f"in_force AND (import_id IS NULL OR NOT {_TAKEN_BACK})")
    way = "DESC" if newest_first else "ASC"
    statement = (
        f"SELECT {_COLUMNS} FROM trades WHERE {' AND '.join(conditions)} ORDER BY ts_ns {way}, ordinal {way}, seq {way}"
    )
    if numbers is None:
        return iter(snapshot.connection.execute(statement, values))
    rows = [snapshot.connection.execute(statement, (number, *values)) for number in numbers]
    return heapq.merge(*rows, key=lambda row: row[:3], reverse=newest_first)


def _corrections(snapshot: Snapshot, subjects: Sequence[int]) -> Mapping[int, list[Correction]]:
    found: dict[int, list[Correction]] = {}
    pieces = iter(subjects)
    while piece := list(islice(pieces, 500)):
        marks = ", ".join("?" * len(piece))
        rows = snapshot.connection.execute(
            "SELECT subject, seq, kind, id, reason, in_force FROM corrections"
            f" WHERE subject IN ({marks}) ORDER BY subject, seq",
            piece,
        )
        for subject, *columns, in_force in rows:
            found.setdefault(subject, []).append(Correction._make((*columns, bool(in_force))))
    return found


def _fill(snapshot: Snapshot, row: tuple[Any, ...], key: LineKey, corrections: Sequence[Correction]) -> FoundFill:
    ts_ns, ordinal, seq, _, in_force, side, price, qty, trade_id, symbol, *rest, import_id = row
    counts = bool(in_force) and import_id not in snapshot.taken_back
    content = (counts, side, price, qty, trade_id, symbol or key.symbol, *rest, import_id)
    return FoundFill._make((Place(ts_ns, ordinal, seq), key, *content, corrections))
