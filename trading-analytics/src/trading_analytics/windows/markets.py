"""All markets: assigns events to grid points, closes these by the watermark, counts what is late. No I/O."""

from collections.abc import Collection, Iterable, Sequence

from trading_analytics.windows.market_windows import MarketWindows, Point
from trading_analytics.windows.measures import Clock, Reading, read
from trading_analytics.windows.observations import Market, Quote, Trade
from trading_model.decimals import exactly

SECOND_NS = 1_000_000_000
GRID_NS = SECOND_NS // 2
LATENESS_NS = 2 * SECOND_NS
STALE_NS = 60 * SECOND_NS


class _Open:
    """What has happened so far at a grid point that is open."""

    __slots__ = ("is_broken", "quote", "trades")

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.quote: Quote | None = None
        self.is_broken = False


class Markets:
    """The windows of all markets. What it holds depends on the events and their order alone."""

    def __init__(
        self,
        windows_ns: Sequence[int],
        grid_ns: int = GRID_NS,
        lateness_ns: int = LATENESS_NS,
        stale_ns: int = STALE_NS,
    ) -> None:
        """`windows_ns` are the lengths of the windows; each is rounded up to the grid.

        An event is late if it comes after one that is `lateness_ns` later. Without any event for `stale_ns` the feed
        counts as silent.
        """
        self.windows_ns = tuple(windows_ns)
        self.late = 0
        """Events that came after their grid point was closed."""

        self.newest_ns = 0
        """The latest time of any event; 0 before the first."""

        self._grid_ns = grid_ns
        self._lateness_ns = lateness_ns
        self._stale_ns = stale_ns
        self._lengths = [-(-window // grid_ns) for window in windows_ns]
        self._closed = 0
        self._open: dict[int, dict[Market, _Open]] = {}
        self._broken: set[Market] = set()
        self._markets: dict[Market, MarketWindows] = {}

    @property
    def known(self) -> Collection[Market]:
        """The markets that have had an event at a closed grid point."""
        return self._markets.keys()

    @exactly
    def take(self, events: Iterable[tuple[Market, Trade | Quote]]) -> None:
        """Take events in the order in which they came."""
        grid_ns, lateness_ns, opened = self._grid_ns, self._lateness_ns, self._open
        newest_ns, closed = self.newest_ns, self._closed
        here, markets = 0, opened.get(0, {})
        for market, seen in events:
            ts_ns = seen[0]
            if ts_ns > newest_ns:
                newest_ns = ts_ns
                closed = (ts_ns - lateness_ns) // grid_ns
            point = -(-ts_ns // grid_ns)
            if point <= closed:
                self.late += 1
                continue
            if point != here:
                here = point
                markets = opened.get(point) or opened.setdefault(point, {})
            bucket = markets.get(market)
            if bucket is None:
                bucket = markets[market] = _Open()
            if self._broken and market in self._broken:
                self._broken.remove(market)
                bucket.is_broken = True
            if isinstance(seen, Trade):
                bucket.trades.append(seen)
            elif bucket.quote is None or ts_ns >= bucket.quote.ts_ns:
                bucket.quote = seen
        self.newest_ns = newest_ns
        if closed > self._closed:
            self._close(closed)

    def interrupt(self, market: Market) -> None:
        """Notice that events of a market are missing before the next one."""
        self._broken.add(market)

    def _close(self, closed: int) -> None:
        self._closed = closed
        for point in sorted(point for point in self._open if point <= closed):
            for market, bucket in self._open.pop(point).items():
                windows = self._markets.get(market)
                if windows is None:
                    windows = self._markets[market] = MarketWindows(self._lengths)
                windows.close(point, Point(bucket.trades, bucket.quote, bucket.is_broken))

    @exactly
    def read(self, market: Market, now_ns: int) -> list[Reading]:
        """The values of a market's windows, in the order of `windows_ns`. Raises KeyError for an unknown market."""
        windows = self._markets[market]
        is_stale = now_ns - self.newest_ns > self._stale_ns
        clock = Clock(self._grid_ns, self._closed, now_ns, is_stale)
        return [read(windows, index, length, clock) for index, length in enumerate(self._lengths)]
