"""Net P&L over time with open positions marked by a followed market, where the instrument of their symbol says so.

The stored figures follow from the ledger alone, so that a rebuild gives the same digits: between own fills they stand
still. Here the difference that the market makes is worked out when it is asked for, from the candles that are kept:
at the end of a bar that has a candle, an open position is worth what it is at the candle's close. In a bar without one
the last candle holds, until an own fill or a price by hand marks the position again. Values are exact at the ends of
bars only, and shorter bars than a minute are not made.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_history.candles.candle import Market
from trading_history.candles.store import candles, last_candle, markets
from trading_history.figures.trips import shown
from trading_history.queries.equity import (
    LONGEST,
    MAX_ADDED_BARS,
    NO_LIMIT,
    SECOND,
    SPANS,
    Bar,
    Curve,
    Drawdown,
    added_up,
    amounts_of,
    cover,
    curves,
    drawdown_of,
    first_start,
    last_before,
    level_before,
)
from trading_history.queries.events_in_force import EventsInForce, Line, lines_of
from trading_history.queries.position_fold import MAX_FILLS, PositionFold
from trading_history.queries.scope import Scope, Series, books
from trading_history.reader import Snapshot
from trading_model.accounting.market_marks import MARKET
from trading_model.decimals import EXACT, ZERO, exactly
from trading_model.instruments import Terms
from trading_model.market_prices import Pair, pair_of

MINUTE = 60
"""Seconds of the shortest bar: figures and candles of a second are kept for days only."""


class MarketUse(msgspec.Struct, frozen=True):
    """What the market has marked of a symbol: at a venue, the number of bars of its open positions with a candle, and
    the starts of the first and the last of them in Unix nanoseconds. Without a market that is followed, `market` is
    None.
    """

    symbol: str
    market: Market | None
    bars: int = 0
    first_ns: int | None = None
    last_ns: int | None = None


class MarketEquity(NamedTuple):
    """Curves, one for each currency, and what the market has marked in them, sorted by symbol and market."""

    curves: list[Curve]
    uses: list[MarketUse]


@exactly
def market_equity(
    snapshot: Snapshot, folder: Path, scope: Scope, times: tuple[int, int], span: int = MINUTE, max_bars: int = 5_000
) -> MarketEquity:
    """The curves of a scope; `folder` has the candles. `times` are the range in Unix nanoseconds, without its end; a
    `span`, in seconds and one of `SPANS`, becomes coarser where it would give more than `max_bars`.

    Raises TooManyFills where the marked positions have more than `MAX_FILLS`; StoreUnavailable, NewerStore.
    """
    marked = _Marked(snapshot, folder, scope, times[1])
    shortest = max(span, MINUTE)
    for chosen in SPANS[SPANS.index(shortest) : -1]:
        found = marked.equity(times, chosen, max_bars, MAX_ADDED_BARS)
        if found is not None:
            break
    else:
        chosen = SPANS[-1]
        found = marked.equity(times, chosen, NO_LIMIT, NO_LIMIT)
        assert found is not None
    requested = None if chosen == span else span
    return found._replace(curves=[msgspec.structs.replace(one, requested_span=requested) for one in found.curves])


def market_drawdown(
    snapshot: Snapshot, folder: Path, scope: Scope, times: tuple[int, int], span: int = MINUTE
) -> tuple[list[Drawdown], list[MarketUse]]:
    """The drawdowns of these curves, one for each currency; at the ends of bars. Raises as `market_equity`."""
    found, uses = market_equity(snapshot, folder, scope, times, span, MAX_ADDED_BARS)
    return [drawdown_of(curve, *times) for curve in found], uses


class _State(NamedTuple):
    """A position from a step on."""

    quantity: Decimal
    cost: Decimal


FLAT = _State(ZERO, ZERO)


class _Position(NamedTuple):
    """A position that a market marks, and what it was from each time on, in Unix nanoseconds. `markets` are its pair at
    each venue, by name.
    """

    series: Series
    terms: Terms
    markets: Sequence[Market]
    times: list[int]
    states: list[_State]

    def before(self, time_ns: int) -> _State:
        """What it was just before a time."""
        place = bisect_left(self.times, time_ns)
        return self.states[place - 1] if place else FLAT


class _Difference(NamedTuple):
    """What the marks of the market add to the stored net P&L of a position: before the first bar, and in bars. `used`
    are the starts of the bars that have a mark, in Unix seconds, by market.
    """

    position: _Position
    opening: Decimal
    bars: list[Bar]
    used: Mapping[Market, list[int]]


class _Marked:
    """The positions of a scope that markets mark, from their first step to the end of a range."""

    def __init__(self, snapshot: Snapshot, folder: Path, scope: Scope, end_ns: int) -> None:
        self._snapshot = snapshot
        self._folder = folder
        self._scope = scope
        wanted = _wanted(snapshot, scope)
        known: dict[Pair | None, list[Market]] = {}
        for market in markets(folder) if wanted else ():
            known.setdefault(pair_of(market.symbol), []).append(market)
        found = [_Position(one, terms, known.get(_pair(terms), []), [], []) for one, terms in wanted]
        self._unmarked = {MarketUse(one.series.symbol, None) for one in found if not one.markets}
        self._positions = {one.series.id: one for one in found if one.markets}
        series = [one.series for one in self._positions.values()]
        for folded, time_ns in PositionFold(snapshot, series, end_ns=end_ns, max_fills=MAX_FILLS).steps():
            own, book = self._positions[folded.series.id], folded.book
            own.times.append(time_ns)
            own.states.append(_State(book.quantity, shown(book.present_cost())))

    def equity(self, times: tuple[int, int], span: int, max_bars: int, max_added: int) -> MarketEquity | None:
        """The curves at a span; None if one has more than `max_bars`, or there are more than `max_added` candles."""
        stored = curves(self._snapshot, self._scope, *times, span, max_bars)
        if stored is None:
            return None
        start, end = times[0] // (span * SECOND) * span, -(-times[1] // SECOND)
        left = max_added
        found = list[_Difference]()
        for one in self._positions.values():
            closes = self._closes(one, span, start, end, left + 1)
            left -= len(closes)
            if left < 0:
                return None
            found.append(self._difference(one, closes, span, start, end))
        of = {
            curve.currency: [one for one in found if one.position.series.sum_currency == curve.currency]
            for curve in stored
        }
        made = [_with(curve, of[curve.currency]) for curve in stored]
        if any(len(curve.bars) > max_bars for curve in made):
            return None
        return MarketEquity(made, sorted({*_uses(found), *self._unmarked}, key=_by_symbol))

    def _closes(
        self, one: _Position, span: int, start: int, end: int, limit: int
    ) -> Mapping[int, tuple[Decimal, Market]]:
        """By the starts of bars, the close of the first venue by name that has a candle; at most `limit` of each."""
        first = max(start, one.times[0] // SECOND // span * span) if one.times else end
        found: dict[int, tuple[Decimal, Market]] = {}
        for market in one.markets:
            for begins, candle in candles(self._folder, market, span, first, end, limit):
                found.setdefault(begins, (candle.close, market))
        return found

    def _difference(
        self, one: _Position, closes: Mapping[int, tuple[Decimal, Market]], span: int, start: int, end: int
    ) -> _Difference:
        level, settled = level_before(self._snapshot, one.series.id, start * SECOND), self._settled(one.series, start)
        mark = self._mark_before(one, span, start)
        opening = before = _added_by(one, mark, one.before(start * SECOND), settled - level)
        own = {
            begins: (_number(close), _settled_in(realized, fees, cash))
            for begins, _, close, realized, fees, cash, *_ in amounts_of(
                self._snapshot, one.series, span, start * SECOND, end * SECOND
            )
        }
        bars, used = list[Bar](), dict[Market, list[int]]()
        for begins in sorted(own.keys() | closes.keys()):
            if begins in own:
                level, change = own[begins]
                settled += change
                mark = None
            state = one.before((begins + span) * SECOND)
            if begins in closes:
                mark, market = closes[begins]
                if state.quantity:
                    used.setdefault(market, []).append(begins)
            added = _added_by(one, mark, state, settled - level)
            if added != before:
                bars.append(_bar(begins, before, added))
                before = added
        return _Difference(one, opening, bars, used)

    def _settled(self, series: Series, start: int) -> Decimal:
        """Realised P&L − fees + cash of a position before a Unix second, which a bar of a minute begins with."""
        first = first_start(self._snapshot, series.id, SPANS[-1])
        since = start if first is None else first // LONGEST * LONGEST
        return sum(
            (
                _settled_in(realized, fees, cash)
                for first_ns, until_ns, span in cover(since * SECOND, start * SECOND, LONGEST)
                for _, _, _, realized, fees, cash, *_ in amounts_of(self._snapshot, series, span, first_ns, until_ns)
            ),
            ZERO,
        )

    def _mark_before(self, one: _Position, span: int, start: int) -> Decimal | None:
        """The close of the last candle before a Unix second. None without one, or where an own price came later."""
        found = [last_candle(self._folder, market, span, start) for market in one.markets]
        last = max((pair for pair in found if pair is not None), key=lambda pair: pair[0], default=None)
        own = last_before(self._snapshot, one.series.id, MINUTE, start)
        if last is None or (own is not None and own[0] > last[0] + span):
            return None
        return last[1].close


_number = EXACT.create_decimal


def _wanted(snapshot: Snapshot, scope: Scope) -> list[tuple[Series, Terms]]:
    """The positions of a scope whose instrument says that a market marks them, and that one can."""
    found = books(snapshot, scope)
    events = EventsInForce(snapshot.connection)
    own: dict[int, list[Line]] = {one.id: [] for one in found}
    for line in lines_of(snapshot, set(own)):
        own[line.series].append(line)
    terms = [(one, events.terms_of(one.book_key, own[one.id])) for one in found]
    return [(one, of) for one, of in terms if of.mark == MARKET and of.spot and one.sum_currency]


def _pair(terms: Terms) -> Pair:
    return Pair(terms.base, terms.quote)


def _settled_in(realized: str, fees: str, cash: str) -> Decimal:
    return _number(realized) - _number(fees) + _number(cash)


def _added_by(one: _Position, mark: Decimal | None, state: _State, settled_less_net: Decimal) -> Decimal:
    """What a mark adds to the stored net P&L: with it, that is what is settled and worth − cost."""
    if mark is None or not state.quantity:
        return ZERO
    return settled_less_net + state.quantity * mark * one.terms.multiplier - state.cost


def _bar(start: int, before: Decimal, after: Decimal) -> Bar:
    """A change without amounts. `start` is in Unix seconds."""
    low, high = sorted((before, after))
    return Bar(start * SECOND, before, high, low, after, high - after, ZERO, ZERO, ZERO, ZERO, 0)


def _with(curve: Curve, differences: Sequence[_Difference]) -> Curve:
    """A curve with what the marks of its positions add."""
    if not differences:
        return curve
    opening, bars = added_up(
        [curve.opening, *(one.opening for one in differences)], [curve.bars, *(one.bars for one in differences)]
    )
    return msgspec.structs.replace(curve, opening=opening, bars=bars, exact_inside=False)


def _uses(differences: Iterable[_Difference]) -> Iterator[MarketUse]:
    """By symbol and market, over all positions."""
    starts: dict[tuple[str, Market], set[int]] = {}
    for one in differences:
        for market in one.position.markets:
            starts.setdefault((one.position.series.symbol, market), set()).update(one.used.get(market, ()))
    for (symbol, market), used in starts.items():
        first, last = (min(used) * SECOND, max(used) * SECOND) if used else (None, None)
        yield MarketUse(symbol, market, len(used), first, last)


def _by_symbol(use: MarketUse) -> tuple[str, tuple[str, ...]]:
    return use.symbol, use.market or ()
