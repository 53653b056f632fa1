"""Follows the market feed: opens the store of candles, reads the stream, commits once a second; again on errors."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from telemetry_stream import backend
from telemetry_stream.errors import BackendUnavailable, StreamError
from telemetry_stream.events import Arrival, StreamPosition
from telemetry_stream.log import StreamSubscriber
from telemetry_stream.place import Place
from trading_analytics.advice import advice
from trading_analytics.market.fold import MarketFold
from trading_analytics.retries import Retries
from trading_history.candles.store import CandleWriter
from trading_history.errors import HistoryError, StoreDamaged
from trading_history.follow import in_thread

log = structlog.get_logger(__name__)

COMMIT_SECONDS = 1.0
MAX_PENDING = 50_000
"""Trades that may wait for the next commit; then the stream waits."""

WARM_UP_NS = 60 * 1_000_000_000
"""Events before the longest window that are read too: its first return needs a price."""


class MarketFollower:
    """In the task `run`. All others in the event loop read its attributes."""

    def __init__(
        self, feed: Place, folder: Path, windows_ns: Sequence[int], clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Candles are kept in `folder`. `clock_ns` gives Unix time in nanoseconds."""
        self.windows_ns = windows_ns
        self.fold: MarketFold | None = None
        self.subscriber: StreamSubscriber | None = None
        self.committed = StreamPosition()
        self.retries = Retries("candles can't be written; trying again until they can")
        self._feed = feed
        self._folder = folder
        self._clock_ns = clock_ns

    async def run(self) -> None:
        """Follow until cancelled. Errors of the store are logged, and the work begins again."""
        while True:
            try:
                await self._follow()
            except* StoreDamaged as errors:
                self.retries.failures += 1
                log.error("candles are damaged, making them again", reason=str(errors.exceptions[0]))
            except* HistoryError as errors:
                self.retries.note(errors.exceptions[0])
            await asyncio.sleep(self.retries.pause())

    def note_commit(self, position: StreamPosition) -> None:
        """Everything up to there is in the store."""
        self.committed = position
        self.retries.reset()

    async def _follow(self) -> None:
        store = await asyncio.to_thread(CandleWriter, self._folder)
        try:
            self.committed = store.position
            begin = await asyncio.to_thread(self._begin, store.position)
            self.fold = fold = MarketFold(self.windows_ns, store.position.sequence, store.known_trades)
            self.subscriber = subscriber = backend.follow(self._feed, begin, advice)
            log.info("market data followed", stream=begin.stream, applied=begin.sequence)
            try:
                async with asyncio.TaskGroup() as tasks:
                    writing = _Writing(fold, store, subscriber, self)
                    tasks.create_task(writing.read(self._feed.topic.name))
                    tasks.create_task(writing.commit_regularly(self._feed.topic.name))
            finally:
                subscriber.close()
        finally:
            store.close()

    def _begin(self, stored: StreamPosition) -> StreamPosition:
        """Where to begin: early enough for the longest window, if the journal is on this machine."""
        if not stored.sequence:
            return stored
        try:
            journal = backend.store_of(self._feed.store).open_reader(self._feed.folder)
        except BackendUnavailable:
            return stored
        try:
            first = journal.at(self._clock_ns() - max(self.windows_ns) - WARM_UP_NS)
            if journal.stream != stored.stream or first >= stored.sequence:
                return stored
            return StreamPosition(journal.stream, first, hash=(journal.hash_at(first) or "") if first else "")
        except StreamError:
            return stored
        finally:
            journal.close()


class _Writing:
    """One store under work: reads and commits take turns in the event loop."""

    def __init__(
        self, fold: MarketFold, store: CandleWriter, subscriber: StreamSubscriber, follower: MarketFollower
    ) -> None:
        self._fold = fold
        self._store = store
        self._subscriber = subscriber
        self._follower = follower
        self._position = store.position
        self._one_at_a_time = asyncio.Lock()

    async def read(self, topic: str) -> None:
        async for delivery in self._subscriber.deliveries():
            if isinstance(delivery, Arrival):
                self._fold.apply(delivery.batch, delivery.skip)
            else:
                self._fold.start_over()
                self._position = StreamPosition()
            # No await in between: fold and position match.
            position = self._subscriber.position
            if position.stream != self._position.stream or position.sequence > self._position.sequence:
                self._position = position
            if self._fold.pending >= MAX_PENDING:
                await self._commit(topic)
            await asyncio.sleep(0)

    async def commit_regularly(self, topic: str) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            async with self._one_at_a_time:
                await in_thread(self._store.check_files)
            await self._commit(topic)

    async def _commit(self, topic: str) -> None:
        async with self._one_at_a_time:
            position = self._position
            if position == self._store.position:
                return
            increment = self._fold.drain()
            await in_thread(self._store.commit, topic, position, increment.candles, increment.known_trades)
            self._follower.note_commit(position)
