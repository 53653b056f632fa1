"""The windows of one market: takes what happened at each closed grid point, in their order. No I/O."""

import math
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from trading_analytics.windows.ewma import Ewma
from trading_analytics.windows.observations import Quote, Trade
from trading_analytics.windows.summary import Returns, Spreads, Summary, summary_of
from trading_analytics.windows.window import Content, Window

EWMA_SHARE = 0.5
"""The half-life of the weighted volatility, as a share of its window's length."""


NEAR = 0.5
"""Maximum relative change of a price for which log1p is used: it keeps the digits that a ratio near 1 would lose."""


class Point(NamedTuple):
    """What happened at a grid point. `is_broken`: trades before it are missing."""

    trades: list[Trade]
    quote: Quote | None
    is_broken: bool


class View(NamedTuple):
    """One window at a grid point, for the calculation of its values.

    `samples` is the number of grid points with a known return, `squares` the weighted mean of squared returns.
    """

    content: Content
    samples: int
    squares: float | None


class MarketWindows:
    """The windows of one market. Call its methods under the EXACT context.

    Returns are those of the middle between bid and ask once there are quotes, else of the trades: between trades at the
    bid and at the ask the price jumps to and fro, which is no volatility.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        """`lengths` of the windows are in grid points."""
        self._windows = [(Window(length), Ewma(length * EWMA_SHARE)) for length in lengths]
        self._longest = max(lengths)
        self._price: Decimal | None = None
        self._point = 0
        """Grid point of `_price`."""

        self._since: int | None = None
        """The first grid point with a price."""

        self._unknown: deque[tuple[int, int]] = deque()
        """Grid points without a known return, after the first up to the second of each pair; in order, none twice."""

        self.last_trade: Trade | None = None
        self.last_quote: Quote | None = None

    @property
    def source(self) -> str:
        """What the returns are made of: `mid` or `trade`."""
        return "trade" if self.last_quote is None else "mid"

    def close(self, point: int, seen: Point) -> None:
        """Take what happened at a grid point later than those before."""
        trades, quote = seen.trades, seen.quote
        traded = spreads = None
        if trades:
            trades.sort()  # by time, then by sequence
            traded = summary_of(trades)
            self.last_trade = traded.last
        price = None if traded is None or self.last_quote is not None else traded.last.price
        is_broken = seen.is_broken
        if quote is not None:
            spread = quote.spread_bps
            spreads = Spreads(1, spread, spread, spread)
            is_broken = is_broken or self.last_quote is None  # another source: no return from one to the other
            self.last_quote, price = quote, quote.bid + quote.ask
        summary = Summary(traded, None if price is None else self._return(point, price, is_broken), spreads)
        for window, _ in self._windows:
            window.push(point, summary)

    def _return(self, point: int, price: Decimal, is_broken: bool) -> Returns | None:
        before, self._price = self._price, price
        if before is None:
            self._since = point
        elif is_broken:
            self._unknown.append((self._point, point))
            while self._unknown[0][1] <= point - self._longest:
                self._unknown.popleft()
        self._point = point
        if before is None or is_broken:
            for _, ewma in self._windows:
                ewma.skip(point)
            return None
        value = log_ratio(before, price)
        square = value * value
        for _, ewma in self._windows:
            ewma.add(point, square)
        return Returns(1, value, 0.0, square)

    def view(self, index: int, point: int) -> View:
        """One window, by the place of its length, at a grid point not before the last one closed."""
        window, ewma = self._windows[index]
        content = window.at(point)
        return View(content, self._samples(content.start, point), ewma.at(point))

    def _samples(self, start: int, point: int) -> int:
        """The number of grid points with a known return after `start` up to `point`."""
        if self._since is None:
            return 0
        start = max(start, self._since)
        unknown = sum(max(last - max(first, start), 0) for first, last in self._unknown)
        return max(point - start - unknown, 0)


def log_ratio(before: Decimal, after: Decimal) -> float:
    """The logarithm of `after / before`, to the last digits of a float. Call it under the EXACT context."""
    change = float(after - before) / float(before)
    return math.log1p(change) if -NEAR < change < NEAR else math.log(float(after) / float(before))
