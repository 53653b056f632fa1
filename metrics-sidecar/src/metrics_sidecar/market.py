"""Follows the stream of market data for the marks of those symbols whose instrument says `mark: market`.

It connects once an instrument says so, and reads only what is recent. It is apart from the ledger: neither its backlog
nor its absence holds a figure up, and nothing of it is saved.
"""

import asyncio

import structlog

from metrics_sidecar.advice import market_advice
from service_kit.clock import SYSTEM_CLOCK, Clock
from service_kit.cooperative import run_sliced
from telemetry_stream import backend
from telemetry_stream.events import Batch, Reset
from telemetry_stream.log import StreamSubscriber
from telemetry_stream.place import Place
from telemetry_stream.projection import Projection
from trading_model.accounting.market_marks import with_market_marks
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.market_prices import MarketPrices
from trading_model.topics import MARKET_DATA

log = structlog.get_logger(__name__)

RECENT_EVENTS = 50_000
"""Of the market journal that are read after a start or an outage: each market's last price is among them, if it trades
at all. A tenth of a second's work.
"""


class MarketReader:
    """The newest prices, and the marks made of them."""

    def __init__(self, place: Place, max_age_seconds: float, clock: Clock = SYSTEM_CLOCK) -> None:
        """A mark that is older than `max_age_seconds` is stale."""
        self.prices = MarketPrices()
        self.wanted = asyncio.Event()
        """Set once an instrument says that the market marks its symbols."""

        self.subscriber: StreamSubscriber | None = None
        """The subscriber; None before the market is followed."""

        self._place = place
        self._max_age_seconds = max_age_seconds
        self._clock = clock

    async def run(self) -> None:
        """Follow the stream, once that is wanted, until cancelled."""
        await self.wanted.wait()
        self.subscriber = backend.follow(self._place, None, market_advice, RECENT_EVENTS)
        log.info("market marks wanted", follows=self._place.live_address)
        try:
            await Projection(self, {MARKET_DATA: self.subscriber}).follow(MARKET_DATA)
        finally:
            self.subscriber.close()

    def apply(self, _topic: str, batch: Batch, _skip: int, *, replayed: bool) -> None:  # noqa: ARG002 -- of any Fold
        """Take the newest prices of a batch."""
        self.prices.take(batch.events)

    def start_over(self, _topic: str, _reset: Reset) -> None:
        """Forget the prices of another stream."""
        self.prices.forget()

    async def mark(self, moment: StateSnapshot) -> StateSnapshot:
        """The moment with the marks of the market. The first call asks for them."""
        self.wanted.set()
        now_ns = self._clock.unix_ns()
        return await run_sliced(with_market_marks(moment, self.prices, now_ns, self._max_age_seconds))
