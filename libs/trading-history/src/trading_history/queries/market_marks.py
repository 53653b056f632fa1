"""What the prices of followed markets add to the stored net P&L of open positions, where their instrument says so.

The stored figures follow from the ledger alone, so that a rebuild gives the same digits: between own fills they stand
still. What a market adds is worked out when it is asked for, from the candles that are kept. At the end of a minute an
open position is worth what it is at the close of the last minute in which the market had a trade; if its stored net P&L
changed in a later minute, it is worth what is stored. So a moment has the same value whichever bars or days end then.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import msgspec

from trading_history.candles.candle import Market
from trading_history.candles.store import Close, last_closes, markets
from trading_history.figures.trips import shown
from trading_history.queries.equity import LONGEST, SECOND, SPANS, Part, amounts_of, cover, first_start, last_before
from trading_history.queries.events_in_force import EventsInForce, Line, lines_of
from trading_history.queries.position_fold import MAX_FILLS, PositionFold
from trading_history.queries.scope import Scope, Series, books
from trading_history.reader import Snapshot
from trading_model.accounting.market_marks import MARKET
from trading_model.decimals import EXACT, ZERO, exactly
from trading_model.instruments import Terms
from trading_model.market_prices import Pair, pair_of, preference

MINUTE = 60
"""Seconds of the shortest bar: figures and candles of a second are kept for days only."""

Closes = Mapping[Market, Mapping[int, Close]]
"""The last prices of markets before Unix seconds."""

MAX_MARKS = 400_000
"""Values of positions that one answer works out, such as those of 1,000 in a year of days: some 1.5 s of CPU."""


class TooManyMarks(Exception):
    """The positions have more values at the ends of bars or periods than one answer works out."""


class MarketUse(msgspec.Struct, frozen=True):
    """What the market has marked of a symbol: at a venue, the number of bars, or of periods, with a trade of the market
    that marks an open position at their end, and the starts of the first and the last of them in Unix nanoseconds.
    Without a market that is followed, `market` is None.
    """

    symbol: str
    market: Market | None
    bars: int = 0
    first_ns: int | None = None
    last_ns: int | None = None


class Change(NamedTuple):
    """By how much what the marks add to the stored net P&L of a position changes in a bar or a period. `start` is its
    first Unix second.
    """

    start: int
    amount: Decimal


class Added(NamedTuple):
    """What the marks add to the stored net P&L of a position: before the first bar or period, and where it changes."""

    series: Series
    opening: Decimal
    changes: list[Change]


class _State(NamedTuple):
    """A position from a step on."""

    quantity: Decimal
    cost: Decimal


class _Position(NamedTuple):
    """A position that a market marks, and what it was from each time on, in Unix nanoseconds. `markets` are its pair at
    each venue.
    """

    series: Series
    terms: Terms
    markets: Sequence[Market]
    times: list[int]
    states: list[_State]

    def before(self, second: int) -> _State:
        """The position just before a Unix second."""
        place = bisect_left(self.times, second * SECOND)
        return self.states[place - 1] if place else FLAT

    def lived_at(self, seconds: Sequence[int]) -> slice:
        """The Unix seconds, of some, after its first step; if it ends flat, up to the first one after its last step."""
        if not self.times:
            return slice(0)
        last = NEVER if self.states[-1].quantity else self.times[-1]
        return slice(bisect_right(seconds, self.times[0] // SECOND), bisect_right(seconds, last // SECOND) + 1)


FLAT = _State(ZERO, ZERO)
NEVER = (1 << 63) - 1


class MarketMarks:
    """The positions of a scope that markets mark, from their first step to the end of a range."""

    @exactly
    def __init__(self, snapshot: Snapshot, folder: Path, scope: Scope, end_ns: int) -> None:
        """`folder` has the candles. Raises TooManyFills; StoreUnavailable, NewerStore."""
        self._snapshot = snapshot
        self._folder = folder
        wanted = _wanted(snapshot, scope)
        known: dict[Pair | None, list[Market]] = {}
        for market in markets(folder) if wanted else ():
            known.setdefault(pair_of(market.symbol), []).append(market)
        found = [_Position(one, of, known.get(Pair(of.base, of.quote), []), [], []) for one, of in wanted]
        self._unmarked = {MarketUse(one.series.symbol, None) for one in found if not one.markets}
        self._used: dict[tuple[str, Market], set[int]] = {}
        self._positions = {one.series.id: one for one in found if one.markets}
        # What a bar has after the end of the range is in the stored figures at its end.
        end_ns = -(-end_ns // (SPANS[-1] * SECOND)) * SPANS[-1] * SECOND
        series = [one.series for one in self._positions.values()]
        for folded, time_ns in PositionFold(snapshot, series, end_ns=end_ns, max_fills=MAX_FILLS).steps():
            own, book = self._positions[folded.series.id], folded.book
            own.times.append(time_ns)
            own.states.append(_State(book.quantity, shown(book.present_cost())))

    def life(self) -> tuple[int, int]:
        """Unix seconds before and after which all positions are flat."""
        held = [one for one in self._positions.values() if one.times]
        first = min((one.times[0] for one in held), default=NEVER)
        last = max((NEVER if one.states[-1].quantity else one.times[-1] for one in held), default=0)
        return first // SECOND, last // SECOND

    @exactly
    def at(self, bounds: Sequence[int], span: int, max_marks: int = MAX_MARKS) -> list[Added]:
        """What they add at the ends of consecutive bars or periods; `bounds` are when the first one begins and each
        ends, in Unix seconds at which minutes begin. No bar of `span` seconds lies across one of them, but for the
        first and the last. Raises TooManyMarks for more than `max_marks` values.
        """
        lived = {one.series.id: range(len(bounds))[one.lived_at(bounds)] for one in self._positions.values()}
        if sum(map(len, lived.values())) > max_marks:
            raise TooManyMarks
        wanted: dict[Market, set[int]] = {}
        for one in self._positions.values():
            seconds = [bounds[0], *(bounds[place] for place in lived[one.series.id])]
            for market in one.markets:
                wanted.setdefault(market, set()).update(seconds)
        closes = last_closes(self._folder, wanted) if wanted else {}
        parts = [*cover(bounds[0] * SECOND, bounds[-1] * SECOND, span)]
        found = list[Added]()
        self._used = {(one.series.symbol, market): set() for one in self._positions.values() for market in one.markets}
        for one in self._positions.values():
            value = _Value(one, closes, self._stored(one.series, parts), self._used)
            opening = before = value.at(bounds[0])
            changes = list[Change]()
            for place in lived[one.series.id]:
                if place:
                    after = value.at(bounds[place], bounds[place - 1])
                    if after != before:
                        changes.append(Change(bounds[place - 1], after - before))
                    before = after
            found.append(Added(one.series, opening, changes))
        return found

    @property
    def uses(self) -> list[MarketUse]:
        """What markets marked in the last answer of `at`, sorted by symbol and market."""
        found = {
            MarketUse(symbol, market, len(of), min(of) * SECOND, max(of) * SECOND) if of else MarketUse(symbol, market)
            for (symbol, market), of in self._used.items()
        }
        return sorted(found | self._unmarked, key=lambda use: (use.symbol, use.market or ()))

    def _stored(self, series: Series, parts: Sequence[Part]) -> "_Stored":
        start_ns = parts[0][0]
        first = first_start(self._snapshot, series.id, SPANS[-1])
        since_ns = start_ns if first is None else first // LONGEST * LONGEST * SECOND
        return _Stored(self._snapshot, series, [*cover(since_ns, start_ns, LONGEST), *parts])


class _Stored:
    """The stored unrealised P&L of a position, at the ends of its bars from the first one on, in Unix seconds."""

    def __init__(self, snapshot: Snapshot, series: Series, parts: Iterable[Part]) -> None:
        self._snapshot = snapshot
        self._series = series
        self.starts, self.ends = list[int](), list[int]()
        self._amounts = list[Decimal]()
        amount = ZERO
        for first, until, span in parts:
            for start, before, after, realized, fees, cash, *_ in amounts_of(snapshot, series, span, first, until):
                amount += _number(after) - _number(before) - _number(realized) + _number(fees) - _number(cash)
                self.starts.append(start)
                self.ends.append(start + span)
                self._amounts.append(amount)

    def before(self, second: int) -> Decimal:
        """The amount before a Unix second that no bar contains."""
        place = bisect_right(self.ends, second)
        return self._amounts[place - 1] if place else ZERO

    def has_changed(self, since: int, second: int) -> bool:
        """Whether the net P&L changed after the minute that begins at `since`, before a time that no bar contains."""
        place = bisect_right(self.ends, second) - 1
        if place < 0 or self.ends[place] <= since + MINUTE:
            return False
        if self.starts[place] > since:
            return True
        last = last_before(self._snapshot, self._series.id, MINUTE, self.ends[place])
        return last is not None and last[0] > since + MINUTE


class _Value:
    """What the marks add to the stored net P&L of a position."""

    def __init__(
        self, one: _Position, closes: Closes, stored: _Stored, used: Mapping[tuple[str, Market], set[int]]
    ) -> None:
        """`used` gets the starts of the bars or periods in which a market gives the value at the end."""
        self._one = one
        self._stored = stored
        self._markets = [(market.venue, closes[market], used[one.series.symbol, market]) for market in one.markets]

    def at(self, second: int, start: int = NEVER) -> Decimal:
        """The value at a Unix second that no bar contains; it ends a bar or a period that begins at `start`."""
        one = self._one
        state = one.before(second)
        if not state.quantity:
            return ZERO
        known = ((closes.get(second), venue, starts) for venue, closes, starts in self._markets)
        found = [(preference(venue, close.last_ns), close, starts) for close, venue, starts in known if close]
        if not found:
            return ZERO
        _, close, starts = min(found, key=itemgetter(0))
        minute = close.last_ns // SECOND // MINUTE * MINUTE
        if self._stored.has_changed(minute, second):
            return ZERO
        if minute >= start:
            starts.add(start)
        return state.quantity * close.price * one.terms.multiplier - state.cost - self._stored.before(second)


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
