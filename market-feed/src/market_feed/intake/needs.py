"""What one market may be missing, as the filler asks for it."""

import time
from collections.abc import Callable

from market_feed.decisions.market_state import Market
from market_feed.market import Candle, Trade
from market_feed.venues.venue import Page, Venue


class TradesNeed:
    """Trades by id."""

    def __init__(
        self, market: Market, venue: Venue, links: Callable[[], int], came: Callable[[Market, int, list[Trade]], None]
    ) -> None:
        """`links` is the number of open connections, any of which may still bring the trades."""
        self._market = market
        self._venue = venue
        self._links = links
        self._came = came

    def first(self, now: float) -> int | None:
        """The first missing id."""
        return self._market.need(now, self._links())

    def is_urgent(self) -> bool:
        """Whether later trades wait, or the market is behind."""
        return self._market.continuity.hole is not None or self._market.asks_for_tail

    def page(self, first: int) -> Page:
        """The request for trades from an id on."""
        return self._venue.page(self._market.instrument, first)

    def read(self, body: bytes, now_us: int) -> list[Trade]:
        """The trades of an answer. Raises ValueError."""
        trades = self._venue.read_page(self._market.instrument, body, now_us)
        received_at_ns = time.time_ns()
        for trade in trades:
            trade.received_at_ns = received_at_ns
        return trades

    def came(self, first: int, items: list[Trade]) -> None:
        """Hand the trades over."""
        self._came(self._market, first, items)


class StartNeed:
    """The first trade of an opening that had begun before the feed did."""

    def __init__(self, market: Market, venue: Venue, came: Callable[[Market, int | None], None]) -> None:
        self._market = market
        self._venue = venue
        self._came = came

    def first(self, now: float) -> int | None:  # noqa: ARG002 -- of the interface
        """The opening's start, microseconds since 1970."""
        opening = self._market.session.current
        return opening.start_us if self._market.awaits_start is not None and opening is not None else None

    def is_urgent(self) -> bool:
        """All trades of the opening wait."""
        return True

    def page(self, first: int) -> Page:
        """The request for the first trade since a time, microseconds since 1970."""
        page = self._venue.first_since(self._market.instrument, first)
        assert page is not None, "nothing is awaited of a venue that has no trades by time"
        return page

    def read(self, body: bytes, now_us: int) -> list[int]:  # noqa: ARG002 -- of the interface
        """The id of the first trade, if there is one yet. Raises ValueError."""
        found = self._venue.read_first(body)
        return [] if found is None else [found]

    def came(self, first: int, items: list[int]) -> None:  # noqa: ARG002 -- of the interface
        """Hand the id over; there is none before the opening's first trade."""
        self._came(self._market, items[0] if items else None)


class CandlesNeed:
    """Closed candles by their number."""

    def __init__(self, market: Market, venue: Venue, came: Callable[[Market, int, list[Candle]], None]) -> None:
        self._market = market
        self._venue = venue
        self._came = came

    def first(self, now: float) -> int | None:  # noqa: ARG002 -- of the interface
        """The first missing number."""
        return self._market.candles.missing

    def is_urgent(self) -> bool:
        """Nothing waits for a candle."""
        return False

    def page(self, first: int) -> Page:
        """The request for candles from a number on."""
        return self._venue.candle_page(self._market.instrument, first)

    def read(self, body: bytes, now_us: int) -> list[Candle]:
        """The candles of an answer. Raises ValueError."""
        return self._venue.read_candles(self._market.instrument, body, now_us)

    def came(self, first: int, items: list[Candle]) -> None:
        """Hand the candles over."""
        self._came(self._market, first, items)
