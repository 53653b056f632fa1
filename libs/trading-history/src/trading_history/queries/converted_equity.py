"""Net P&L over time in a base currency, and its largest fall. Values are exact at the ends of bars only."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec
import numpy as np

from trading_history.figures.bars import added
from trading_history.figures.trip_columns import Numbers
from trading_history.queries.amount_columns import amount_of
from trading_history.queries.conversion import MINUTE, MINUTE_NS, Conversion
from trading_history.queries.converted_steps import AMOUNTS, Steps, steps
from trading_history.queries.equity import (
    MAX_DRAWDOWN_BARS,
    SECOND,
    SPANS,
    Bar,
    Curve,
    cover,
    has_more_starts,
    lines_in,
)
from trading_history.queries.scope import Scope, addends
from trading_history.queries.summed_lines import fall_of, largest_fall
from trading_history.reader import Snapshot
from trading_model.accounting.book import NO_AMOUNTS
from trading_model.decimals import exactly


class _Line(msgspec.Struct, frozen=True, eq=False):
    """Steps in a range that belong to bars of `span` seconds. `opening` is the level before them, `levels` those after
    each: integers / 10 ^ places of the steps. `firsts` are the places where bars begin.
    """

    span: int
    steps: Steps
    chosen: Numbers
    opening: int
    levels: Numbers
    firsts: Numbers


@exactly
def converted_equity(
    snapshot: Snapshot,
    scope: Scope,
    conversion: Conversion,
    times: tuple[int, int],
    span: int = 60,
    max_bars: int = 5_000,
) -> Curve:
    """The net P&L of a scope in the base currency. A span that is shorter than a minute or would give more than
    `max_bars` becomes coarser.
    """
    line = _line(snapshot, scope, conversion, times, span, max_bars)
    opening = amount_of(line.opening, line.steps.places)
    return Curve(conversion.into, line.span, opening, [*_bars(line)], False, None if line.span == span else span)


@exactly
def converted_fall(snapshot: Snapshot, scope: Scope, conversion: Conversion, times: tuple[int, int]) -> Decimal:
    """The largest fall of net P&L in the base currency from a peak, or from the value before a range: 0 or more."""
    series = addends(snapshot, scope).series
    if not series or not all(conversion.is_same(one.sum_currency) for one in series):
        line = _line(snapshot, scope, conversion, times, MINUTE, MAX_DRAWDOWN_BARS)
        opening = np.array([line.opening], line.levels.dtype)
        return amount_of(fall_of(np.concatenate([opening, line.levels])), line.steps.places)
    start, end = times[0] // MINUTE_NS * MINUTE_NS, times[1]
    spans = SPANS[SPANS.index(MINUTE) : -1]
    fitting = (one for one in spans if not has_more_starts(snapshot, series, one, (start, end), MAX_DRAWDOWN_BARS))
    parts = [*cover(start, end, next(fitting, SPANS[-1]))]
    return largest_fall(lines_in(snapshot, series, parts), within_times=True)


def _line(
    snapshot: Snapshot, scope: Scope, conversion: Conversion, times: tuple[int, int], span: int, max_bars: int
) -> _Line:
    """The steps of the shortest bars, from `span` on, of which there are at most `max_bars`."""
    series = addends(snapshot, scope).series
    for chosen in (one for one in SPANS if one >= max(span, MINUTE)):
        if chosen < SPANS[-1] and has_more_starts(snapshot, series, chosen, times, max_bars):
            continue
        found = steps(snapshot, series, conversion, times, chosen, notes_all=True)
        line = _line_of(found, times[0] // MINUTE_NS * MINUTE_NS, chosen)
        if len(line.firsts) <= max_bars or chosen == SPANS[-1]:
            break
    found.note(conversion)
    return line


def _line_of(found: Steps, start_ns: int, span: int) -> _Line:
    """A bar begins with the first of its steps that has a change or a fill."""
    levels = np.add.accumulate(found.change)
    before = int(found.times_ns.searchsorted(start_ns))
    begins = found.times_ns[before:] // (span * SECOND)
    is_active = (found.change[before:] != 0) | (found.fills[before:] != 0)
    firsts = np.flatnonzero(np.diff(begins, prepend=-1))
    counts = np.add.accumulate(is_active)
    own = counts - np.repeat(counts[firsts] - is_active[firsts], np.diff(firsts, append=len(begins)))
    chosen = np.flatnonzero(own > 0)
    opening = int(levels[before - 1]) if before else 0
    return _Line(
        span, found, chosen + before, opening, levels[before:][chosen],
        np.flatnonzero(np.diff(begins[chosen], prepend=-1)),
    )  # fmt: skip


def _bars(line: _Line) -> Iterator[Bar]:
    found, chosen, firsts = line.steps, line.chosen, line.firsts
    if not len(firsts):
        return
    sums = {name: np.add.reduceat(found.amounts[name][chosen], firsts).tolist() for name in AMOUNTS}
    fills = np.add.reduceat(found.fills[chosen], firsts).tolist()
    width = line.span * SECOND
    starts = (found.times_ns[chosen[firsts]] // width * width).tolist()
    outside = dict[int, Mapping[str, Decimal]]()
    for place, fees in sorted(found.fees_outside.items()):
        at = int(chosen.searchsorted(place))
        if at < len(chosen) and chosen[at] == place:
            bar = int(firsts.searchsorted(at, "right")) - 1
            outside[bar] = added(outside.get(bar, NO_AMOUNTS), fees)
    level = np.array([line.opening], line.levels.dtype)
    for number, (first, end) in enumerate(zip(firsts.tolist(), [*firsts[1:].tolist(), len(chosen)], strict=True)):
        levels = np.concatenate([level, line.levels[first:end]])
        level = levels[-1:]
        falls = np.maximum.accumulate(levels) - levels
        at = int(falls.argmax())
        first_level, high, low, close, fall, trough = (
            amount_of(int(one), found.places)
            for one in (levels[0], levels.max(), levels.min(), levels[-1], falls[at], levels[at])
        )
        realized, paid, cash, turnover = (amount_of(sums[name][number], found.places) for name in AMOUNTS)
        yield Bar(
            starts[number], first_level, high, low, close, fall, trough, realized, paid, cash, turnover, fills[number],
            outside.get(number, NO_AMOUNTS),
        )  # fmt: skip
