"""Applies the stream's deliveries to the state, and saves the state as snapshots."""

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
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.accounting.state import TradingState
from trading_model.topics import LEDGER

log = structlog.get_logger(__name__)


class Tracker:
    """The fold of the ledger into the state. Only the task `run` changes it; all others in the event loop read."""

    def __init__(
        self, subscriber: StreamSubscriber, state: TradingState, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """`state` includes all events up to the subscriber's position. `clock_ns` gives Unix time in nanoseconds."""
        self.subscriber = subscriber
        self.state = state
        self.delays = Histogram(BOUNDS_NS)
        """Nanoseconds from publication to application, live trades only."""
        self.recomputation_wanted = asyncio.Event()
        """Set where positions wait for fills from the store."""

        if state.restatement.wants_refold:
            self.recomputation_wanted.set()

        self._projection = Projection(self, {LEDGER: subscriber})
        self._clock_ns = clock_ns
        self._ready = False
        self._freezing = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether the state has caught up with the stream once.

        From then on no total goes back, even while the stream is ahead. False again after another stream began.
        """
        self._notice_catch_up()
        return self._ready

    async def run(self) -> None:
        """Follow the stream until it is closed or cancelled."""
        await self._projection.follow(LEDGER)

    def take(self, delivery: Delivery) -> None:
        """Apply a delivery. There is no await, so the state always matches the subscriber's position."""
        self._projection.take(LEDGER, delivery)

    def start_over(self, _topic: str, reset: Reset) -> None:
        """Start with an empty state: the stream that `reset` names follows from its first event."""
        if self.state.applied:
            log.warning(
                "another history: starting over",
                reason=reset.reason,
                stream=reset.stream,
                before=self.state.stream,
                applied=self.state.applied,
            )
        self.state = TradingState(self.state.limit, reset.stream, self.state.base_currency)
        self._ready = False

    def _notice_catch_up(self) -> None:
        # Kept once true: while trades arrive the subscriber is behind for moments, and scrapes must not get 503s.
        if not self._ready and self.subscriber.caught_up:
            self._ready = True
            log.info("caught up", stream=self.state.stream, applied=self.state.applied)

    def apply(self, _topic: str, batch: Batch, skip: int, *, replayed: bool) -> None:
        """Apply the batch's events after the first `skip`."""
        rejected, complete = sum(self.state.rejected.values()), not self.state.incomplete_since
        self.state.apply(batch, skip)
        if self.state.restatement.wants_refold:
            self.recomputation_wanted.set()
        rejected = sum(self.state.rejected.values()) - rejected
        self._notice_catch_up()
        if rejected:
            log.error("events rejected", count=rejected, first=batch.first, last=batch.last)
        if complete and self.state.incomplete_since:
            log.error("event of an unknown kind: figures are incomplete", sequence=self.state.incomplete_since)
        if batch.published_at_ns and not replayed:
            delay_ns = self._clock_ns() - batch.published_at_ns
            # The clock may have been set back since the publication: no negative delays.
            self.delays.observe(max(delay_ns, 0), batch.count - skip)

    async def freeze(self) -> StateSnapshot:
        """A snapshot of the state as it is at the call. Trades may be applied while it is put together.

        The lock keeps to one freeze at a time, as `freeze_in_slices` requires.
        """
        async with self._freezing:
            return await run_sliced(self.state.freeze_in_slices())

    async def snapshot(self) -> Snapshot:
        """A snapshot of the state, as `freeze` makes it, with the position that it belongs to. Raises RuntimeError if
        position and state differ.
        """
        async with self._freezing:
            # No await until the freeze has begun, so nothing is applied between reading the position and freezing.
            position = self._projection.positions[LEDGER]
            if position.sequence != self.state.applied:
                raise RuntimeError(f"the state is at {self.state.applied}, the subscriber at {position.sequence}")
            return Snapshot(position, await run_sliced(self.state.freeze_in_slices()))


class Saver:
    """Saves snapshots, one at a time, and counts the results. The state it starts with counts as saved."""

    def __init__(self, tracker: Tracker, file: SnapshotFile, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.saved = self.failed = self.last_saved_ns = 0
        self.seconds = 0.0
        self._tracker = tracker
        self.file = file
        self._clock_ns = clock_ns
        self._last = tracker.subscriber.position

    async def run(self, seconds: float, ending: asyncio.Event) -> None:
        """Save every `seconds`, and once more at the end."""
        self.seconds = seconds
        while not ending.is_set():
            await self.save()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), seconds)
        await self.save()

    async def save(self) -> None:
        """Save the current state, unless it is saved already.

        A failure is counted and logged, not raised: without a snapshot a restart only takes longer.
        """
        if self._tracker.subscriber.position == self._last:
            return
        snapshot = await self._tracker.snapshot()
        pieces, slicer = [], Slicer()
        for piece in encode(snapshot):
            pieces.append(piece)
            await slicer.yield_if_due()
        try:
            await asyncio.to_thread(self.file.save, pieces)  # a sync may take seconds on a busy disk
        except OSError as error:
            self.failed += 1
            log.error(
                "snapshot not saved", reason=str(error), check="does DATA_DIR have free space, and is it writable?"
            )
            return
        self._last = snapshot.position
        self.saved += 1
        self.last_saved_ns = self._clock_ns()
        log.debug("snapshot saved", applied=snapshot.moment.applied)
