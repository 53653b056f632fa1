"""Receive: from the stream's deliveries to the state, and from the state to the snapshot."""

import asyncio
import contextlib
import time
from collections.abc import Callable

import structlog

from metrics_sidecar.snapshot import Snapshot, SnapshotFile, encode
from service_kit.cooperative import Slicer, run_sliced
from service_kit.metrics.histogram import BOUNDS_NS, Histogram
from telemetry_stream.events import Batch, Delivery, Reset
from telemetry_stream.log import StreamSubscriber
from telemetry_stream.projection import Projection
from trading_model.accounting.state import StateSnapshot, TradingState
from trading_model.topics import LEDGER

log = structlog.get_logger(__name__)


class Tracker:
    """The fold of the ledger into the state. One task, `run`, changes it; everybody else in the event loop reads."""

    def __init__(
        self, subscriber: StreamSubscriber, state: TradingState, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """`state` is what stands for the subscriber's position; `clock_ns` gives Unix time."""
        self.subscriber = subscriber
        self.state = state
        self.delays = Histogram(BOUNDS_NS)
        """From publication to application, in nanoseconds, of live trades."""
        self._projection = Projection(self, {LEDGER: subscriber})
        self._clock_ns = clock_ns
        self._ready = False
        self._freezing = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether the state has caught up with the stream once.

        From then on no total goes back, even if the stream is ahead for a while. A new stream is caught up with anew.
        """
        self._notice_catch_up()
        return self._ready

    async def run(self) -> None:
        """Follow the stream for ever."""
        await self._projection.follow(LEDGER)

    def take(self, delivery: Delivery) -> None:
        """Bring the state to where the subscriber's position is; nothing else runs in between, so the two match."""
        self._projection.take(LEDGER, delivery)

    def start_over(self, _topic: str, reset: Reset) -> None:
        """Forget the state: the stream that `reset` names follows from its first event."""
        if self.state.applied:
            log.warning(
                "another history: starting over",
                reason=reset.reason,
                stream=reset.stream,
                before=self.state.stream,
                applied=self.state.applied,
            )
        self.state = TradingState(self.state.limit, reset.stream)
        self._ready = False

    def _notice_catch_up(self) -> None:
        if not self._ready and self.subscriber.caught_up:
            self._ready = True
            log.info("caught up", stream=self.state.stream, applied=self.state.applied)

    def apply(self, _topic: str, batch: Batch, skip: int, *, replayed: bool) -> None:
        """Apply the batch's events but for the first `skip`."""
        rejected, complete = sum(self.state.rejected.values()), not self.state.incomplete_since
        self.state.apply(batch, skip)
        rejected = sum(self.state.rejected.values()) - rejected
        self._notice_catch_up()
        if rejected:
            log.error("events could not be applied", count=rejected, first=batch.first, last=batch.last)
        if complete and self.state.incomplete_since:
            log.error("an event of an unknown kind: figures are incomplete", sequence=self.state.incomplete_since)
        if batch.published_at_ns and not replayed:
            delay_ns = self._clock_ns() - batch.published_at_ns
            # A clock that was set back makes no negative delays.
            self.delays.observe(max(delay_ns, 0), batch.count - skip)

    async def freeze(self) -> StateSnapshot:
        """The state at this moment, once that has been put together; trades are applied meanwhile."""
        async with self._freezing:
            return await run_sliced(self.state.freeze_in_slices())

    async def snapshot(self) -> Snapshot:
        """The same, with the position that the state stands for."""
        async with self._freezing:
            position = self._projection.positions[LEDGER]
            if position.sequence != self.state.applied:
                raise RuntimeError(f"the state is at {self.state.applied}, the subscriber at {position.sequence}")
            return Snapshot(position, await run_sliced(self.state.freeze_in_slices()))


class Saver:
    """Saves snapshots, one at a time, and counts how that went. What is known when it is made counts as saved."""

    def __init__(self, tracker: Tracker, file: SnapshotFile, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.saved = self.failed = self.last_saved_ns = 0
        self.seconds = 0.0
        self._tracker = tracker
        self.file = file
        self._clock_ns = clock_ns
        self._last = tracker.subscriber.position

    async def run(self, seconds: float, ending: asyncio.Event) -> None:
        """Save every so many seconds, and once more at the end."""
        self.seconds = seconds
        while not ending.is_set():
            await self.save()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), seconds)
        await self.save()

    async def save(self) -> None:
        """Save what is known now, unless it is saved already. A failure is counted and logged: all it costs is time."""
        if self._tracker.subscriber.position == self._last:
            return
        snapshot = await self._tracker.snapshot()
        pieces, slicer = [], Slicer()
        for piece in encode(snapshot):
            pieces.append(piece)
            await slicer.yield_if_due()
        try:
            await asyncio.to_thread(self.file.save, pieces)
        except OSError as error:
            self.failed += 1
            log.error(
                "snapshot not saved", reason=str(error), check="is there space in DATA_DIR, and may it be written?"
            )
            return
        self._last = snapshot.position
        self.saved += 1
        self.last_saved_ns = self._clock_ns()
        log.debug("snapshot saved", applied=snapshot.moment.applied)
