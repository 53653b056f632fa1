"""Sums in a base currency, of amounts that are each converted at the rate of their own time. No I/O."""

from decimal import Decimal

import msgspec

from trading_model.decimals import ZERO
from trading_model.rates import Found


class DatedSum(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A sum of amounts, each converted at the rate of its own time.

    `value` is in the base currency. `without_rate` is the sum of the amounts that had no rate, in their own currency.
    `rounded` says that a division that does not end is in it.
    """

    value: Decimal = ZERO
    without_rate: Decimal = ZERO
    rounded: bool = False

    def plus(self, amount: Decimal, rate: Found | None, *, rounded: bool = False) -> "DatedSum":
        """The sum with one more amount, at the rate of its time. `rounded`: a division that does not end is in the
        amount. Call it under the EXACT context.
        """
        rounded = rounded or self.rounded
        if rate is None:
            return DatedSum(self.value, self.without_rate + amount, rounded)
        return DatedSum(self.value + amount * rate.value, self.without_rate, rounded or rate.rounded)

    def __add__(self, other: "DatedSum") -> "DatedSum":
        """The sum of both, of amounts in the same currency. Call it under the EXACT context."""
        value, without_rate = self.value + other.value, self.without_rate + other.without_rate
        return DatedSum(value, without_rate, self.rounded or other.rounded)


NOTHING = DatedSum()


class Dated(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a position has realised, paid in fees and received as rewards, in the base currency.

    `realized_seen`, `fees_seen` and `income_seen` are the amounts in the position's own currency that are in the sums:
    the next increment is what they have become since then.
    """

    realized_pnl: DatedSum = NOTHING
    fees: DatedSum = NOTHING
    income: DatedSum = NOTHING
    realized_seen: Decimal = ZERO
    fees_seen: Decimal = ZERO
    income_seen: Decimal = ZERO

    def __add__(self, other: "Dated") -> "Dated":
        """The sums of both, of positions in the same currency. Call it under the EXACT context."""
        return Dated(self.realized_pnl + other.realized_pnl, self.fees + other.fees, self.income + other.income)


NOTHING_DATED = Dated()
