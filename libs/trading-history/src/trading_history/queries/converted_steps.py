"""What bars, and changes of rates, added in a base currency: in columns of numbers, a hundred thousand at once."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec
import numpy as np
import numpy.typing as npt

from trading_history.figures.trip_columns import Numbers
from trading_history.queries.amount_columns import amount_of
from trading_history.queries.bar_columns import BarColumns, bar_columns
from trading_history.queries.conversion import Conversion, Part
from trading_history.queries.equity import SECOND, SPANS, between, first_start
from trading_history.queries.scope import Series, by_currency
from trading_history.reader import Snapshot
from trading_model.decimals import exactly

AMOUNTS = ("realized", "fees", "cash", "turnover")

_MINUTE_NS = 60 * SECOND
_DAY_NS = 86_400 * SECOND
_ENOUGH = 1 << 62

_Mask = npt.NDArray[np.bool_]


class Steps(msgspec.Struct, frozen=True, eq=False):
    """What each bar, or change of a rate, added in the base currency.

    `change` is that of the net P&L, `amounts` have AMOUNTS: integers / 10 ^ `places`, of any length. `fees_outside`
    are, by place, those that some have, in their own currencies. `is_whole`: nothing of the rest is missing.
    `missing` are the amounts without a rate that are to be noted. `is_exact`: no rate changed within a bar with
    amounts.
    """

    series: Numbers
    times_ns: Numbers
    fills: Numbers
    is_whole: _Mask
    places: int
    change: Numbers
    amounts: Mapping[str, Numbers]
    fees_outside: Mapping[int, Mapping[str, Decimal]]
    missing: Sequence[tuple[Part, str, Decimal, int]]
    is_exact: bool

    def __len__(self) -> int:
        return len(self.times_ns)

    def note(self, conversion: Conversion) -> None:
        """Let a conversion know what is missing, and not exact."""
        for one in self.missing:
            conversion.miss(*one)
        conversion.is_exact = conversion.is_exact and self.is_exact


@exactly
def steps(
    snapshot: Snapshot,
    series: Sequence[Series],
    conversion: Conversion,
    times: tuple[int, int],
    span: int = SPANS[-1],
    edges: Iterable[int] = (),
    *,
    notes_all: bool = False,
) -> Steps:
    """The steps of some series from their beginning to the end of a range, in the order of time; at one time, in that
    of the series.

    Within the range, bars are no longer than `span` seconds and lie across no edge. A range that begins inside a minute
    has this whole minute. What is missing is to be noted where it is in the range, or everywhere.
    """
    start, end = times[0] // _MINUTE_NS * _MINUTE_NS, times[1]
    begins = [_begin(snapshot, one.id, start) for one in series]
    parts = list[Steps]()
    for currency, own in by_currency(series).items():
        numbers = [at for at, one in enumerate(series) if one.sum_currency == currency]
        begin = min(begins[at] for at in numbers)
        changes = [at for at in conversion.changes(currency) if begin < at < end]
        cuts = [*edges, *changes]
        pieces = [*between(begin, start, SPANS[-1], cuts), *between(start, end, span, cuts)]
        bars = _joined([*bar_columns(snapshot, own, pieces)])
        if bars is not None:
            made = _Converting(conversion, currency, bars, np.array(changes, np.int64))
            made.find_missing(begin if notes_all else start)
            parts.append(msgspec.structs.replace(made.steps(), series=np.array(numbers)[made.series]))
    return _in_time(parts)


def _begin(snapshot: Snapshot, series: int, otherwise_ns: int) -> int:
    """The start of the day of the first bar of a series, or of a time if that is earlier."""
    day, first = otherwise_ns // _DAY_NS * _DAY_NS, first_start(snapshot, series, SPANS[-1])
    return day if first is None else min(day, first * SECOND)


class _Bars(msgspec.Struct, frozen=True, eq=False):
    """Bars by series and time. Amounts are integers / 10 ^ `places`; `grown` is the change of the net P&L."""

    series: Numbers
    starts_ns: Numbers
    last_ns: Numbers
    fills: Numbers
    places: int
    grown: Numbers
    amounts: Mapping[str, Numbers]
    fees_outside: Mapping[int, Mapping[str, Decimal]]


def _joined(several: Sequence[BarColumns]) -> _Bars | None:
    if not several:
        return None
    series, spans, starts, fills = (
        np.concatenate([getattr(one, name) for one in several]) for name in ("series", "spans", "starts", "fills")
    )
    columns = {name: [one.amounts[name].integers for one in several] for name in ("open", "close", *AMOUNTS)}
    places = max(own for parts in columns.values() for _, own in parts)
    joined = {name: np.concatenate([_scaled(*part, places) for part in parts]) for name, parts in columns.items()}
    order = np.lexsort((starts, series))
    opens, closes, *amounts = _addable([column[order] for column in joined.values()])
    place_of = np.argsort(order)
    counts = np.cumsum([0, *(len(one.starts) for one in several)]).tolist()
    outside = {
        int(place_of[before + at]): fees
        for before, one in zip(counts, several, strict=False)
        for at, fees in one.fees_outside.items()
    }
    starts_ns = starts[order] * SECOND
    return _Bars(
        series[order], starts_ns, starts_ns + spans[order] * SECOND - 1, fills[order], places, closes - opens,
        dict(zip(AMOUNTS, amounts, strict=True)), outside,
    )  # fmt: skip


class _Converting:
    """Bars of some series in one currency, and the changes of its rate, one after the other.

    An event is a bar, or a change, by series and time; a change comes before a bar that begins with it. Changes while
    nothing is open are left out.
    """

    def __init__(self, conversion: Conversion, currency: str, bars: _Bars, changes: Numbers) -> None:
        self._currency, self._bars, self._changes = currency, bars, changes
        self._missing, self._is_exact = list[tuple[Part, str, Decimal, int]](), True
        amounts = bars.amounts
        self._settled = amounts["realized"] - amounts["fees"] + amounts["cash"]
        firsts = np.flatnonzero(np.diff(bars.series, prepend=-1))
        self._open = _sums_from(firsts, bars.grown - self._settled)
        """What is open after each bar, in its own currency."""

        before, changes_ns = self._changes_while_open(firsts)
        """The number of bars before each change."""

        count = len(bars.series)
        places = np.arange(count)
        self._of_bars = places + before.searchsorted(places, "right")
        """Which events are the bars."""

        of_changes = before + np.arange(len(before))
        self._last_bars = np.zeros(count + len(before), np.int64)
        self._last_bars[self._of_bars], self._last_bars[of_changes] = places, before - 1
        self.series = bars.series[self._last_bars]
        self._times_ns, self._at_ns = bars.starts_ns[self._last_bars], bars.last_ns[self._last_bars]
        self._times_ns[of_changes] = self._at_ns[of_changes] = changes_ns
        self._rates, self._rate_of = conversion.rates_of(currency, self._at_ns)
        self._has_rate = self._rates.known[self._rate_of]

    def _changes_while_open(self, firsts: Numbers) -> tuple[Numbers, Numbers]:
        """Changes by series and time: how many bars come before each, of all series, and when it is."""
        bars, found = self._bars, [(np.zeros(0, np.int64),) * 2]
        for first, end in zip(firsts.tolist(), [*firsts[1:].tolist(), len(bars.series)], strict=True):
            before = bars.starts_ns[first:end].searchsorted(self._changes, "left")
            is_open = (before > 0) & (self._open[first + before - 1] != 0)
            found.append((first + before[is_open], self._changes[is_open]))
        before, times_ns = map(np.concatenate, zip(*found, strict=True))
        return before, times_ns

    def find_missing(self, from_ns: int) -> None:
        """Find what has no rate from a time on, and whether a rate changes within a bar that has amounts."""
        bars, has_rate = self._bars, self._has_rate[self._of_bars]
        rate_of, is_noted = self._rate_of[self._of_bars], bars.starts_ns >= from_ns
        parts: tuple[Part, ...] = ("realized", "fees", "cash")
        for part in parts:
            missing = is_noted & ~has_rate & (bars.amounts[part] != 0)
            for rate in np.unique(rate_of[missing]).tolist():
                chosen = np.flatnonzero(missing & (rate_of == rate))
                self._miss(part, sum(bars.amounts[part][chosen].tolist()), bars.last_ns[chosen[0]])
        is_last = np.append(np.diff(self.series) != 0, True)
        for at in np.flatnonzero(is_last & ~self._has_rate).tolist():
            left = self._open[self._last_bars[at]]
            if left:
                self._miss("unrealized", int(left), self._at_ns[at])
        has_amounts = is_noted & ((self._settled != 0) | (bars.amounts["fees"] != 0))
        first, last = (self._changes.searchsorted(at, "right") for at in (bars.starts_ns, bars.last_ns))
        self._is_exact = not (has_amounts & (first != last)).any()

    def _miss(self, part: Part, amount: int, time_ns: int) -> None:
        self._missing.append((part, self._currency, amount_of(amount, self._bars.places), int(time_ns)))

    def steps(self) -> Steps:
        """The events, by series and time."""
        bars, count = self._bars, len(self.series)
        open_ = self._open[self._last_bars]
        is_first = np.diff(self.series, prepend=-1) != 0
        rate_of_bars = self._rate_of[self._of_bars]
        columns = [self._rates.convert(open_, bars.places, self._rate_of)]
        columns += [self._rates.convert(bars.amounts[name], bars.places, rate_of_bars) for name in AMOUNTS]
        places = max(own for _, own in columns)
        value, *amounts = _addable([_scaled(*column, places) for column in columns])
        realized, fees, cash, turnover = (self._spread(column) for column in amounts)
        before = np.append(value[:1] * 0, value[:-1])
        before[is_first] = 0
        is_whole = self._has_rate | (open_ == 0)
        was_whole = np.append(True, is_whole[:-1]) | is_first
        has_nothing = np.ones(count, bool)
        has_nothing[self._of_bars] = ~np.logical_or.reduce([bars.amounts[part] != 0 for part in AMOUNTS[:-1]])
        fills = np.zeros(count, np.int64)
        fills[self._of_bars] = bars.fills
        return Steps(
            self.series, self._times_ns, fills, was_whole & (self._has_rate | (has_nothing & (open_ == 0))), places,
            value - before + realized - fees + cash,
            dict(zip(AMOUNTS, (realized, fees, cash, turnover), strict=True)),
            {int(self._of_bars[place]): outside for place, outside in bars.fees_outside.items()},
            self._missing, self._is_exact,
        )  # fmt: skip

    def _spread(self, of_bars: Numbers) -> Numbers:
        """Amounts of bars as those of events, 0 for a change."""
        found = np.zeros(len(self.series), of_bars.dtype)
        found[self._of_bars] = of_bars
        return found


def _in_time(parts: Sequence[Steps]) -> Steps:
    """Steps of several currencies in the order of time."""
    places = max((one.places for one in parts), default=0)
    none = np.zeros(0, np.int64)

    def joined(name: str) -> Numbers:
        return np.concatenate([none, *(getattr(one, name) for one in parts)])

    each = [[_scaled(column, one.places, places) for column in (one.change, *one.amounts.values())] for one in parts]
    columns = [np.concatenate([none, *several]) for several in zip(*each, strict=True)] or [none] * (1 + len(AMOUNTS))
    series, times_ns = joined("series"), joined("times_ns")
    order = np.lexsort((series, times_ns))
    change, *amounts = _addable([column[order] for column in columns])
    place_of, before, outside = np.argsort(order), 0, dict[int, Mapping[str, Decimal]]()
    for one in parts:
        outside |= {int(place_of[before + at]): fees for at, fees in one.fees_outside.items()}
        before += len(one)
    is_whole = np.concatenate([np.zeros(0, bool), *(one.is_whole for one in parts)])[order]
    return Steps(
        series[order], times_ns[order], joined("fills")[order], is_whole, places, change,
        dict(zip(AMOUNTS, amounts, strict=True)), outside, [each for one in parts for each in one.missing],
        all(one.is_exact for one in parts),
    )  # fmt: skip


def _sums_from(firsts: Numbers, changes: Numbers) -> Numbers:
    """The sums of changes up to each, anew from each of `firsts` on."""
    sums = np.add.accumulate(changes)
    before = sums[firsts] - changes[firsts]
    found: Numbers = sums - np.repeat(before, np.diff(firsts, append=len(changes)))
    return found


def _scaled(integers: Numbers, places: int, wanted: int) -> Numbers:
    """Integers / 10 ^ `places` with more places."""
    factor: int = 10 ** (wanted - places)
    if factor == 1:
        return integers
    return (integers if max(_largest(integers), 1) * factor < _ENOUGH else integers.astype(object)) * factor


def _addable(columns: Sequence[Numbers]) -> list[Numbers]:
    """Columns of equal length as objects, unless all of their integers can be added up in 64 bits."""
    if sum(_largest(one) * len(one) for one in columns) < _ENOUGH:
        return list(columns)
    return [one.astype(object) for one in columns]


def _largest(integers: Numbers) -> int:
    return max(int(integers.max(initial=0)), -int(integers.min(initial=0)))
