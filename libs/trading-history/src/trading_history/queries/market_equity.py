"""Net P&L over time with open positions marked by followed markets, as `market_marks` says.

Values are exact at the ends of bars only, and bars are not shorter than a minute.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_history.queries.equity import (
    MAX_ADDED_BARS,
    NO_LIMIT,
    SECOND,
    SPANS,
    Bar,
    Curve,
    Drawdown,
    Part,
    added_up,
    covering,
    drawdown_of,
    of_span,
    parts_of,
)
from trading_history.queries.market_marks import (
    MAX_MARKS,
    MINUTE,
    Added,
    MarketMarks,
    MarketUse,
    TooManyMarks,
)
from trading_history.queries.scope import Scope
from trading_history.reader import Snapshot
from trading_model.decimals import ZERO, exactly


class MarketEquity(NamedTuple):
    """Curves, one for each currency, and what the market has marked in them, sorted by symbol and market."""

    curves: list[Curve]
    uses: list[MarketUse]


@exactly
def market_equity(
    snapshot: Snapshot, folder: Path, scope: Scope, times: tuple[int, int], span: int = MINUTE, max_bars: int = 5_000
) -> MarketEquity:
    """The curves of a scope; `folder` has the candles. `times` are the range in Unix nanoseconds, without its end; a
    `span`, in seconds and one of `SPANS`, becomes coarser where it would give more than `max_bars`. The first and the
    last bar have what is in the range alone, as those of `equity`.

    Raises TooManyFills where the marked positions have more than `MAX_FILLS`, TooManyMarks; StoreUnavailable,
    NewerStore.
    """
    marks = MarketMarks(snapshot, folder, scope, times[1])
    for chosen in SPANS[SPANS.index(max(span, MINUTE)) : -1]:
        with suppress(TooManyMarks):
            found = _in_bars(snapshot, marks, scope, times, chosen, max_bars, MAX_ADDED_BARS)
            if found is not None:
                break
    else:
        chosen = SPANS[-1]
        found = _in_bars(snapshot, marks, scope, times, chosen, NO_LIMIT, MAX_MARKS)
        assert found is not None
    requested = None if chosen == span else span
    return found._replace(curves=[msgspec.structs.replace(one, requested_span=requested) for one in found.curves])


def market_drawdown(
    snapshot: Snapshot, folder: Path, scope: Scope, times: tuple[int, int], span: int = MINUTE
) -> tuple[list[Drawdown], list[MarketUse]]:
    """The drawdowns of these curves, one for each currency; at the ends of bars. Raises as `market_equity`."""
    found, uses = market_equity(snapshot, folder, scope, times, span, MAX_ADDED_BARS)
    return [drawdown_of(curve, *times) for curve in found], uses


def _in_bars(
    snapshot: Snapshot,
    marks: MarketMarks,
    scope: Scope,
    times: tuple[int, int],
    span: int,
    max_bars: int,
    max_marks: int,
) -> MarketEquity | None:
    """The curves at a span; None if one has more than `max_bars`. Raises TooManyMarks."""
    stored = covering(snapshot, scope, *times, span, max_bars)
    if not stored:
        return stored if stored is None else MarketEquity([], [])
    parts = parts_of(snapshot, scope, times, span)
    marked = marks.at(_bounds(parts, span, marks.life(), max_marks), span, max_marks)
    made = [_with(curve, [one for one in marked if one.series.sum_currency == curve.currency]) for curve in stored]
    if any(len(curve.bars) > max_bars for curve in made):
        return None
    return MarketEquity(made, marks.uses)


def _bounds(parts: Sequence[Part], span: int, life: tuple[int, int], max_bars: int) -> Sequence[int]:
    """When the first bar of a span begins in parts of a range, and when it and each later one that has some of a life
    ends, in Unix seconds. Raises TooManyMarks.
    """
    (start_ns, _, first), (_, end_ns, last) = parts[0], parts[-1]
    start, end = start_ns // (first * SECOND) * first, -(-end_ns // (last * SECOND)) * last
    since = max(start // span + 1, life[0] // span) * span
    inner = range(since, min(end, life[1] + span + 1), span)
    if len(inner) > max_bars:
        raise TooManyMarks
    return [start, *inner, end]


def _with(curve: Curve, marked: Sequence[Added]) -> Curve:
    """A curve with what the marks of its positions add."""
    bars = of_span(curve.bars, curve.span)
    if not marked:
        return msgspec.structs.replace(curve, bars=bars)
    level = sum((one.opening for one in marked), ZERO)
    opening, bars = added_up([curve.opening, level], [bars, _bars(marked, level, curve.span)])
    return msgspec.structs.replace(curve, opening=opening, bars=bars, exact_inside=False)


def _bars(marked: Iterable[Added], level: Decimal, span: int) -> list[Bar]:
    """What the marks of positions add together, in bars without amounts; `level` is that before the first one."""
    changes: dict[int, Decimal] = {}
    for one in marked:
        for change in one.changes:
            start = change.start // span * span
            changes[start] = changes.get(start, ZERO) + change.amount
    bars = list[Bar]()
    for start, amount in sorted(changes.items()):
        before, level = level, level + amount
        low, high = sorted((before, level))
        bars.append(Bar(start * SECOND, before, high, low, level, high - level, low, ZERO, ZERO, ZERO, ZERO, 0))
    return bars
