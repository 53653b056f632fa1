"""Net P&L over time, marked to market, and its drawdown.

A bar has its first and last value, its highest and lowest, and the largest fall inside it, so the drawdown over any
range of bars is exact. Of scopes without a stored series (see `scope.addends`) the bars of several are added: then
values are exact at the ends of bars only, and `exact_inside` says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple, cast

import msgspec
import numpy as np

from trading_history.figures.bars import added
from trading_history.queries.amount_columns import SEPARATOR, integers_of
from trading_history.queries.scope import Scope, Series, addends, by_currency
from trading_history.queries.summed_lines import Line, largest_fall
from trading_history.reader import Snapshot
from trading_model.accounting.book import NO_AMOUNTS
from trading_model.decimals import EXACT, ZERO, exactly

SPANS = (1, 60, 3_600, 86_400)
"""Seconds of a bar. Those of a second are kept for a day."""

LONGEST = 28 * 86_400
"""Seconds of the longest bars, which the largest fall is read from: no answer has such bars."""

SECOND = 1_000_000_000
_MINUTE_NS = 60 * SECOND

NO_LIMIT = 1 << 62
MAX_DRAWDOWN_BARS = 8_000
"""Of one answer about a drawdown: some 80 ms of CPU."""

MAX_ADDED_BARS = 20_000
"""Of all series whose bars are added for one answer: some 0.3 s of CPU."""


Part = tuple[int, int, int]
"""From when to when, in Unix nanoseconds, bars of how many seconds."""


class Bar(msgspec.Struct, frozen=True, gc=False):
    """Net P&L within a bar that ends before `start_ns` + the span. `drawdown`, 0 or more, ended at `trough`.
    `realized`, `fees`, `cash`, `fills` and `turnover` are those of the bar alone, and so are `fees_outside`: by
    currency, fees that no rate values, which are not in the net. Times without a change have no bar: the close before
    holds.
    """

    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    drawdown: Decimal
    trough: Decimal
    realized: Decimal
    fees: Decimal
    cash: Decimal
    turnover: Decimal
    fills: int
    fees_outside: Mapping[str, Decimal] = NO_AMOUNTS


class Curve(msgspec.Struct, frozen=True):
    """Bars in one currency, ascending. `opening` is the net P&L before the first one.

    `requested_span` is there where that one would have given too many bars, and `span` is coarser.
    """

    currency: str
    span: int
    opening: Decimal
    bars: list[Bar]
    exact_inside: bool
    requested_span: int | None = None


class Drawdown(msgspec.Struct, frozen=True):
    """The largest fall of net P&L from a peak, 0 or more, in a range; the first peak is the value at its start, 0
    before the first event. The times are those of the bars that have them.

    `current` is the fall from the highest value of the range to the last one. `from_ns` and `current_from_ns` are when
    the two falls began: after that the value was less than at the peak. `under_water_ns` is the
    longest time below a peak until it was reached again; `is_open` says that this one still lasts. `span` is that of
    the bars in seconds.
    """

    currency: str
    max: Decimal
    peak: Decimal
    peak_ns: int
    from_ns: int
    trough: Decimal
    trough_ns: int
    current: Decimal
    current_peak: Decimal
    current_from_ns: int
    under_water_ns: int
    under_water_from_ns: int
    is_open: bool
    exact_inside: bool
    span: int


def equity(
    snapshot: Snapshot,
    scope: Scope,
    start_ns: int,
    end_ns: int,
    span: int = 60,
    max_bars: int = 5_000,
) -> list[Curve]:
    """The curves of a scope, one for each currency. A span that would give more than `max_bars` becomes coarser.

    Bars begin at multiples of their span. The first and the last have what is in the range alone, to the minute.
    """
    for chosen in SPANS[SPANS.index(span) :]:
        is_last = chosen == SPANS[-1]
        found = covering(snapshot, scope, start_ns, end_ns, chosen, NO_LIMIT if is_last else max_bars)
        if found is None:
            continue
        bars = [of_span(curve.bars, chosen) for curve in found]
        if is_last or all(len(one) <= max_bars for one in bars):
            break
    requested = None if chosen == span else span
    return [
        msgspec.structs.replace(curve, bars=one, requested_span=requested)
        for curve, one in zip(found or (), bars, strict=True)
    ]


@exactly
def of_span(bars: Iterable[Bar], span: int) -> list[Bar]:
    """Bars of a span of seconds, of which some are in parts."""
    width, whole = span * SECOND, list[Bar]()
    for bar in bars:
        start_ns = bar.start_ns // width * width
        if whole and whole[-1].start_ns == start_ns:
            whole[-1] = _joined_bars(whole[-1], bar)
        else:
            whole.append(bar if bar.start_ns == start_ns else msgspec.structs.replace(bar, start_ns=start_ns))
    return whole


def _joined_bars(bar: Bar, later: Bar) -> Bar:
    outside = added(bar.fees_outside, later.fees_outside) if later.fees_outside else bar.fees_outside
    falls = (bar.drawdown, bar.trough), (later.drawdown, later.trough), (bar.high - later.low, later.low)
    return _make(
        bar.start_ns, bar.open, max(bar.high, later.high), min(bar.low, later.low), later.close,
        *max(falls, key=itemgetter(0)), bar.realized + later.realized, bar.fees + later.fees,
        bar.cash + later.cash, bar.turnover + later.turnover, bar.fills + later.fills, outside,
    )  # fmt: skip


def drawdown(snapshot: Snapshot, scope: Scope, start_ns: int, end_ns: int, span: int = 60) -> list[Drawdown]:
    """The drawdowns of a scope, one for each currency, from bars of this span; of a coarser one for long ranges, which
    is exact too: only the times are those of longer bars.
    """
    for chosen in SPANS[SPANS.index(span) :]:
        found = _within(snapshot, scope, start_ns, end_ns, chosen)
        if found is not None:
            break
    return [drawdown_of(curve, start_ns, end_ns) for curve in found or ()]


class MaxDrawdown(NamedTuple):
    """The largest fall of net P&L, 0 or more, and whether it is exact inside bars."""

    max: Decimal
    exact_inside: bool


@exactly
def max_drawdown(snapshot: Snapshot, scope: Scope, start_ns: int, end_ns: int) -> MaxDrawdown | None:
    """The largest fall of a scope in one currency, as in `drawdown`, from as few bars as have it. None: no series."""
    wanted = addends(snapshot, scope)
    if not wanted.series:
        return None
    start_ns = start_ns // _MINUTE_NS * _MINUTE_NS
    if not wanted.is_exact:
        return MaxDrawdown(largest_fall(_lines(snapshot, wanted.series, (start_ns, end_ns))), False)
    (series,) = wanted.series
    peak, worst = level_before(snapshot, series.id, start_ns), ZERO
    for first, until, span in cover(start_ns, end_ns, LONGEST):
        for row in _rows(snapshot, series, span, (first, until), _EXTREMES):
            high, low, fall = map(_number, row)
            worst = max(worst, fall, peak - low)
            peak = max(peak, high)
    return MaxDrawdown(worst, True)


def _lines(snapshot: Snapshot, series: Sequence[Series], times: tuple[int, int]) -> list[Line]:
    """Several lines in the bars of a range, by their Unix seconds, from before the first bar on: in the shortest bars,
    from minutes on, of which there are not too many.
    """
    # Longer bars are never more than shorter ones, so they are counted first: where they are too many, so are these.
    *shorter, longest = SPANS[1:]
    parts = _parts(snapshot, series, times, longest)
    for span in reversed(shorter):
        tried = _parts(snapshot, series, times, span)
        ranges = [(first, until) for first, until, used in tried if used == span]
        if any(has_more(snapshot, series, span, one, MAX_ADDED_BARS) for one in ranges):
            break
        parts = tried
    return lines_in(snapshot, series, [whole_bars(*part) for part in parts])


def lines_in(snapshot: Snapshot, series: Iterable[Series], parts: Sequence[Part]) -> list[Line]:
    """Several lines in the bars of parts of a range, by their Unix seconds, from before the first bar on."""
    lines = list[Line]()
    for one in series:
        level = level_before(snapshot, one.id, parts[0][0]) if parts else ZERO
        texts = [(str(_FIRST), format(level, "f"))]
        for first, until, span in parts:
            texts += (row for row in _rows(snapshot, one, span, (first, until), _CLOSES) if row[0] is not None)
        starts, closes = map(SEPARATOR.join, zip(*texts, strict=True))
        lines.append((starts, closes))
    return lines


def _rows(
    snapshot: Snapshot, series: Series, span: int, times: tuple[int, int], statement: str, *more: int
) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement about the bars of a series that begin in a range; `more` are its last parameters."""
    first, stop = (-(-time_ns // SECOND) for time_ns in times)
    for curve, since, until in _pieces(snapshot, series.id, span, first, stop):
        yield from snapshot.connection.execute(statement, (curve, span, since, until, *more))


def _within(snapshot: Snapshot, scope: Scope, start_ns: int, end_ns: int, span: int) -> list[Curve] | None:
    """Bars of a drawdown at a span. None if there are too many."""
    # Sums that are not stored are exact at the ends of bars only: the shorter these are, the better.
    limit = MAX_DRAWDOWN_BARS if addends(snapshot, scope).is_exact else MAX_ADDED_BARS
    limit = NO_LIMIT if span == SPANS[-1] else limit
    return covering(snapshot, scope, start_ns, end_ns, span, limit, with_amounts=False)


def covering(
    snapshot: Snapshot,
    scope: Scope,
    start_ns: int,
    end_ns: int,
    span: int,
    max_bars: int = NO_LIMIT,
    *,
    with_amounts: bool = True,
) -> list[Curve] | None:
    """Bars of the parts of a range, as `parts_of` has them. None if there are too many of the span."""
    parts = parts_of(snapshot, scope, (start_ns, end_ns), span)
    return _in_parts(snapshot, scope, parts, span, max_bars, with_amounts=with_amounts)


def parts_of(snapshot: Snapshot, scope: Scope, times: tuple[int, int], span: int) -> list[Part]:
    """The parts of a range in which the curves of a scope are read: bars of a span, and shorter ones before the first
    whole one and after the last. None has anything outside of the range, but for parts of minutes; where bars are
    added, and there are too many at an end, of hours or of all.
    """
    wanted = addends(snapshot, scope)
    return [*cover(*times, span)] if wanted.is_exact else _parts(snapshot, wanted.series, times, span)


def _parts(snapshot: Snapshot, series: Sequence[Series], times: tuple[int, int], span: int) -> list[Part]:
    """The parts of a range in which the bars of several series are added: as `cover`, from the shortest on of which
    there are not too many at the ends.
    """
    for shortest in SPANS[1:]:
        parts = [*cover(*times, span, shortest)]
        ends = [(used, (first, until)) for first, until, used in parts if used < span]
        if shortest >= span or not any(has_more(snapshot, series, *one, MAX_ADDED_BARS) for one in ends):
            break
    return parts


def cover(start_ns: int, end_ns: int, span: int, shortest: int = 60) -> Iterator[Part]:
    """Parts of a range to read in bars: the longest up to `span` that fit, down to `shortest`. Of that one, those that
    the range begins and ends in are whole.
    """
    if start_ns >= end_ns:
        return
    width = span * SECOND
    first, last = -(-start_ns // width) * width, end_ns // width * width
    shorter = max((one for one in _COVERING if shortest <= one < span), default=0)
    if not shorter:
        yield start_ns, end_ns, span
    elif first >= last:
        yield from cover(start_ns, end_ns, shorter, shortest)
    else:
        yield from cover(start_ns, first, shorter, shortest)
        yield first, last, span
        yield from cover(last, end_ns, shorter, shortest)


_COVERING = (*SPANS[1:], LONGEST)


def between(start_ns: int, end_ns: int, span: int, cuts: Iterable[int]) -> list[Part]:
    """Parts of a range to read in the longest bars up to a span that lie across no cut, unless within a minute."""
    if start_ns >= end_ns:
        return []
    inner = {at // _MINUTE_NS * _MINUTE_NS for at in cuts if start_ns + _MINUTE_NS <= at < end_ns}
    inner = {at for at in inner if at % (span * SECOND)}  # no bar lies across the others
    ends = sorted({start_ns, end_ns} | inner)
    parts = list[Part]()
    for first, until in pairwise(ends):
        for part in cover(first, until, span):
            if parts and parts[-1][1:] == (part[0], part[2]):
                parts[-1] = (parts[-1][0], part[1], part[2])
            else:
                parts.append(part)
    return parts


@exactly
def drawdown_of(curve: Curve, start_ns: int, end_ns: int) -> Drawdown:
    """The drawdown of a curve that has the bars from `start_ns` to `end_ns`. The open fall lasts until `end_ns`."""
    peak, peak_ns, worst = curve.opening, start_ns, ZERO
    top, top_ns, top_left_ns, trough, trough_ns = peak, peak_ns, peak_ns, peak, peak_ns
    since: int | None = None
    longest, longest_from = 0, start_ns
    for bar in curve.bars:
        inside = max(bar.drawdown, peak - bar.low)
        if inside > worst:
            # A peak of the same bar that its own fall begins at may be higher than the one before it; the lowest value
            # of the bar may have come before it.
            is_inside = inside != peak - bar.low
            worst, trough, trough_ns = inside, bar.trough if is_inside else bar.low, bar.start_ns
            top, top_ns = (trough + inside, bar.start_ns) if is_inside else (peak, peak_ns)
            top_left_ns = bar.start_ns if is_inside or since is None else since
        if bar.high >= peak:
            if since is not None and bar.start_ns - since > longest:
                longest, longest_from = bar.start_ns - since, since
            since = None
        if bar.high > peak:
            peak, peak_ns = bar.high, bar.start_ns
        if since is None and bar.close < peak:
            since = bar.start_ns
    close = curve.bars[-1].close if curve.bars else curve.opening
    is_open = since is not None and end_ns - since > longest
    if since is not None and is_open:
        longest, longest_from = end_ns - since, since
    return Drawdown(
        curve.currency, worst, top, top_ns, top_left_ns, trough, trough_ns, peak - close, peak,
        end_ns if since is None else since, longest, longest_from, is_open, curve.exact_inside, curve.span,
    )  # fmt: skip


def level_before(snapshot: Snapshot, series: int, time_ns: int) -> Decimal:
    """The net P&L of a series before a time: to the second within the last day, else to the minute."""
    second = time_ns // SECOND
    found = [last_before(snapshot, series, span, second) for span in (1, 60)]
    latest = max((row for row in found if row is not None), default=None)
    return ZERO if latest is None else _number(latest[1])


def first_start(snapshot: Snapshot, series: int, span: int) -> int | None:
    """The Unix second at which the first bar of a series starts, at a span of seconds."""
    for curve, first, stop in _pieces(snapshot, series, span, _FIRST, -_FIRST):
        found: int | None = snapshot.connection.execute(_FIRST_START, (curve, span, first, stop)).get
        if found is not None:
            return found
    return None


def last_before(snapshot: Snapshot, series: int, span: int, second: int) -> tuple[int, str] | None:
    """When the last bar ended that ended by a Unix second, and its close."""
    for curve, first, stop in reversed(_pieces(snapshot, series, span, _FIRST, second - span + 1)):
        found: tuple[int, str] | None = snapshot.connection.execute(_LAST, (curve, span, first, stop)).fetchone()
        if found is not None:
            return found
    return None


def _pieces(snapshot: Snapshot, series: int, span: int, start: int, stop: int) -> list[tuple[int, int, int]]:
    """The curves that a series has for bars that begin in a range of Unix seconds, ascending: each with its part."""
    known = snapshot.curves_of(series)
    parts = [(curve, max(start, since - span + 1), min(stop, until - span + 1)) for since, curve, until in known]
    return [part for part in parts if part[1] < part[2]]


_number = EXACT.create_decimal
_make: Callable[..., Bar] = Bar
_FIRST = -(1 << 62)
_PART = "FROM equity WHERE curve = ? AND span = ? AND start >= ? AND start < ?"
_FIRST_START = f"SELECT min(start) {_PART}"
_LAST = f"SELECT start + span, close {_PART} ORDER BY start DESC LIMIT 1"
_COUNT = f"SELECT count(*) FROM (SELECT 1 {_PART} LIMIT ?)"
_LEVELS = f"SELECT start, open, high, low, close, drawdown, ifnull(trough, low) {_PART} ORDER BY start"
_BARS = f"""
SELECT start, open, high, low, close, drawdown, ifnull(trough, low), realized, fees, cash, turnover, fills,
    fees_outside {_PART} ORDER BY start
"""
_CLOSES = f"SELECT group_concat(start), group_concat(close) FROM (SELECT start, close {_PART} ORDER BY start)"
_STARTS = f"SELECT group_concat(start) FROM (SELECT start {_PART} AND (fills OR open != close) LIMIT ?)"
_EXTREMES = f"SELECT high, low, drawdown {_PART} ORDER BY start"
_AMOUNTS = f"SELECT start, open, close, realized, fees, cash, turnover, fills, fees_outside {_PART}"
_by_currency = msgspec.json.Decoder(dict[str, Decimal]).decode


def bars_of(
    snapshot: Snapshot, series: int, span: int, start_ns: int, end_ns: int, *, with_amounts: bool = True
) -> list[Bar]:
    """The stored bars of a series that begin in a range, ascending; with levels alone if amounts are not asked for."""
    first, stop = -(-start_ns // SECOND), -(-end_ns // SECOND)
    statement, make = (_BARS, _bar) if with_amounts else (_LEVELS, _level_bar)
    return [
        make(row)
        for curve, since, until in _pieces(snapshot, series, span, first, stop)
        for row in snapshot.connection.execute(statement, (curve, span, since, until))
    ]


BarAmounts = tuple[int, str, str, str, str, str, str, int, str | None]
"""What a bar added, as the store has it: its start in Unix seconds; `open`, `close`, `realized`, `fees`, `cash` and
`turnover` as text; the number of fills; `fees_outside` as JSON by currency or None.
"""


def amounts_of(snapshot: Snapshot, series: Series, span: int, start_ns: int, end_ns: int) -> Iterator[BarAmounts]:
    """What the stored bars of a series that begin in a range added, to be summed without making bars of them."""
    return cast("Iterator[BarAmounts]", _rows(snapshot, series, span, (start_ns, end_ns), _AMOUNTS))


def has_more(snapshot: Snapshot, series: Iterable[Series], span: int, times: tuple[int, int], count: int) -> bool:
    """Whether some series together have more than `count` bars that begin in a range, without reading them."""
    return _count(snapshot, series, span, times, count) > count


def _count(snapshot: Snapshot, series: Iterable[Series], span: int, times: tuple[int, int], most: int) -> int:
    """How many bars of some series begin in a range; one more than `most` for all larger numbers."""
    first, stop = (-(-time_ns // SECOND) for time_ns in times)
    found: int = 0
    for one in series:
        for curve, since, until in _pieces(snapshot, one.id, span, first, stop):
            found += snapshot.connection.execute(_COUNT, (curve, span, since, until, most - found + 1)).get
            if found > most:
                return found
    return found


def has_more_starts(
    snapshot: Snapshot, series: Sequence[Series], span: int, times: tuple[int, int], count: int
) -> bool:
    """Whether the sum of some series has more than `count` bars of a span in a range: such as are not empty."""
    parts, left = [*cover(*times, span)], count
    for first, until, used in parts:
        left -= _count(snapshot, series, used, (first, until), left)
    if left >= 0:
        return False
    starts = np.zeros(0, np.int64)
    for one in series:
        for first, until, used in parts:
            most = count * (span // used) + 1
            for (text,) in _rows(snapshot, one, used, (first, until), _STARTS, most):
                if text is not None:
                    both = np.sort(np.concatenate([starts, integers_of(text) // span]), kind="stable")
                    starts = both[np.diff(both, prepend=both[0] - 1) > 0]
                if len(starts) > count:
                    return True
    return False


def _bar(row: tuple[Any, ...]) -> Bar:
    start, *amounts, fills, outside = row
    fees_outside = NO_AMOUNTS if outside is None else _by_currency(outside)
    return _make(start * SECOND, *map(_number, amounts), fills, fees_outside)


def _level_bar(row: tuple[Any, ...]) -> Bar:
    start, *levels = row
    return _make(start * SECOND, *map(_number, levels), ZERO, ZERO, ZERO, ZERO, 0)


def curves(
    snapshot: Snapshot,
    scope: Scope,
    start_ns: int,
    end_ns: int,
    span: int,
    max_bars: int = NO_LIMIT,
    *,
    with_amounts: bool = True,
) -> list[Curve] | None:
    """The curves at one span; None if one has too many bars. A bar that the range begins or ends in is there as a
    whole.

    Of an answer that is about levels alone, bars are without amounts, and read in half the time.
    """
    return _in_parts(snapshot, scope, [(start_ns, end_ns, span)], span, max_bars, with_amounts=with_amounts)


def _in_parts(
    snapshot: Snapshot, scope: Scope, parts: Sequence[Part], span: int, max_bars: int, *, with_amounts: bool
) -> list[Curve] | None:
    """The curves in parts of a range. None if one has too many bars of the span."""
    if not parts:
        return []
    parts = [whole_bars(*part) for part in parts]
    longest = [(first, until) for first, until, used in parts if used == span]
    wanted = addends(snapshot, scope)
    answers = []
    most = max_bars if wanted.is_exact or max_bars == NO_LIMIT else MAX_ADDED_BARS
    for currency, added_series in by_currency(wanted.series).items():
        if most < NO_LIMIT and any(has_more(snapshot, added_series, span, one, most) for one in longest):
            return None
        levels = [level_before(snapshot, one.id, parts[0][0]) for one in added_series]
        found = [
            [
                bar
                for first, until, used in parts
                for bar in bars_of(snapshot, one.id, used, first, until, with_amounts=with_amounts)
            ]
            for one in added_series
        ]
        opening, bars = (levels[0], found[0]) if wanted.is_exact else added_up(levels, found, with_amounts=with_amounts)
        if len(bars) > max_bars and sum(_is_in(bar, longest) for bar in bars) > max_bars:
            return None
        answers.append(Curve(currency, span, opening, bars, wanted.is_exact))
    return answers


def _is_in(bar: Bar, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= bar.start_ns < until for first, until in ranges)


def whole_bars(start_ns: int, end_ns: int, span: int) -> Part:
    """A part with all of the bar that it begins in."""
    width = span * SECOND
    return start_ns // width * width, end_ns, span


@exactly
def added_up(
    levels: Sequence[Decimal], found: Iterable[list[Bar]], *, with_amounts: bool = True
) -> tuple[Decimal, list[Bar]]:
    """The sum of several lines at the ends of their bars: the level before these, and the bars."""
    opening = level = sum(levels, ZERO)
    at: dict[int, list[Bar]] = {}
    for bars in found:
        for bar in bars:
            at.setdefault(bar.start_ns, []).append(bar)
    summed = []
    names = ("realized", "fees", "cash", "turnover")
    for start, parts in sorted(at.items()):
        before, level = level, level + sum((bar.close - bar.open for bar in parts), ZERO)
        amounts = [sum((getattr(bar, name) for bar in parts), ZERO) if with_amounts else ZERO for name in names]
        low, high = sorted((before, level))
        fall = max(before - level, ZERO)
        fills, outside = 0, NO_AMOUNTS
        for bar in parts:
            fills += bar.fills
            outside = added(outside, bar.fees_outside) if bar.fees_outside else outside
        summed.append(_make(start, before, high, low, level, fall, low, *amounts, fills, outside))
    return opening, summed
