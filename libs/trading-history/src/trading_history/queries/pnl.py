"""P&L by trading day, week, month, hour of the day and weekday: the three views of accounting rule 22.

    marked        the change of the net P&L, at the last mark before the end of the period
    settled       realised P&L by fill, fees and cash, each at its own time
    round trips   the net of the round trips that closed in the period

Over a whole life, flat at its end, all three have the same sum but for cash that came while a position was flat, which
no round trip has.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal

import msgspec
import numpy as np

from trading_history.figures.bars import added
from trading_history.figures.trips import shown
from trading_history.queries.amount_columns import sums
from trading_history.queries.bar_columns import AMOUNTS, BarColumns, bar_columns
from trading_history.queries.closed_trips import ClosedTrips, closed_trips
from trading_history.queries.conversion import MINUTE, MINUTE_NS, Conversion, Step, steps
from trading_history.queries.equity import SECOND
from trading_history.queries.lots import Realized, realized
from trading_history.queries.market_marks import Added, MarketMarks
from trading_history.queries.pnl_rows import Rows
from trading_history.queries.scope import Scope, Series, addends, by_currency
from trading_history.queries.trip_conversion import NO_RATE, rated
from trading_history.queries.trip_sums import Runs
from trading_history.reader import Snapshot
from trading_model.accounting.book import NO_AMOUNTS
from trading_model.accounting.lots import Method
from trading_model.days import Calendar, DayBoundary
from trading_model.decimals import ZERO, exactly


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
    """P&L by the periods of a calendar, one table for each currency. With tags, only the view of round trips has
    values. `marks` are those of the same scope up to the end. Raises TooManyFills, TooManyMarks.
    """
    starts, count = calendar.starts, len(calendar.names)
    times = starts[0], starts[-1]
    return _tables(snapshot, scope, times, Rows.of_periods(starts, range(count), count, times), by, marks)


def by_hour(
    snapshot: Snapshot,
    scope: Scope,
    zone: tzinfo,
    start_ns: int,
    end_ns: int,
    by: By = "average",
    marks: MarketMarks | None = None,
) -> list[Table]:
    """P&L by hour of the day in a zone: 24 rows a table. Raises as `by_period`."""
    return _tables(snapshot, scope, (start_ns, end_ns), Rows.of_hours(zone, start_ns, end_ns), by, marks)


def by_weekday(
    snapshot: Snapshot,
    scope: Scope,
    boundary: DayBoundary,
    start_ns: int,
    end_ns: int,
    by: By = "average",
    marks: MarketMarks | None = None,
) -> list[Table]:
    """P&L by weekday of the trading day: 7 rows a table, Monday first. Raises as `by_period`."""
    days, times = Calendar.of(boundary, "day", start_ns, end_ns), (start_ns, end_ns)
    rows = Rows.of_periods(days.starts, [name.weekday() for name in days.names], 7, times)
    return _tables(snapshot, scope, times, rows, by, marks)


class _Sum:
    """The P&L of one row under way."""

    def __init__(self) -> None:
        self.marked = self.realized = self.fees = self.cash = self.turnover = self.trips_net = ZERO
        self.trips = self.wins = self.losses = self.fills = 0
        self.fees_outside = NO_AMOUNTS
        self.is_whole = True

    def add(
        self, opens: Decimal, closes: Decimal, realized: Decimal, fees: Decimal, cash: Decimal, turnover: Decimal,
        fills: int,
    ) -> None:  # fmt: skip
        """Add what bars amount to."""
        self.marked += closes - opens
        self.realized += realized
        self.fees += fees
        self.cash += cash
        self.turnover += turnover
        self.fills += fills

    def leave_out(self, fees: Mapping[str, Decimal]) -> None:
        """Add fees that no rate values, by currency."""
        self.fees_outside = added(self.fees_outside, fees)

    def add_step(self, step: Step) -> None:
        self.marked += step.change
        self.realized += step.realized
        self.fees += step.fees
        self.cash += step.cash
        self.fills += step.fills
        self.turnover += step.turnover
        if step.fees_outside:
            self.leave_out(step.fees_outside)
        self.is_whole = self.is_whole and step.is_whole

    def close(self, trips: int, wins: int, losses: int, net: Decimal) -> None:
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


def _add_bars(table: Sequence[_Sum], bars: BarColumns, rows: Rows) -> None:
    """Add bars to the rows that they begin in."""
    row_of = rows.of(bars.starts * SECOND)
    amounts = [bars.amounts[name].sums(row_of, rows.count) for name in AMOUNTS]
    for row, *values in zip(table, *amounts, sums(bars.fills, row_of, rows.count), strict=True):
        row.add(*values)
    for place, fees in bars.fees_outside.items():
        table[row_of[place]].leave_out(fees)


def _realize_by_lots(sums: Mapping[str, Sequence[_Sum]], found: Sequence[Realized], rows: Rows) -> None:
    """Put what was realised by another method in the place of that at average cost."""
    for table in sums.values():
        for row in table:
            row.realized = ZERO
    of_each = rows.of(np.array([one.time_ns for one in found], np.int64))
    for one, row in zip(found, of_each.tolist(), strict=True):
        sums[one.currency][row].realized += one.amount


def _mark(sums: Mapping[str, Sequence[_Sum]], added: Iterable[Added], rows: Rows) -> None:
    """Add what the marks of the market add to net P&L."""
    for one in added:
        table = sums[one.series.sum_currency]
        of_each = rows.of(np.array([change.start for change in one.changes], np.int64) * SECOND)
        for change, row in zip(one.changes, of_each.tolist(), strict=True):
            table[row].marked += change.amount


@exactly
def _tables(
    snapshot: Snapshot, scope: Scope, times: tuple[int, int], rows: Rows, by: By, marks: MarketMarks | None
) -> list[Table]:
    """Sums of bars and round trips by row."""
    start_ns, end_ns = times
    edges = (start_ns, end_ns, *rows.edges)
    exact = all(not edge % MINUTE_NS for edge in edges)
    if isinstance(by, Conversion):
        table = _converted(snapshot, scope, times, by, edges, rows)
        return [Table(by.into, [one.row() for one in table], exact and by.is_exact)]
    sums = defaultdict[str, list[_Sum]](lambda: [_Sum() for _ in range(rows.count)])
    if not scope.tags:
        first_ns = start_ns // MINUTE_NS * MINUTE_NS
        parts = rows.parts(first_ns, end_ns)
        for currency, series in by_currency(addends(snapshot, scope).series).items():
            table = sums[currency]
            for bars in bar_columns(snapshot, series, parts):
                _add_bars(table, bars, rows)
        if marks is not None:
            ends = [-(-edge // MINUTE_NS) * MINUTE for edge in (*rows.cuts, end_ns)]
            _mark(sums, marks.at([first_ns // SECOND, *ends], rows.span), rows)
        if by != "average":
            _realize_by_lots(sums, realized(snapshot, scope, by, start_ns, end_ns), rows)
    closed = closed_trips(snapshot, scope, start_ns, end_ns, ("net",))
    _close_trips(sums, closed, rows, adds_unknown=scope.is_one_symbol)
    return [Table(currency, [one.row() for one in table], exact) for currency, table in sorted(sums.items())]


def _close_trips(sums: Mapping[str, list[_Sum]], closed: ClosedTrips, rows: Rows, *, adds_unknown: bool) -> None:
    """Add closed round trips to the rows of their currencies that they ended in. Those without a currency count only
    if `adds_unknown`.
    """
    currencies = list(dict.fromkeys(book.sum_currency for book in closed.books))
    number_of = np.array([currencies.index(book.sum_currency) for book in closed.books], np.int64)
    for batch in closed.batches:
        for group, counts, net in _closed(Runs(batch, number_of[batch.series] * rows.count + rows.of(batch.closed_ns))):
            currency = currencies[group // rows.count]
            if currency or adds_unknown:
                sums[currency][group % rows.count].close(*counts, net)


def _closed(runs: Runs) -> Iterator[tuple[int, tuple[int, int, int], Decimal]]:
    """Each group of trips with the numbers of all, of those that won and lost, and their net."""
    nets = runs.trips.amounts["net"]
    signs = nets.signs
    counts = zip(runs.counts, runs.sums(signs > 0), runs.sums(signs < 0), strict=True)
    return zip(runs.groups, counts, nets.sums(runs.starts), strict=True)


def _converted(
    snapshot: Snapshot, scope: Scope, times: tuple[int, int], conversion: Conversion, edges: Sequence[int], rows: Rows
) -> list[_Sum]:
    """The sums of all currencies in one."""
    table = [_Sum() for _ in range(rows.count)]
    if not scope.tags:
        start_ns = times[0] // MINUTE_NS * MINUTE_NS
        of_same, others = list[Series](), list[Series]()
        for series in addends(snapshot, scope).series:
            (of_same if conversion.is_same(series.sum_currency) else others).append(series)
        for bars in bar_columns(snapshot, of_same, rows.parts(start_ns, times[1])):
            _add_bars(table, bars, rows)
        found = [one for one in steps(snapshot, others, conversion, times, rows.span, edges) if one.time_ns >= start_ns]
        of_each = rows.of(np.array([one.time_ns for one in found], np.int64))
        for step, row in zip(found, of_each.tolist(), strict=True):
            table[row].add_step(step)
    for trips, places, rates in rated(closed_trips(snapshot, scope, *times, ("net",)), conversion):
        row_of = rows.of(trips.closed_ns)
        for row in np.unique(row_of[places == NO_RATE]).tolist():
            table[row].is_whole = False
        has_rate = places != NO_RATE
        if has_rate.any():
            runs = Runs(trips[has_rate], places[has_rate] * rows.count + row_of[has_rate])
            for group, counts, net in _closed(runs):
                table[group % rows.count].close(*counts, shown(net * rates[group // rows.count]))
    return table
