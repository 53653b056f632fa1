"""Totals over all positions in one currency: rule 21 of the accounting. A view, from what the positions hold. No I/O.

Two totals with different answers, both named. `dated`: realised P&L, fees and cash at the rate of their own time,
unrealised P&L at the rate now. `at_current_rates`: all at the rate now. 100 USD realised at 0.90 and 50 at 0.95, now
0.95, are 137.5 EUR dated and 142.5 EUR at current rates.

An amount without a rate is in no total, and is listed as missing beside it.

For the dated total a position keeps a `DatedSum` of its realised P&L, its fees and its cash: at each increment it adds
the increment and the rate at the increment's time. A rate that comes late, or is taken back, changes all increments
from its time on: these positions are folded again from there.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from trading_model.accounting.dated import NOTHING, DatedSum
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


class Held(msgspec.Struct, frozen=True, gc=False):
    """What a position, or several in one currency, brings into the totals. An empty `currency` is unknown, or points.

    The dated sums are those of realised P&L, fees and cash. `fees_outside` are by currency, not in the net. `unmarked`:
    the unrealised P&L is without that of a position that has no mark. `rounded`: a division that does not end is in the
    amounts.
    """

    currency: str
    amounts: Amounts
    realized_pnl: DatedSum = NOTHING
    fees: DatedSum = NOTHING
    cash: DatedSum = NOTHING
    fees_outside: Mapping[str, Decimal] = {}
    unmarked: bool = False
    rounded: bool = False


class Missing(msgspec.Struct, frozen=True, gc=False):
    """An amount that is not in a total: its part of the net P&L, its own currency (empty if unknown), how much.

    `amount` is None where it can't be one number: the unrealised P&L of positions without a mark, and whatever is in
    unknown currencies, or in points.
    """

    part: str
    currency: str
    amount: Decimal | None


class BaseTotal(msgspec.Struct, frozen=True, gc=False):
    """A total in the base currency. `rounded` says that a division that does not end is in it."""

    amounts: Amounts
    rounded: bool
    missing: tuple[Missing, ...]


class Totals(msgspec.Struct, frozen=True, gc=False):
    """The two totals over all positions, in one currency."""

    currency: str
    dated: BaseTotal
    at_current_rates: BaseTotal


@exactly
def totals(positions: Iterable[Held], currency: str, rates: Rates, now: str) -> Totals:
    """The totals in `currency` at the time `now`, RFC 3339 in UTC."""
    every = tuple(positions)
    rounded = any(held.rounded for held in every)
    dated, current = _Sum(rounded=rounded), _Sum(rounded=rounded)
    for held in every:
        amounts = held.amounts
        rate = rates.find(held.currency, currency, now) if held.currency else None
        for part in PARTS:
            amount = getattr(amounts, part)
            current.convert(part, held.currency, amount, rate)
        dated.convert("unrealized_pnl", held.currency, amounts.unrealized_pnl, rate)
        for part, sum_ in (("realized_pnl", held.realized_pnl), ("fees", held.fees), ("cash", held.cash)):
            dated.take(part, held.currency, sum_)
        if held.unmarked:
            dated.miss_mark(held.currency)
            current.miss_mark(held.currency)
        for fee_currency, fee in held.fees_outside.items():
            dated.leave_out("fees", fee_currency, fee)
            current.leave_out("fees", fee_currency, fee)
    return Totals(currency, dated.total(), current.total())


class _Sum:
    """A total under way."""

    def __init__(self, *, rounded: bool) -> None:
        self._parts = dict.fromkeys(PARTS, ZERO)
        self._missing: dict[tuple[str, str], Decimal | None] = {}
        self._rounded = rounded

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
        if not amount:
            return
        known = self._missing.get((part, currency), ZERO)
        self._missing[part, currency] = None if known is None or not currency else known + amount

    def miss_mark(self, currency: str) -> None:
        self._missing["unrealized_pnl", currency] = None

    def total(self) -> BaseTotal:
        missing = [Missing(part, currency, amount) for (part, currency), amount in self._missing.items()]
        return BaseTotal(Amounts(**self._parts), self._rounded, tuple(missing))
