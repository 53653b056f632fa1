"""P&L by trading day, week, month, hour of the day and weekday: the three views of accounting rule 22.

    marked        the change of the net P&L, at the last mark before the end of the period
    settled       realised P&L by fill, fees and cash, each at its own time
    round trips   the net of the round trips that closed in the period

Over a whole life, flat at its end, all three have the same sum but for cash that came while a position was flat, which
no round trip has.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import cache, partial

import msgspec
import numpy as np

from trading_history.figures.bars import added
from trading_history.figures.trip_columns import Numbers
from trading_history.queries.closed_trips import ClosedTrips, closed_trips
from trading_history.queries.conversion import MINUTE, MINUTE_NS, Conversion, Step, steps
from trading_history.queries.equity import SECOND, BarAmounts, amounts_of, cover
from trading_history.queries.lots import Realized, realized
from trading_history.queries.market_marks import Added, MarketMarks
from trading_history.queries.round_trips import all_closed
from trading_history.queries.scope import Scope, addends
from trading_history.queries.trip_sums import Runs
from trading_history.reader import Snapshot
from trading_model.accounting.book import NO_AMOUNTS
from trading_model.accounting.lots import Method
from trading_model.days import Calendar, DayBoundary
from trading_model.decimals import EXACT, ZERO, exactly

_WEEK_NS = 7 * 86_400 * SECOND

QUARTER_NS = 900 * SECOND
"""In which no zone has two hours of the day: none changes at another time, or is beside UTC by a part of it."""


class Pnl(msgspec.Struct, frozen=True):
    """The P&L of one period, or of all times of one hour or weekday. Amounts are in the currency of the table.

    `marked` is the first view, `settled` = `realized` − `fees` + `cash` the second, `round_trips` the third; `trips`
    of them closed. `wins` and `losses` count round trips with a net above and below 0. `fees_outside` are, by currency,
    fees that no rate values: they are in none of the views.
    """

    marked: Decimal
    settled: Decimal
    realized: Decimal
    fees: Decimal
    cash: Decimal
    round_trips: Decimal
    trips: int
    wins: int
    losses: int
    fills: int
    turnover: Decimal
    fees_outside: Mapping[str, Decimal] = NO_AMOUNTS
    is_whole: bool = True
    """Whether no rate was missing for it."""


class Table(msgspec.Struct, frozen=True):
    """The P&L in one currency, by period: `rows[i]` is of the i-th one. `exact`: no bar lies across a boundary."""

    currency: str
    rows: list[Pnl]
    exact: bool = True


By = Method | Conversion
"""By another method than average cost, what was realised is folded from fills. A conversion gives one table for all."""


def by_period(
    snapshot: Snapshot, scope: Scope, calendar: Calendar, by: By = "average", marks: MarketMarks | None = None
) -> list[Table]:
    """By the periods of a calendar, one table for each currency. With tags, only the view of round trips has values.
    `marks` are those of the same scope up to the end. Raises TooManyFills, TooManyMarks.
    """
    starts = calendar.starts

    def row_of(time_ns: int) -> int:
        return max(calendar.index(time_ns), 0)  # of a first minute that a range begins in, the whole is read

    return _tables(snapshot, scope, starts[0], starts[-1], len(calendar.names), row_of, by, starts, marks=marks)


def by_hour(
    snapshot: Snapshot,
    scope: Scope,
    zone: tzinfo,
    start_ns: int,
    end_ns: int,
    by: By = "average",
    marks: MarketMarks | None = None,
) -> list[Table]:
    """By hour of the day in a zone: 24 rows a table. Raises as `by_period`."""
    spans = (3_600,) if _has_whole_hours(zone, start_ns, end_ns) else ()
    return _tables(snapshot, scope, start_ns, end_ns, 24, lambda ns: _local(ns, zone).hour, by, (), spans, marks)


def by_weekday(
    snapshot: Snapshot,
    scope: Scope,
    boundary: DayBoundary,
    start_ns: int,
    end_ns: int,
    by: By = "average",
    marks: MarketMarks | None = None,
) -> list[Table]:
    """By weekday of the trading day: 7 rows a table, Monday first. Raises as `by_period`."""
    days = Calendar.of(boundary, "day", start_ns, end_ns)
    return _tables(
        snapshot, scope, start_ns, end_ns, 7, lambda ns: days.names[days.index(ns)].weekday(), by, days.starts,
        marks=marks,
    )  # fmt: skip


def _has_whole_hours(zone: tzinfo, start_ns: int, end_ns: int) -> bool:
    """Whether the hours of a zone begin with those of UTC all the while. Looks at each week: offsets last longer."""
    times = (*range(start_ns, end_ns, _WEEK_NS), end_ns)
    return all(_local(time_ns, zone).minute == _local(time_ns, UTC).minute for time_ns in times)


def _local(time_ns: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(time_ns // SECOND, zone)


_number = EXACT.create_decimal
_by_currency = msgspec.json.Decoder(dict[str, Decimal]).decode


def _total(texts: Iterable[str]) -> Decimal:
    return sum(map(_number, texts), ZERO)


class _Sum:
    """The P&L of one row under way."""

    def __init__(self) -> None:
        self.marked = self.realized = self.fees = self.cash = self.turnover = self.trips_net = ZERO
        self.trips = self.wins = self.losses = self.fills = 0
        self.fees_outside = NO_AMOUNTS
        self.is_whole = True

    def add(self, bars: Iterable[BarAmounts]) -> None:
        _, opens, closes, realized, fees, cash, turnovers, fills, outside = zip(*bars, strict=True)
        self.marked += _total(closes) - _total(opens)
        self.realized += _total(realized)
        self.fees += _total(fees)
        self.cash += _total(cash)
        self.turnover += _total(turnovers)
        self.fills += sum(fills)
        for text in filter(None, outside):
            self.fees_outside = added(self.fees_outside, _by_currency(text))

    def add_step(self, step: Step) -> None:
        self.marked += step.change
        self.realized += step.realized
        self.fees += step.fees
        self.cash += step.cash
        self.fills += step.fills
        self.turnover += step.turnover
        if step.fees_outside:
            self.fees_outside = added(self.fees_outside, step.fees_outside)
        self.is_whole = self.is_whole and step.is_whole

    def close(self, net: Decimal) -> None:
        self.trips_net += net
        self.trips += 1
        self.wins += net > ZERO
        self.losses += net < ZERO

    def close_all(self, trips: int, wins: int, losses: int, net: Decimal) -> None:
        self.trips_net += net
        self.trips += trips
        self.wins += wins
        self.losses += losses

    def row(self) -> Pnl:
        settled = self.realized - self.fees + self.cash
        return Pnl(
            self.marked, settled, self.realized, self.fees, self.cash, self.trips_net, self.trips, self.wins,
            self.losses, self.fills, self.turnover, self.fees_outside, self.is_whole,
        )  # fmt: skip


def _realize_by_lots(
    sums: Mapping[str, Sequence[_Sum]], found: Iterable[Realized], row_of: Callable[[int], int]
) -> None:
    """Put what was realised by another method in the place of that at average cost."""
    for table in sums.values():
        for row in table:
            row.realized = ZERO
    for currency, time_ns, amount in found:
        sums[currency][row_of(time_ns)].realized += amount


def _mark(sums: Mapping[str, Sequence[_Sum]], added: Iterable[Added], row_of: Callable[[int], int]) -> None:
    """Add what the marks of the market add to net P&L."""
    for one in added:
        table = sums[one.series.sum_currency]
        for change in one.changes:
            table[row_of(change.start * SECOND)].marked += change.amount


@exactly
def _tables(
    snapshot: Snapshot,
    scope: Scope,
    start_ns: int,
    end_ns: int,
    rows: int,
    row_of: Callable[[int], int],
    by: By,
    boundaries: Sequence[int],
    spans: Sequence[int] = (86_400, 3_600),
    marks: MarketMarks | None = None,
) -> list[Table]:
    """Sums of bars and round trips by row. Bars are the longest of `spans` (seconds) that no boundary inside the range
    divides, else of a minute; and shorter ones at its ends.
    """
    edges = (start_ns, end_ns, *boundaries)
    inside = [edge for edge in boundaries if start_ns < edge < end_ns]
    span = next((one for one in spans if all(not edge % (one * SECOND) for edge in inside)), 60)
    exact = all(not edge % (60 * SECOND) for edge in edges)
    if isinstance(by, Conversion):
        table = _converted(snapshot, scope, (start_ns, end_ns), by, span, edges, [_Sum() for _ in range(rows)], row_of)
        return [Table(by.into, [one.row() for one in table], exact and by.is_exact)]
    cell_ns = spans[0] * SECOND if spans else QUARTER_NS
    sums = defaultdict[str, list[_Sum]](lambda: [_Sum() for _ in range(rows)])
    if not scope.tags:
        row_of_second = cache(lambda second: row_of(second * SECOND))
        for series in addends(snapshot, scope).series:
            table = sums[series.sum_currency]
            for first, until, used in cover(start_ns // MINUTE_NS * MINUTE_NS, end_ns, span):
                of_row = dict[int, list[BarAmounts]]()
                for bar in amounts_of(snapshot, series, used, first, until):
                    of_row.setdefault(row_of_second(bar[0]), []).append(bar)
                for row, bars in of_row.items():
                    table[row].add(bars)
        if marks is not None:
            cuts = inside if boundaries else range(start_ns // cell_ns * cell_ns + cell_ns, end_ns, cell_ns)
            ends = [-(-edge // MINUTE_NS) * MINUTE for edge in (*cuts, end_ns)]
            _mark(sums, marks.at([start_ns // MINUTE_NS * MINUTE, *ends], span), row_of)
        if by != "average":
            _realize_by_lots(sums, realized(snapshot, scope, by, start_ns, end_ns), row_of)
    rows_of = partial(_rows_of, row_of=row_of, boundaries=boundaries, cell_ns=cell_ns)
    closed = closed_trips(snapshot, scope, start_ns, end_ns, ("net",))
    _close_trips(sums, closed, rows, rows_of, adds_unknown=scope.is_one_symbol)
    return [Table(currency, [one.row() for one in table], exact) for currency, table in sorted(sums.items())]


def _close_trips(
    sums: Mapping[str, list[_Sum]],
    closed: ClosedTrips,
    rows: int,
    rows_of: Callable[[Numbers], Numbers],
    *,
    adds_unknown: bool,
) -> None:
    """Add closed round trips to the rows of their currencies; `rows_of` gives those of their ends. Those without a
    currency count only if `adds_unknown`.
    """
    currencies = list(dict.fromkeys(book.sum_currency for book in closed.books))
    number_of = np.array([currencies.index(book.sum_currency) for book in closed.books], np.int64)
    for batch in closed.batches:
        runs = Runs(batch, number_of[batch.series] * rows + rows_of(batch.closed_ns))
        nets = runs.trips.amounts["net"]
        signs = nets.signs
        won, lost, totals = runs.sums(signs > 0), runs.sums(signs < 0), nets.sums(runs.starts)
        for group, trips, wins, losses, net in zip(runs.groups, runs.counts, won, lost, totals, strict=True):
            currency = currencies[group // rows]
            if currency or adds_unknown:
                sums[currency][group % rows].close_all(trips, wins, losses, net)


def _rows_of(closed_ns: Numbers, row_of: Callable[[int], int], boundaries: Sequence[int], cell_ns: int) -> Numbers:
    """The rows that round trips closed in."""
    if boundaries:
        starts, at = np.array(boundaries), np.searchsorted(boundaries, closed_ns, side="right") - 1
    else:
        starts, at = np.unique(closed_ns // cell_ns * cell_ns, return_inverse=True)
    rows: Numbers = np.array([row_of(int(start)) for start in starts[: at.max() + 1]])[at]
    return rows


def _converted(
    snapshot: Snapshot,
    scope: Scope,
    times: tuple[int, int],
    conversion: Conversion,
    span: int,
    edges: Sequence[int],
    table: list[_Sum],
    row_of: Callable[[int], int],
) -> list[_Sum]:
    """The sums of all currencies in one."""
    if not scope.tags:
        start_ns = times[0] // MINUTE_NS * MINUTE_NS
        for step in steps(snapshot, scope, conversion, times, span, edges):
            if step.time_ns >= start_ns:
                table[row_of(step.time_ns)].add_step(step)
    for trip in all_closed(snapshot, scope, *times):
        assert trip.closed_ns is not None
        converted, row = conversion.trip(trip), table[row_of(trip.closed_ns)]
        if converted is None:
            row.is_whole = False
        else:
            row.close(converted.net)
    return table
