"""Round trips: from flat to flat, or to a rest below the lot (accounting rules 2 and 15). Newest first."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from trading_history.queries.scope import SUM_CURRENCY, Scope, Series, books, conditions
from trading_history.reader import Snapshot
from trading_history.schema import ROUND_TRIPS, SERIES
from trading_model.accounting.book import NO_AMOUNTS
from trading_model.decimals import EXACT

MAX_ROWS = 10_000
"""Round trips that positions ever had, up to which all are read as rows: that takes 0.1 s."""


class RoundTrip(msgspec.Struct, frozen=True, gc=False):
    """A round trip of a position, in the currency of its P&L: "" if it is unknown, or the amounts are points.

    `closed_ns` is None while it is open; its figures are then what was realised so far. `entry` and `exit` are average
    prices. `quantity` is the largest that was held, `turnover` what its fills were worth, unsigned. `mae` and `mfe` are
    the lowest and the highest gross P&L on the way, marked. `flags`: `opening` (began with an opening: when it was
    bought is unknown, so is the holding time), `dust` (ended at a rest below the lot, which the next one carries on),
    `fee_outside` (a fee that no rate values is not in it), `unknown_basis`, `rounded`. `first_seq` and `last_seq` are
    the fills that began and ended it, 0 where none did. `revision` is the highest sequence of all events of the
    position up to its end: no event after that one changed it. `fees_outside` are, by currency, fees that no rate
    values: they are not in `net`.
    """

    account: str
    strategy: str
    symbol: str
    position_side: str
    currency: str
    number: int
    side: str
    opened_ns: int
    closed_ns: int | None
    entry: Decimal | None
    exit: Decimal | None
    quantity: Decimal
    turnover: Decimal
    gross: Decimal
    fees: Decimal
    cash: Decimal
    net: Decimal
    mae: Decimal
    mfe: Decimal
    fills: int
    tags: tuple[str, ...]
    flags: tuple[str, ...]
    first_seq: int
    last_seq: int
    revision: int
    fees_outside: Mapping[str, Decimal] = NO_AMOUNTS

    @property
    def holding_ns(self) -> int | None:
        """How long it lasted; None while open, and where it began with an opening."""
        return None if self.closed_ns is None or "opening" in self.flags else self.closed_ns - self.opened_ns


class Cursor(msgspec.Struct, frozen=True):
    """Where a page ends: the next one begins after it."""

    closed_ns: int
    series: int
    number: int


class Page(msgspec.Struct, frozen=True):
    """Some round trips, and where the next page begins; None at the end."""

    round_trips: list[RoundTrip]
    next: Cursor | None


_COLUMNS = f"{', '.join(SERIES[1:-1])}, {SUM_CURRENCY}, {', '.join(ROUND_TRIPS[1:])}, round_trips.series"
_DECIMALS = frozenset(
    5 + ROUND_TRIPS[1:].index(name)
    for name in ("entry", "exit", "quantity", "turnover", "gross", "fees", "cash", "net", "mae", "mfe")
)
_ARRAYS = frozenset(5 + ROUND_TRIPS[1:].index(name) for name in ("tags", "flags"))
_COUNT = "SELECT ifnull(max(number), 0) FROM round_trips WHERE series = ?"
_ENDS = "SELECT until_ns FROM trip_blocks WHERE until_ns > ? ORDER BY until_ns"
_FIND_TEXT = "SELECT instr(columns, ?) FROM trip_blocks WHERE until_ns > ? ORDER BY until_ns LIMIT 1"
_names = msgspec.json.Decoder(tuple[str, ...]).decode
_by_currency = msgspec.json.Decoder(dict[str, Decimal]).decode


def closed(
    snapshot: Snapshot, scope: Scope, start_ns: int, end_ns: int, limit: int = 100, after: Cursor | None = None
) -> Page:
    """The round trips that closed in a range, the last one first."""
    where, values = _where(scope)
    times = start_ns, end_ns if after is None else min(end_ns, after.closed_ns + 1)
    condition, place = "", list[int]()
    if after is not None:
        condition = " AND (closed_ns, round_trips.series, number) < (?, ?, ?)"
        place = [after.closed_ns, after.series, after.number]
    # Of few, all are sorted; of many, the index of their ends is searched. The names CROSS and + say so to SQLite.
    few = are_few(snapshot, books(snapshot, scope))
    tables, end = (
        ("series CROSS JOIN round_trips", "+closed_ns") if few else ("round_trips CROSS JOIN series", "closed_ns")
    )
    statement = (
        f"SELECT {_COLUMNS} FROM {tables} ON series.id = round_trips.series"
        f" WHERE {where} AND {end} >= ? AND {end} < ?{condition}"
        f" ORDER BY {end} DESC, round_trips.series DESC, number DESC LIMIT ?"
    )
    rows = list[tuple[Any, ...]]()
    for part in [times] if few or not scope.tags else _with_tags(snapshot, scope.tags, *times):
        rows += snapshot.connection.execute(statement, (*values, *part, *place, limit + 1 - len(rows)))
        if len(rows) > limit:
            break
    found = [_round_trip(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(found, None)
    last = found[-1]
    assert last.closed_ns is not None
    return Page(found, Cursor(last.closed_ns, rows[limit - 1][-1], last.number))


def _with_tags(snapshot: Snapshot, tags: Iterable[str], start_ns: int, end_ns: int) -> Iterator[tuple[int, int]]:
    """The parts of a range in which trips with one of some tags may have ended, the last one first: those behind all
    blocks, and of the blocks those that have the text of a tag.
    """
    first_ns, parts = start_ns, list[tuple[int, int, bool]]()
    for (until_ns,) in snapshot.connection.execute(_ENDS, (start_ns,)):
        parts.append((first_ns, min(until_ns, end_ns), True))
        first_ns = until_ns
    parts.append((first_ns, end_ns, False))
    for first_ns, until_ns, is_block in reversed(parts):
        if first_ns < until_ns and not (is_block and _lacks(snapshot, first_ns, tags)):
            yield first_ns, until_ns


def _lacks(snapshot: Snapshot, first_ns: int, tags: Iterable[str]) -> bool:
    """Whether the block with the trips that ended at a time or later has the text of none of these tags."""
    return not any(snapshot.connection.execute(_FIND_TEXT, (tag.encode(), first_ns)).get for tag in tags)


def are_few(snapshot: Snapshot, series: Iterable[Series]) -> bool:
    """Whether some positions ever had at most MAX_ROWS round trips."""
    count = 0
    for one in series:
        count += snapshot.connection.execute(_COUNT, (one.id,)).get
        if count > MAX_ROWS:
            return False
    return True


def still_open(snapshot: Snapshot, scope: Scope) -> list[RoundTrip]:
    """The round trips that are open now, by name."""
    where, values = _where(scope)
    rows = snapshot.connection.execute(
        f"SELECT {_COLUMNS} FROM round_trips JOIN series ON series.id = round_trips.series"
        f" WHERE {where} AND closed_ns IS NULL ORDER BY {', '.join(SERIES[1:])}",
        values,
    )
    return [_round_trip(row) for row in rows]


def closed_later(snapshot: Snapshot, scope: Scope, time_ns: int) -> list[RoundTrip]:
    """The round trips that began before a time and closed at it or later: of each position at most one, the first one
    that closed since.
    """
    where, values = _where(scope)
    series = books(snapshot, scope)
    since, given = "round_trips INDEXED BY round_trips_by_end WHERE closed_ns >= ?", list[Any]([time_ns])
    if are_few(snapshot, series):
        numbers = msgspec.json.encode([one.id for one in series]).decode()
        since = "round_trips WHERE +closed_ns >= ? AND series IN (SELECT value FROM json_each(?))"
        given.append(numbers)
    # CROSS keeps SQLite from going through all trips of all positions to look for the first ones among them.
    rows = snapshot.connection.execute(
        f"WITH first AS (SELECT series, min(number) AS number FROM {since} GROUP BY series)"
        f" SELECT {_COLUMNS} FROM first CROSS JOIN round_trips USING (series, number)"
        f" CROSS JOIN series ON series.id = round_trips.series WHERE {where} AND opened_ns < ?"
        f" ORDER BY {', '.join(SERIES[1:])}",
        (*given, *values, time_ns),
    )
    return [_round_trip(row) for row in rows]


def _where(scope: Scope) -> tuple[str, list[str]]:
    where, values = conditions(scope)
    if not scope.tags:
        return where, values
    marks = ", ".join("?" * len(scope.tags))
    has_tag = f"EXISTS (SELECT 1 FROM json_each(round_trips.tags) WHERE value IN ({marks}))"
    return f"{where} AND {has_tag}", [*values, *scope.tags]


def _round_trip(row: tuple[Any, ...]) -> RoundTrip:
    values = list(row[:-1])
    for at in _DECIMALS:
        values[at] = None if values[at] is None else EXACT.create_decimal(values[at])
    for at in _ARRAYS:
        values[at] = _names(values[at])
    values[-1] = NO_AMOUNTS if values[-1] is None else _by_currency(values[-1])
    return RoundTrip(*values)
