"""One candle, and how two of the same time are one. No I/O."""

from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter, mul
from typing import NamedTuple

import msgspec

from trading_model.decimals import ZERO, exactly
from trading_model.symbols import symbol_parts

SPANS = (1, 60, 3_600, 86_400)
"""Seconds. Each begins at a multiple of its span since 1970, in UTC."""

SECOND_NS = 1_000_000_000


class Market(NamedTuple):
    """Where and what: the symbol is BASE-QUOTE."""

    venue: str
    symbol: str


def market_names(symbol: str) -> tuple[str, ...]:
    """The names under which a market may be followed whose trades are sent under a symbol."""
    parts = symbol_parts(symbol)
    return (symbol.upper(), f"{parts.base}-{parts.quote}") if parts.kind == "spot" else (symbol.upper(),)


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
    """One candle of two of the same time; `other` came later. Call it under the EXACT context."""
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
        self._seconds: dict[tuple[Market, int], list[_Trade]] = {}

    def add(self, market: Market, ts_ns: int, price: Decimal, qty: Decimal, *, late: bool) -> None:
        """Add a trade."""
        key = (market, ts_ns // SECOND_NS)
        trades = self._seconds.get(key)
        if trades is None:
            trades = self._seconds[key] = []
        trades.append((ts_ns, price, qty, late))

    @exactly
    def drain(self) -> dict[CandleKey, Candle]:
        """The candles of all spans; the fold is empty afterwards."""
        found: dict[CandleKey, Candle] = {}
        for (market, second), trades in self._seconds.items():
            candle = _candle_of(trades)
            for span in SPANS:
                key = CandleKey(market, span, second // span * span)
                before = found.get(key)
                found[key] = candle if before is None else merged(before, candle)
        self._seconds.clear()
        return found


_Trade = tuple[int, Decimal, Decimal, bool]
"""Time, price, quantity, and whether it came late."""

_time_of = itemgetter(0)


def _candle_of(trades: Sequence[_Trade]) -> Candle:
    """The candle of trades in the order of arrival, which breaks ties of time. Call it under the EXACT context."""
    first, last = min(trades, key=_time_of), max(reversed(trades), key=_time_of)
    prices = [trade[1] for trade in trades]
    quantities = [trade[2] for trade in trades]
    return Candle(
        first[1],
        max(prices),
        min(prices),
        last[1],
        sum(quantities, ZERO),
        sum(map(mul, prices, quantities), ZERO),
        len(trades),
        first[0],
        last[0],
        sum(trade[3] for trade in trades),
    )
