"""Totals over all positions in one currency: rule 21 of the accounting. A view, from what the positions hold. No I/O.

Two totals with different answers, both named. `dated`: realised P&L, fees and cash at the rate of their own time,
unrealised P&L at the rate now. `at_current_rates`: all at the rate now. 100 USD realised at 0.90 and 50 at 0.95, now
0.95, are 137.5 EUR dated and 142.5 EUR at current rates.

An amount without a rate is in no total, and is listed as missing beside it. Totals by currency need no rate.

For the dated total a position keeps a `DatedSum` of its realised P&L, its fees and its cash: at each increment it adds
the increment and the rate at the increment's time. A rate that comes late, or is taken back, changes all increments
from its time on: these positions are folded again from there.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from trading_model.decimals import ZERO, exactly
from trading_model.rates import Found, Rates

PARTS = ("realized_pnl", "unrealized_pnl", "fees", "cash")


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """What makes up the net P&L, in one currency. `fees` are those in the net, positive when paid."""

    realized_pnl: Decimal = ZERO
    unrealized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    cash: Decimal = ZERO

    @property
    def net_pnl(self) -> Decimal:
        """Realised + unrealised − fees + cash. Call it under the EXACT context."""
        return self.realized_pnl + self.unrealized_pnl - self.fees + self.cash


class DatedSum(msgspec.Struct, frozen=True, gc=False):
    """A sum of amounts, each converted at the rate of its own time.

    `value` is in the base currency. `without_rate` is the sum of the amounts that had no rate, in their own currency.
    `rounded` says that a rate in it comes from a division that does not end.
    """

    value: Decimal = ZERO
    without_rate: Decimal = ZERO
    rounded: bool = False

    def plus(self, amount: Decimal, rate: Found | None) -> "DatedSum":
        """The sum with one more amount, at the rate of its time. Call it under the EXACT context."""
        if rate is None:
            return DatedSum(self.value, self.without_rate + amount, self.rounded)
        return DatedSum(self.value + amount * rate.value, self.without_rate, self.rounded or rate.rounded)


NOTHING = DatedSum()


class Held(msgspec.Struct, frozen=True, gc=False):
    """What one position brings into the totals. An empty `currency` is unknown, or P&L in points.

    The dated sums are those of realised P&L, fees and cash. `fees_outside` are by currency, not in the net.
    """

    currency: str
    amounts: Amounts
    realized_pnl: DatedSum = NOTHING
    fees: DatedSum = NOTHING
    cash: DatedSum = NOTHING
    fees_outside: Mapping[str, Decimal] = {}


class Missing(msgspec.Struct, frozen=True, gc=False):
    """An amount that is not in a total: its part of the net P&L, its own currency (empty if unknown), how much."""

    part: str
    currency: str
    amount: Decimal


class BaseTotal(msgspec.Struct, frozen=True, gc=False):
    """A total in the base currency. `rounded` says that a division that does not end is in it."""

    amounts: Amounts
    rounded: bool
    missing: tuple[Missing, ...]


class Totals(msgspec.Struct, frozen=True, gc=False):
    """Totals over all positions. Amounts by currency are exact and never added up; unknown ones are under ""."""

    currency: str
    by_currency: dict[str, Amounts]
    dated: BaseTotal
    at_current_rates: BaseTotal


@exactly
def totals(positions: Iterable[Held], currency: str, rates: Rates, now: str) -> Totals:
    """The totals in `currency` at the time `now`, RFC 3339 in UTC."""
    dated, current = _Sum(), _Sum()
    by_currency: dict[str, _Sum] = {}
    for held in positions:
        amounts = held.amounts
        rate = rates.find(held.currency, currency, now) if held.currency else None
        own = by_currency.setdefault(held.currency, _Sum())
        for part in PARTS:
            amount = getattr(amounts, part)
            own.add(part, amount)
            current.convert(part, held.currency, amount, rate)
        dated.convert("unrealized_pnl", held.currency, amounts.unrealized_pnl, rate)
        for part, sum_ in (("realized_pnl", held.realized_pnl), ("fees", held.fees), ("cash", held.cash)):
            dated.take(part, held.currency, sum_)
        for fee_currency, fee in held.fees_outside.items():
            dated.leave_out("fees", fee_currency, fee)
            current.leave_out("fees", fee_currency, fee)
    return Totals(currency, {name: one.amounts() for name, one in by_currency.items()}, dated.total(), current.total())


class _Sum:
    """A total under way."""

    def __init__(self) -> None:
        self._parts = dict.fromkeys(PARTS, ZERO)
        self._missing: dict[tuple[str, str], Decimal] = {}
        self._rounded = False

    def add(self, part: str, amount: Decimal) -> None:
        self._parts[part] += amount

    def convert(self, part: str, currency: str, amount: Decimal, rate: Found | None) -> None:
        if rate is None:
            self.leave_out(part, currency, amount)
        elif amount:
            self.add(part, amount * rate.value)
            self._rounded = self._rounded or rate.rounded

    def take(self, part: str, currency: str, held: DatedSum) -> None:
        self.add(part, held.value)
        self._rounded = self._rounded or held.rounded
        self.leave_out(part, currency, held.without_rate)

    def leave_out(self, part: str, currency: str, amount: Decimal) -> None:
        if amount:
            self._missing[part, currency] = self._missing.get((part, currency), ZERO) + amount

    def amounts(self) -> Amounts:
        return Amounts(**self._parts)

    def total(self) -> BaseTotal:
        missing = tuple(Missing(part, currency, amount) for (part, currency), amount in self._missing.items())
        return BaseTotal(self.amounts(), self._rounded, missing)
