"""Figures of several currencies in one, the base currency (accounting rule 21): two views with different answers.

`dated`: what was realised, paid in fees and received as cash at the rate of its own time, what is open at the rate of
the moment it is shown for. `at_current_rates`: all at the rate of now. What has no rate is in no sum, and is listed as
missing.

Amounts of a bar are converted together. Bars are as short as changes of rates want them, down to a minute; where a rate
changes within a minute that has amounts, they all get the rate at its end, and `is_exact` is false.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from trading_history.figures.bars import added
from trading_history.figures.trip_columns import Numbers
from trading_history.figures.trips import shown
from trading_history.queries.equity import (
    MAX_DRAWDOWN_BARS,
    SECOND,
    SPANS,
    Bar,
    Curve,
    bars_of,
    between,
    cover,
    drawdown_of,
    first_start,
    has_more_starts,
    lines_in,
)
from trading_history.queries.events_in_force import EventsInForce
from trading_history.queries.round_trips import RoundTrip
from trading_history.queries.scope import Scope, Series, addends
from trading_history.queries.summed_lines import largest_fall
from trading_history.reader import Snapshot
from trading_model.accounting.book import NO_AMOUNTS
from trading_model.decimals import ZERO, exactly
from trading_model.field_rules import format_timestamp
from trading_model.rates import Found, Rates
from trading_model.timestamps import unix_ns

MINUTE = 60
"""Seconds of the shortest bar that is read: those of a second are kept for a day only."""

View = Literal["dated", "at_current_rates"]

Part = Literal["realized", "unrealized", "fees", "cash", "round_trips"]


class Missing(msgspec.Struct, frozen=True):
    """An amount that no sum has: its part of the P&L, its currency, and why: `no_rate`, `too_old` (the last rate had
    passed its maximum age), or `currency_unknown`: no amount then, since those of different symbols can't be added.
    """

    part: Part
    currency: str
    amount: Decimal | None
    reason: str


class CurrentRate(msgspec.Struct, frozen=True):
    """What one unit of a currency is worth now, since `since_ns`; None between names of one currency."""

    currency: str
    rate: Decimal
    since_ns: int | None


class Conversion:
    """Into one currency, at the rates of a ledger. Remembers what had no rate. For one answer."""

    def __init__(self, rates: Rates, into: str, view: View, now_ns: int) -> None:
        self.into = into
        self.view = view
        self.now_ns = now_ns
        self.is_exact = True
        """False once amounts of a minute within which a rate changes were converted."""

        self._rates = rates
        self._found: dict[str, tuple[list[int], list[Found | None]]] = {}
        self._missing: dict[tuple[Part, str, str], Decimal | None] = {}
        self._used: dict[str, None] = {}

    @classmethod
    def of(cls, snapshot: Snapshot, into: str, view: View, now_ns: int) -> "Conversion":
        """With the rates of a snapshot."""
        return cls(EventsInForce(snapshot.connection).rates, into, view, now_ns)

    @property
    def missing(self) -> list[Missing]:
        """What had no rate: sums by part, currency and reason."""
        keys = sorted(key for key, amount in self._missing.items() if amount != ZERO)
        return [Missing(part, currency, self._missing[part, currency, why], why) for part, currency, why in keys]

    @property
    def current(self) -> list[CurrentRate]:
        """The rates of now of the currencies that were asked for, as far as there are any."""
        found = [(currency, self.rate(currency, self.now_ns)) for currency in sorted(self._used)]
        return [
            CurrentRate(currency, rate.value, unix_ns(rate.ts) if rate.ts else None)
            for currency, rate in found
            if rate is not None
        ]

    def changes(self, currency: str) -> Sequence[int]:
        """When the rate of a currency changes, up to now; never in the view `at_current_rates`."""
        return [] if self.view == "at_current_rates" else [at for at in self._of(currency)[0] if at <= self.now_ns]

    def rate(self, currency: str, time_ns: int) -> Found | None:
        """The rate of a currency at a time, or now; None if there is none. No rate is of the future."""
        self._used[currency] = None
        times, found = self._of(currency)
        at = self.now_ns if self.view == "at_current_rates" else min(time_ns, self.now_ns)
        return found[bisect_right(times, at)]

    def is_same(self, currency: str) -> bool:
        """Whether amounts of a currency stay as they are."""
        self._used[currency] = None
        return all(one is not None and not one.ts for one in self._of(currency)[1])

    def rates_of(self, currency: str, times_ns: Numbers) -> tuple[Sequence[Found | None], Numbers]:
        """The rates of a currency, and at which place among them are those of some times."""
        self._used[currency] = None
        changes, found = self._of(currency)
        at = np.full(len(times_ns), self.now_ns) if self.view == "at_current_rates" else times_ns.clip(max=self.now_ns)
        return found, np.array(changes, np.int64).searchsorted(at, "right")

    def convert(self, part: Part, currency: str, amount: Decimal, time_ns: int, *, notes: bool = True) -> Decimal:
        """An amount in the base currency, to 34 decimals where the rate comes from a division. Without a rate 0: it is
        missing then, and `notes` says whether it is to be listed.
        """
        if not amount:
            return ZERO
        rate = self.rate(currency, time_ns)
        if rate is not None:
            return shown(amount * rate.value) if rate.rounded else amount * rate.value
        if notes:
            self.miss(part, currency, amount, time_ns)
        return ZERO

    def miss(self, part: Part, currency: str, amount: Decimal, time_ns: int) -> None:
        """Note an amount that has no rate."""
        at = self.now_ns if self.view == "at_current_rates" else min(time_ns, self.now_ns)
        reason = "currency_unknown"
        if currency:
            is_old = self._rates.is_too_old(currency, self.into, format_timestamp(at))
            reason = "too_old" if is_old else "no_rate"
        key = (part, currency, reason)
        self._missing[key] = (self._missing.get(key) or ZERO) + amount if currency else None

    def trip(self, trip: RoundTrip) -> RoundTrip | None:
        """A round trip in the base currency, all at the rate of its end, or of now while it is open; None without."""
        time_ns = self.now_ns if trip.closed_ns is None else trip.closed_ns
        rate = self.rate(trip.currency, time_ns)
        if rate is None:
            self.miss("round_trips", trip.currency, trip.net, time_ns)
            return None
        names = ("turnover", "gross", "fees", "cash", "net", "mae", "mfe")
        amounts = {name: shown(getattr(trip, name) * rate.value) for name in names}
        return msgspec.structs.replace(trip, currency=self.into, **amounts)

    def _of(self, currency: str) -> tuple[list[int], list[Found | None]]:
        """The times at which the rate changes, and the rates before, between and after them."""
        known = self._found.get(currency)
        if known is None:
            times = self._rates.changes(currency, self.into) if currency else []
            first = times[0] - 1 if times else self.now_ns
            found = [
                self._rates.find(currency, self.into, format_timestamp(at)) if currency else None
                for at in (first, *times)
            ]
            known = self._found[currency] = times, found
        return known


class Step(NamedTuple):
    """What a bar, or a change of a rate, added, in the base currency. `change` is that of the net P&L.

    `fees_outside` stay in their own currencies. `is_whole`: nothing of the rest is missing.
    """

    time_ns: int
    change: Decimal
    realized: Decimal
    fees: Decimal
    cash: Decimal
    turnover: Decimal
    fills: int
    fees_outside: Mapping[str, Decimal]
    is_whole: bool


@exactly
def steps(
    snapshot: Snapshot,
    series: Iterable[Series],
    conversion: Conversion,
    times: tuple[int, int],
    span: int = SPANS[-1],
    edges: Iterable[int] = (),
    *,
    notes_all: bool = False,
) -> list[Step]:
    """The steps of some series from their beginning to the end of a range, in the order of time.

    Within the range, bars are no longer than `span` seconds and lie across no edge. A range that begins inside a minute
    has this whole minute. What is missing is noted where it is in the range, or everywhere.
    """
    start, end = times[0] // MINUTE_NS * MINUTE_NS, times[1]
    found = list[Step]()
    for one in series:
        begin = min(_first_day(snapshot, one.id, start), start // DAY_NS * DAY_NS)
        changes = [at for at in conversion.changes(one.sum_currency) if begin < at < end]
        cuts = [*edges, *changes]
        pieces = [*between(begin, start, SPANS[-1], cuts), *between(start, end, span, cuts)]
        events: list[_Event] = [(at, None, 0) for at in changes]
        events += [
            (bar.start_ns, bar, used * SECOND)
            for first, until, used in pieces
            for bar in bars_of(snapshot, one.id, used, first, until)
        ]
        # A change comes before a bar that begins with it.
        events.sort(key=lambda event: (event[0], event[1] is not None))
        found += _converted(one.sum_currency, conversion, events, changes, begin if notes_all else start)
    found.sort(key=lambda step: step.time_ns)
    return found


DAY_NS = SPANS[-1] * SECOND
MINUTE_NS = MINUTE * SECOND


def _first_day(snapshot: Snapshot, series: int, otherwise: int) -> int:
    """The start of the first bar of a day."""
    first = first_start(snapshot, series, SPANS[-1])
    return otherwise if first is None else first * SECOND


_Event = tuple[int, Bar | None, int]
"""A bar by its start with its width in ns; or a change of the rate."""


def _converted(
    currency: str, conversion: Conversion, events: Sequence[_Event], changes: Sequence[int], notes_from: int
) -> Iterator[Step]:
    unrealized = value = ZERO
    was_whole = True
    at = 0
    for time_ns, bar, width in events:
        at = time_ns if bar is None else time_ns + width - 1
        has_rate = conversion.rate(currency, at) is not None
        before, is_whole = value, has_rate
        realized = fees = cash = turnover = ZERO
        if bar is not None:
            notes = time_ns >= notes_from
            realized = conversion.convert("realized", currency, bar.realized, at, notes=notes)
            fees = conversion.convert("fees", currency, bar.fees, at, notes=notes)
            cash = conversion.convert("cash", currency, bar.cash, at, notes=notes)
            turnover = conversion.convert("realized", currency, bar.turnover, at, notes=False)
            settled = bar.realized - bar.fees + bar.cash
            unrealized += bar.close - bar.open - settled
            is_whole = is_whole or not (bar.realized or bar.fees or bar.cash or unrealized)
            if (settled or bar.fees) and bisect_right(changes, time_ns) != bisect_right(changes, at):
                conversion.is_exact = conversion.is_exact and not notes
        value = conversion.convert("unrealized", currency, unrealized, at, notes=False)
        change = value - before + realized - fees + cash
        is_whole = is_whole or (bar is None and not unrealized)
        yield Step(
            time_ns, change, realized, fees, cash, turnover, 0 if bar is None else bar.fills,
            NO_AMOUNTS if bar is None else bar.fees_outside, is_whole and was_whole,
        )  # fmt: skip
        was_whole = has_rate or not unrealized
    if not was_whole:
        conversion.miss("unrealized", currency, unrealized, at)


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
    `max_bars` becomes coarser. Values are exact at the ends of bars only.
    """
    series = addends(snapshot, scope).series
    for chosen in (one for one in SPANS if one >= max(span, MINUTE)):
        if chosen < SPANS[-1] and has_more_starts(snapshot, series, chosen, times, max_bars):
            continue
        found = steps(snapshot, series, conversion, times, chosen, notes_all=True)
        opening, bars = _bars(found, times[0] // MINUTE_NS * MINUTE_NS, chosen)
        if len(bars) <= max_bars or chosen == SPANS[-1]:
            break
    return Curve(conversion.into, chosen, opening, bars, False, None if chosen == span else span)


@exactly
def converted_fall(snapshot: Snapshot, scope: Scope, conversion: Conversion, times: tuple[int, int]) -> Decimal:
    """The largest fall of the same from a peak, or from the value before a range, in it: 0 or more."""
    series = addends(snapshot, scope).series
    if not series or not all(conversion.is_same(one.sum_currency) for one in series):
        curve = converted_equity(snapshot, scope, conversion, times, max_bars=MAX_DRAWDOWN_BARS)
        return drawdown_of(curve, *times).max
    start, end = times[0] // MINUTE_NS * MINUTE_NS, times[1]
    spans = SPANS[SPANS.index(MINUTE) : -1]
    fitting = (one for one in spans if not has_more_starts(snapshot, series, one, (start, end), MAX_DRAWDOWN_BARS))
    parts = [*cover(start, end, next(fitting, SPANS[-1]))]
    return largest_fall(lines_in(snapshot, series, parts), within_times=True)


def _bars(found: Iterable[Step], start_ns: int, span: int) -> tuple[Decimal, list[Bar]]:
    """The level before the range, and its bars."""
    opening = level = ZERO
    width = span * SECOND
    bars = list[Bar]()
    for step in found:
        level += step.change
        if step.time_ns < start_ns:
            opening = level
            continue
        begins = step.time_ns // width * width
        if not bars or bars[-1].start_ns != begins:
            if not step.change and not step.fills:
                continue
            before = level - step.change
            bars.append(Bar(begins, before, before, before, before, ZERO, before, ZERO, ZERO, ZERO, ZERO, 0))
        last = bars[-1]
        high = max(last.high, level)
        fall = (high - level, level) if high - level > last.drawdown else (last.drawdown, last.trough)
        bars[-1] = Bar(
            begins, last.open, high, min(last.low, level), level, *fall,
            last.realized + step.realized, last.fees + step.fees, last.cash + step.cash,
            last.turnover + step.turnover, last.fills + step.fills,
            added(last.fees_outside, step.fees_outside) if step.fees_outside else last.fees_outside,
        )  # fmt: skip
    return opening, bars
