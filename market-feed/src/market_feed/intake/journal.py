"""Puts events into the market journal, in order: one submission at a time, so that none overtakes another."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from service_kit.metrics.histogram import BOUNDS_NS, Histogram
from telemetry_stream.errors import StoreBusy, StreamFailed
from telemetry_stream.events import Event, Receipt, Series, Submission
from telemetry_stream.group_commit import GroupCommitter, Outcome

BUSY_SECONDS = 0.2
"""Pause before the same events are submitted again, while another program keeps the journal from being written."""

MAX_EVENTS = 10_000
"""Maximum events of one submission."""


class MarketJournal:
    """The one who submits to the journal. Use it in the event loop only."""

    def __init__(self, committer: GroupCommitter, max_pending: int, clock_ns: Callable[[], int]) -> None:
        """While more than `max_pending` events wait, `room` is not set."""
        self.room = asyncio.Event()
        """Whoever brings events waits for it before it reads more."""

        self.room.set()
        self.idle = asyncio.Event()
        """Nothing waits for its commit."""

        self.idle.set()
        self.committed = 0
        """Events that are durable, since the start."""

        self.repeated = 0
        """Events that the journal had already, since the start."""

        self.pauses = 0
        """Times that reading had to wait, since the start."""

        self.delays = Histogram(BOUNDS_NS)
        """Nanoseconds from arrival to commit and publication."""

        self._committer = committer
        self._max_pending = max_pending
        self._clock_ns = clock_ns
        self._waiting: deque[tuple[Sequence[Event], int]] = deque()
        self._in_flight: list[tuple[Sequence[Event], int]] = []
        self._is_due = False
        self.pending = 0
        """Events that are not durable yet."""

    def put(self, events: Sequence[Event], received_at_ns: int) -> None:
        """Make the events durable and publish them, after those before."""
        if not events:
            return
        self._waiting.append((events, received_at_ns))
        self.pending += len(events)
        self.idle.clear()
        if self.pending > self._max_pending and self.room.is_set():
            self.room.clear()
            self.pauses += 1
        if not self._in_flight and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._submit)  # with what else this iteration of the loop brings

    def _submit(self) -> None:
        self._is_due = False
        size = 0
        while self._waiting and size < MAX_EVENTS:
            self._in_flight.append(self._waiting.popleft())
            size += len(self._in_flight[-1][0])
        if self._in_flight:
            self._hand_over()
        else:
            self.idle.set()

    def _hand_over(self) -> None:
        with suppress(StreamFailed):  # the program ends, as in `_done`
            self._committer.submit(Submission(Series([events for events, _ in self._in_flight])), self._done)

    def _done(self, outcome: Outcome) -> None:
        if isinstance(outcome, StoreBusy):
            asyncio.get_running_loop().call_later(BUSY_SECONDS, self._hand_over)
            return
        if not isinstance(outcome, Receipt):
            return  # the program ends: the committer has reported why
        now_ns = self._clock_ns()
        for events, received_at_ns in self._in_flight:
            self.delays.observe(max(now_ns - received_at_ns, 0), len(events))
        self.committed += outcome.accepted
        self.repeated += outcome.duplicates
        self.pending -= outcome.accepted + outcome.duplicates
        self._in_flight = []
        if not self.room.is_set() and self.pending <= self._max_pending // 2:
            self.room.set()
        self._submit()
