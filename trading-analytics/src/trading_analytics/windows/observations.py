"""What the windows are made of: trades and quotes of a market. No I/O."""

from decimal import Decimal
from typing import NamedTuple

Market = tuple[str, str]
"""Venue and symbol."""


class Trade(NamedTuple):
    """A trade. The time is the venue's, in nanoseconds since 1970; price and quantity are above 0."""

    ts_ns: int
    seq: int
    price: Decimal
    qty: Decimal


class Quote(NamedTuple):
    """The best bid and ask, both above 0. Venues give no time, so it is that of the receipt."""

    ts_ns: int
    bid: Decimal
    ask: Decimal

    @property
    def spread_bps(self) -> float:
        """Ask less bid, in hundredths of a percent of the middle between them."""
        return float(self.ask - self.bid) / float(self.ask + self.bid) * 20_000
