"""Figures of several currencies in one, the base currency (accounting rule 21): two views with different answers.

`dated`: what was realised, paid in fees and received as cash at the rate of its own time, what is open at the rate of
the moment it is shown for. `at_current_rates`: all at the rate of now. What has no rate is in no sum, and is listed as
missing.

Amounts of a bar are converted together. Bars are as short as changes of rates want them, down to a minute; where a rate
changes within a minute that has amounts, they all get the rate at its end, and `is_exact` is false.
"""

from bisect import bisect_right
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec
import numpy as np

from trading_history.figures.trip_columns import Numbers
from trading_history.figures.trips import shown
from trading_history.queries.equity import SECOND
from trading_history.queries.events_in_force import EventsInForce
from trading_history.queries.rate_columns import RateColumn
from trading_history.queries.round_trips import RoundTrip
from trading_history.reader import Snapshot
from trading_model.decimals import ZERO
from trading_model.field_rules import format_timestamp
from trading_model.rates import Found, Rates
from trading_model.timestamps import unix_ns

MINUTE = 60
"""Seconds of the shortest bar that is read: those of a second are kept for a day only."""

MINUTE_NS = MINUTE * SECOND

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
        self._columns: dict[str, RateColumn] = {}
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

    def rates_of(self, currency: str, times_ns: Numbers) -> tuple[RateColumn, Numbers]:
        """The rates of a currency, and at which place among them are those of some times."""
        self._used[currency] = None
        changes, rates = self._of(currency)
        if currency not in self._columns:
            self._columns[currency] = RateColumn(rates)
        at = np.full(len(times_ns), self.now_ns) if self.view == "at_current_rates" else times_ns.clip(max=self.now_ns)
        return self._columns[currency], np.array(changes, np.int64).searchsorted(at, "right")

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
