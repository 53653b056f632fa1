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
from trading_history.figures.trip_columns import Numbers
from trading_history.queries.amount_columns import amount_of, sums
from trading_history.queries.bar_columns import AMOUNTS, BarColumns, bar_columns
from trading_history.queries.closed_trips import ClosedTrips, closed_trips
from trading_history.queries.conversion import MINUTE, MINUTE_NS, Conversion
from trading_history.queries.converted_steps import AMOUNTS as CONVERTED
from trading_history.queries.converted_steps import Steps, steps
from trading_history.queries.equity import SECOND
from trading_history.queries.lots import Realized, realized
from trading_history.queries.market_marks import Added, MarketMarks
from trading_history.queries.pnl_rows import Rows
from trading_history.queries.rate_columns import RateColumn
from trading_history.queries.scope import Scope, Series, addends, by_currency
from trading_history.queries.trip_conversion import NO_RATE, rated
from trading_history.queries.trip_sums import Runs
from trading_history.reader import Snapshot
from trading_model.accounting.book import NO_AMOUNTS
from trading_model.accounting.lots import Method
from trading_model.days import Calendar, DayBoundary
from trading_model.decimals import ZERO, exactly
from trading_model.rates import Found


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


def _add_bars(
    snapshot: Snapshot, table: Sequence[_Sum], series: Sequence[Series], rows: Rows, start_ns: int, end_ns: int
) -> None:
    """Add the bars of some series in a range to the rows that they are in."""
    for reading in rows.readings(start_ns, end_ns):
        for bars in bar_columns(snapshot, series, reading.parts, reading.within):
            starts_ns = bars.starts * SECOND
            _add_to_rows(table, bars, reading.of(starts_ns))
            if reading.taken_from is not None:
                _add_to_rows(table, bars, reading.taken_from(starts_ns), -1)


def _add_to_rows(table: Sequence[_Sum], bars: BarColumns, row_of: Numbers, sign: int = 1) -> None:
    """Add what bars have to their rows, or take it out of them by a sign of -1."""
    amounts = [bars.amounts[name].sums(row_of, len(table)) for name in AMOUNTS]
    for row, *values in zip(table, *amounts, sums(bars.fills, row_of, len(table)), strict=True):
        row.add(*(sign * value for value in values))
    for place, fees in bars.fees_outside.items():
        row = table[row_of[place]]
        row.leave_out({currency: sign * amount for currency, amount in fees.items()})
        if sign < 0:
            row.fees_outside = {currency: amount for currency, amount in row.fees_outside.items() if amount}


def _add_steps(table: Sequence[_Sum], found: Steps, rows: Rows, start_ns: int) -> None:
    """Add what bars became in the base currency to the rows that they begin in, from a time on."""
    row_of, first = rows.of(found.times_ns), int(found.times_ns.searchsorted(start_ns))
    own = row_of[first:]
    columns = [
        [amount_of(one, found.places) for one in sums(column[first:], own, rows.count)]
        for column in (found.change, *(found.amounts[name] for name in CONVERTED))
    ]
    for row, change, *values in zip(table, *columns, sums(found.fills[first:], own, rows.count), strict=True):
        row.add(ZERO, change, *values)
    for at in np.unique(own[~found.is_whole[first:]]).tolist():
        table[at].is_whole = False
    for place, fees in found.fees_outside.items():
        if place >= first:
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
        for currency, series in by_currency(addends(snapshot, scope).series).items():
            _add_bars(snapshot, sums[currency], series, rows, first_ns, end_ns)
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
    nets = runs.trips.amounts["net"].sums(runs.starts)
    counts = zip(runs.counts, runs.sums(runs.signs > 0), runs.sums(runs.signs < 0), strict=True)
    return zip(runs.groups, counts, nets, strict=True)


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
        _add_bars(snapshot, table, of_same, rows, start_ns, times[1])
        found = steps(snapshot, others, conversion, times, rows.span, edges)
        found.note(conversion)
        _add_steps(table, found, rows, start_ns)
    for trips, places, rates in rated(closed_trips(snapshot, scope, *times, ("net",)), conversion):
        row_of = rows.of(trips.closed_ns)
        for row in np.unique(row_of[places == NO_RATE]).tolist():
            table[row].is_whole = False
        has_rate = places != NO_RATE
        if has_rate.any():
            _close_at_rates(table, Runs(trips[has_rate], row_of[has_rate] * len(rates) + places[has_rate]), rates)
    return table


def _close_at_rates(table: Sequence[_Sum], runs: Runs, rates: Sequence[Found]) -> None:
    """Add closed round trips to the rows that they ended in: runs, each of one row and one rate."""
    row_of, at = np.divmod(np.array(runs.groups), len(rates))
    nets, places = RateColumn(rates).convert(*runs.trips.amounts["net"].run_sums(runs.starts), at, rounds=True)
    counts = (runs.counts, runs.sums(runs.signs > 0), runs.sums(runs.signs < 0))
    columns = (sums(np.array(column), row_of, len(table)) for column in (*counts, nets))
    for row, trips, wins, losses, net in zip(table, *columns, strict=True):
        row.close(trips, wins, losses, amount_of(net, places))
