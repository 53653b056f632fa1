"""Last prices of the markets that market-feed follows, for the bots of the demonstration. Read in a thread."""

import asyncio
import threading
from decimal import Decimal
from pathlib import Path

from telemetry_stream import backend
from telemetry_stream.events import Arrival
from telemetry_stream.place import Place
from telemetry_stream.topics import Topic
from trading_model.market_prices import MarketPrices, Pair
from trading_model.topics import MARKET_DATA

RECENT_EVENTS = 10_000


class FollowedMarket:
    """The newest prices. The thread ends with the process."""

    def __init__(self, live_address: str, replay_address: str) -> None:
        """Begin to follow; neither address needs to be reachable yet."""
        self._place = Place(Topic(MARKET_DATA), Path(), live_address, replay_address)
        self._prices = MarketPrices()
        self._changing = threading.Lock()
        threading.Thread(target=lambda: asyncio.run(self._follow()), name="market", daemon=True).start()

    def price(self, base: str, quote: str) -> Decimal | None:
        """The last price of a pair in its quote currency; None while it is not known."""
        with self._changing:
            found = self._prices.of(Pair(base, quote))
        return found.price if found else None

    async def _follow(self) -> None:
        subscriber = backend.follow(self._place, recent=RECENT_EVENTS)
        async for delivery in subscriber.deliveries():
            with self._changing:
                if isinstance(delivery, Arrival):
                    self._prices.take(delivery.batch.events)
                else:
                    self._prices.forget()
