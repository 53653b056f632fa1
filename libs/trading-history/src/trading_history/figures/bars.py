"""Bars of equity, and how they add up. No I/O."""

from decimal import Decimal
from typing import NamedTuple

from trading_model.decimals import ZERO

SPANS = (1, 60, 3_600, 86_400)
"""Seconds of a bar, each a part of the next."""


class Bar(NamedTuple):
    """A level over time from `start`, in Unix seconds: its first, highest, lowest and last value, and its largest fall.

    Then amounts of the bar alone.
    """

    start: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    drawdown: Decimal
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    cash: Decimal = ZERO
    fills: int = 0
    turnover: Decimal = ZERO

    def then(self, later: "Bar") -> "Bar":
        """This bar with the next one behind it. Call it under the EXACT context."""
        return Bar(
            self.start,
            self.open,
            max(self.high, later.high),
            min(self.low, later.low),
            later.close,
            max(self.drawdown, later.drawdown, self.high - later.low),
            self.realized + later.realized,
            self.fees + later.fees,
            self.cash + later.cash,
            self.fills + later.fills,
            self.turnover + later.turnover,
        )

    def beginning(self, span: int) -> "Bar":
        """The same as the first part of a bar of a longer span."""
        start = self[0] // span * span
        return self if start == self[0] else _new(Bar, (start, *self[1:]))


_new = tuple.__new__
"""Makes a named tuple of a tuple, several times as fast as `_replace`."""
