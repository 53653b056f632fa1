"""One candle, and how two of the same time are one. No I/O."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from trading_model.decimals import exactly

SPANS = (1, 60, 3_600, 86_400)
"""Seconds. Each begins at a multiple of its span since 1970, in UTC."""

SECOND_NS = 1_000_000_000


class Market(NamedTuple):
    """Where and what: the symbol is BASE-QUOTE."""

    venue: str
    symbol: str


class CandleKey(NamedTuple):
    """Which candle: of a market, of `span` seconds from `start` (Unix seconds) on."""

    market: Market
    span: int
    start: int


class Candle(msgspec.Struct, frozen=True, gc=False):
    """The trades of a market within a span. `notional` is the sum of price times quantity.

    The first and last trade by time have the times `first_ns` and `last_ns`. `revision` counts the trades that came
    late, after the market's later ones.
    """

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    notional: Decimal
    trades: int
    first_ns: int
    last_ns: int
    revision: int = 0


def merged(one: Candle, other: Candle) -> Candle:
    """Both as one; `other` came later. Call it under the EXACT context."""
    return Candle(
        other.open if other.first_ns < one.first_ns else one.open,
        max(one.high, other.high),
        min(one.low, other.low),
        other.close if other.last_ns >= one.last_ns else one.close,
        one.volume + other.volume,
        one.notional + other.notional,
        one.trades + other.trades,
        min(one.first_ns, other.first_ns),
        max(one.last_ns, other.last_ns),
        one.revision + other.revision,
    )


class CandleFold:
    """Candles of the trades since the last `drain`."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[Market, int], Candle] = {}

    def __len__(self) -> int:
        """The number of candles of a second."""
        return len(self._seconds)

    def add(self, market: Market, ts_ns: int, price: Decimal, qty: Decimal, *, late: bool) -> None:
        """Add a trade. Call it under the EXACT context."""
        key = (market, ts_ns // SECOND_NS)
        candle = Candle(price, price, price, price, qty, price * qty, 1, ts_ns, ts_ns, int(late))
        before = self._seconds.get(key)
        self._seconds[key] = candle if before is None else merged(before, candle)

    @exactly
    def drain(self) -> dict[CandleKey, Candle]:
        """The candles of all spans; the fold is empty afterwards."""
        found: dict[CandleKey, Candle] = {}
        for (market, second), candle in self._seconds.items():
            for span in SPANS:
                key = CandleKey(market, span, second // span * span)
                before = found.get(key)
                found[key] = candle if before is None else merged(before, candle)
        self._seconds.clear()
        return found
