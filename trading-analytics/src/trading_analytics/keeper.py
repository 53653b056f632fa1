"""Keeps the store up to date: opens it, follows the stream, and begins again after an error."""

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from service_kit.metrics.histogram import BOUNDS_NS, Histogram
from telemetry_stream import backend
from telemetry_stream.events import Arrival, Delivery
from telemetry_stream.log import StreamSubscriber
from telemetry_stream.place import Place
from trading_analytics.advice import advice
from trading_analytics.retries import Retries
from trading_history.errors import HistoryError, StoreDamaged, StoreInUse
from trading_history.follow import MAX_PENDING_ALONE, follow, writing
from trading_history.writer import HistoryWriter

log = structlog.get_logger(__name__)


class Keeper:
    """The one who writes the history, in the task `run`. All others in the event loop read its attributes."""

    def __init__(self, ledger: Place, clock_ns: Callable[[], int] = time.time_ns) -> None:
        """`clock_ns` gives Unix time in nanoseconds."""
        self.ledger = ledger
        self.writer: HistoryWriter | None = None
        self.subscriber: StreamSubscriber | None = None
        self.retries = Retries("the history can't be written; trying again until it can")
        self.rebuilds = 0
        """Times that a store could not be used and was made again, since the start."""

        self.delays = Histogram(BOUNDS_NS)
        """Nanoseconds from publication to commit, live events only."""

        self._clock_ns = clock_ns
        self._is_open = False

    @property
    def waits_for(self) -> str:
        """What is missing before the history has all that the stream is known to have; empty if nothing is."""
        subscriber, writer = self.subscriber, self.writer
        if not self._is_open or subscriber is None or writer is None:
            return self.retries.problem or "the store is being opened"
        if subscriber.obstacle is not None:
            return advice(subscriber.obstacle)
        if subscriber.head is None:
            address = self.ledger.replay_address
            return f"no answer yet from {address} (WEBAPP_REPLAY_ADDR): is trading-app running there?"
        if writer.position.sequence < subscriber.head or not subscriber.caught_up:
            return self.retries.problem or f"the history has {writer.position.sequence} of {subscriber.head} events"
        if not writer.figures_are_settled:
            return "the past changed: positions, round trips and equity are folded again"
        return ""

    async def run(self) -> None:
        """Keep the store up to date until cancelled. Errors of the store are logged, and the work begins again."""
        while True:
            try:
                await self._follow()
            except StoreDamaged as error:
                self.rebuilds += 1
                log.error("the history is damaged, rebuilding it", reason=str(error))
            except HistoryError as error:
                self.retries.note(error, counts=not isinstance(error, StoreInUse))
            await asyncio.sleep(self.retries.pause())

    async def _follow(self) -> None:
        async with writing(self.ledger.folder, with_figures=True) as writer:
            self.rebuilds += bool(writer.rebuilds_because)
            writer.commit(writer.position)  # shows whether the store can be written, though not whether it can grow
            subscriber = backend.follow(self.ledger, writer.position, advice)
            self.writer, self.subscriber, self._is_open = writer, subscriber, True
            log.info("history opened", stream=writer.position.stream, applied=writer.position.sequence)
            try:
                await follow(subscriber, writer, max_pending=MAX_PENDING_ALONE, on_commit=self._committed)
            finally:
                self._is_open = False
                subscriber.close()

    def _committed(self, live: Sequence[Delivery]) -> None:
        self.retries.reset()
        for delivery in live:
            if isinstance(delivery, Arrival) and not delivery.replayed and delivery.batch.published_at_ns:
                # The clock may have been set back since the publication: no negative delays.
                delay_ns = max(self._clock_ns() - delivery.batch.published_at_ns, 0)
                self.delays.observe(delay_ns, delivery.batch.count - delivery.skip)
