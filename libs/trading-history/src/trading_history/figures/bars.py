"""Bars of equity, and how they add up. No I/O."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from trading_model.accounting.book import NO_AMOUNTS
from trading_model.decimals import ZERO

SPANS = (1, 60, 3_600, 86_400, 28 * 86_400)
"""Seconds of a bar, each a part of the next. The longest makes the largest fall of years one of few bars."""


class Bar(NamedTuple):
    """A level over time: its first, highest, lowest and last value, and its largest fall.

    Then amounts of the bar alone. `start`, in Unix seconds, is that of its first part: the bar of a single minute is
    also that of its hour.
    """

    start: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    drawdown: Decimal
    trough: Decimal
    """Where that fall ended; without one, the lowest value."""

    realized: Decimal = ZERO
    fees: Decimal = ZERO
    cash: Decimal = ZERO
    fills: int = 0
    turnover: Decimal = ZERO
    fees_outside: dict[str, Decimal] = NO_AMOUNTS
    """By currency, fees that no rate values: they are not in the level."""

    def then(self, later: "Bar") -> "Bar":
        """The bar of this one's time and the next one's together. Call it under the EXACT context."""
        start, open_, high, low, _, drawdown, trough, realized, fees, cash, fills, turnover, outside = self
        (
            _, _, later_high, later_low, close, fall, fell_to, more_realized, more_fees, more_cash, more_fills,
            more_turnover, more_outside,
        ) = later  # fmt: skip
        if high - later_low > drawdown:
            drawdown, trough = high - later_low, later_low
        if fall > drawdown:
            drawdown, trough = fall, fell_to
        if later_high > high:
            high = later_high
        if later_low < low:
            low = later_low
        return new_bar(Bar, (
            start, open_, high, low, close, drawdown, trough, realized + more_realized,
            fees + more_fees, cash + more_cash if more_cash else cash, fills + more_fills, turnover + more_turnover,
            added(outside, more_outside) if more_outside else outside,
        ))  # fmt: skip


new_bar: Callable[[type[Bar], tuple[Any, ...]], Bar] = tuple.__new__
"""Makes a bar of all its members, in half the time of a call of the class."""


def added(amounts: Mapping[str, Decimal], more: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """The sums of amounts by currency. Call it under the EXACT context."""
    sums = dict(amounts)
    for currency, amount in more.items():
        sums[currency] = sums.get(currency, ZERO) + amount
    return sums
