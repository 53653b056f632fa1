"""What a stretch of time says about a market, and how two stretches that follow each other are one. No I/O."""

from collections.abc import Sequence
from decimal import Decimal
from operator import mul

import msgspec

from trading_analytics.windows.observations import Trade
from trading_model.decimals import ZERO


class Returns(msgspec.Struct, frozen=True, gc=False):
    """Logarithms of price ratios from one grid point to the next: number, mean, sum of squared deviations, of squares.

    Grid points without a trade need none: their return is 0, and their number is known.
    """

    count: int
    mean: float
    deviations: float
    squares: float


class Spreads(msgspec.Struct, frozen=True, gc=False):
    """Spreads in basis points, the last one of each grid point: number, sum, maximum, and the latest."""

    count: int
    total: float
    widest: float
    last: float


class Trades(msgspec.Struct, frozen=True, gc=False):
    """Trades: number, sums, extremes and the deepest fall from a price to a later one, exactly."""

    count: int
    volume: Decimal
    notional: Decimal
    first: Trade
    last: Trade
    high: Trade
    low: Trade
    peak: Trade
    trough: Trade


class Summary(msgspec.Struct, frozen=True, gc=False):
    """A stretch of time. A part is None where nothing of its kind happened."""

    trades: Trades | None
    returns: Returns | None
    spreads: Spreads | None


def summary_of(trades: Sequence[Trade]) -> Trades:
    """The summary of trades in the order of time, at least one. Call it under the EXACT context."""
    prices = [trade.price for trade in trades]
    quantities = [trade.qty for trade in trades]
    high = peak = trough = 0
    highest = lowest_since = prices[0]
    for index, price in enumerate(prices):
        if price > highest:
            high = index
            highest = lowest_since = price
        elif price < lowest_since:  # only then it is the deepest fall from that height so far
            lowest_since = price
            if is_deeper(price, highest, prices[trough], prices[peak]):
                peak, trough = high, index
    return Trades(
        len(trades),
        sum(quantities, ZERO),
        sum(map(mul, prices, quantities), ZERO),
        trades[0],
        trades[-1],
        trades[high],
        trades[prices.index(min(prices))],
        trades[peak],
        trades[trough],
    )


def is_deeper(low: Decimal, high: Decimal, trough: Decimal, peak: Decimal) -> bool:
    """Whether the fall from `high` to `low` is larger, relative to its start, than that from `peak` to `trough`.

    Without a division: (high - low) / high > (peak - trough) / peak.
    """
    return low * peak < trough * high


def add(earlier: Summary, later: Summary) -> Summary:
    """One summary of two parts of a window, one behind the other. Call it under the EXACT context."""
    trades, returns, spreads = later.trades, later.returns, later.spreads
    if earlier.trades is not None:
        trades = earlier.trades if trades is None else _add_trades(earlier.trades, trades)
    if earlier.returns is not None:
        returns = earlier.returns if returns is None else add_returns(earlier.returns, returns)
    if earlier.spreads is not None:
        spreads = earlier.spreads if spreads is None else _add_spreads(earlier.spreads, spreads)
    return Summary(trades, returns, spreads)


def add_returns(one: Returns, other: Returns) -> Returns:
    """One summary of two runs of returns: the pairwise update of Chan, Golub and LeVeque (1979)."""
    count = one.count + other.count
    share = other.count / count
    delta = other.mean - one.mean
    return Returns(
        count,
        one.mean + delta * share,
        one.deviations + other.deviations + delta * delta * one.count * share,
        one.squares + other.squares,
    )


def _add_trades(earlier: Trades, later: Trades) -> Trades:
    peak, trough = earlier.peak, earlier.trough
    if is_deeper(later.trough.price, later.peak.price, trough.price, peak.price):
        peak, trough = later.peak, later.trough
    high, low = earlier.high, later.low
    if low.price < high.price and is_deeper(low.price, high.price, trough.price, peak.price):
        peak, trough = high, low
    return Trades(
        earlier.count + later.count,
        earlier.volume + later.volume,
        earlier.notional + later.notional,
        earlier.first,
        later.last,
        later.high if later.high.price > high.price else high,
        earlier.low if earlier.low.price <= low.price else low,
        peak,
        trough,
    )


def _add_spreads(earlier: Spreads, later: Spreads) -> Spreads:
    return Spreads(
        earlier.count + later.count,
        earlier.total + later.total,
        max(earlier.widest, later.widest),
        later.last,
    )
