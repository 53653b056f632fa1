"""The stream in one process and nowhere else: for tests, and as the plainest statement of what a stream is."""

import asyncio
import time
import uuid
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate

from telemetry_stream.chain import NO_HASH, extend
from telemetry_stream.events import (
    MAX_SHOWN,
    Arrival,
    Batch,
    Commit,
    Compared,
    Conflict,
    Delivery,
    Earlier,
    Event,
    Labelled,
    Origin,
    PerEvent,
    Provenance,
    Receipt,
    Reset,
    Result,
    StreamPosition,
    Submission,
    SubscriberCounters,
)
from telemetry_stream.log import PAGE_BYTES
from telemetry_stream.wire import fingerprint, number


class MemoryStream:
    """Writer and reader of a stream that lives in a list. Use it from one event loop."""

    def __init__(self) -> None:
        self.stream = str(uuid.uuid4())
        self.grown: set[asyncio.Event] = set()
        self._events: list[bytes] = []
        self._rows: list[Commit] = []
        self._sequences: dict[str, int] = {}
        self._labelled: list[Labelled] = []
        self._origins: list[Origin] = []
        self._requests: dict[tuple[str, str], tuple[bytes, Receipt]] = {}

    def head(self) -> int:
        """The last sequence; 0 for an empty stream."""
        return len(self._events)

    def append(self, submissions: Sequence[Submission]) -> list[Result]:
        """Take the submissions, each whole or not at all."""
        before = len(self._events)
        outcomes = []
        for submission in submissions:
            outcomes.append(self._answer(submission))
            self._origins += [submission.origin] * (len(self._events) - len(self._origins))
        if len(self._events) > before:
            self._end_row(before)
        self.heartbeat()
        return outcomes

    def last_committed_at_ns(self) -> int:
        """When the last events came (Unix time); 0 for an empty stream."""
        return self._rows[-1].committed_at_ns if self._rows else 0

    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
        """The events that follow `after`; no further one once there are `page_bytes` of them."""
        sizes = accumulate(map(len, self._events[after : after + limit]))
        whole = 1 + sum(size < page_bytes for size in sizes)
        events = self._events[after : after + min(limit, whole)]
        rows = self._rows[self._rows_until(after) : self._rows_until(after + len(events))]
        return Batch(self.stream, after + 1, after + len(events), b",".join(events), commits=tuple(rows))

    def oldest(self) -> int:
        """Nothing is removed."""
        return 1

    def hash_at(self, sequence: int) -> str | None:
        """The history's hash at the last row end at or before a sequence; None past the head."""
        if sequence > self.head():
            return None
        rows = self._rows_until(sequence)
        return self._rows[rows - 1].hash if rows else NO_HASH.hex()

    def at(self, time_ns: int) -> int:
        """The last sequence that was committed at or before a time."""
        rows = bisect_right(self._rows, time_ns, key=lambda row: row.committed_at_ns)
        return self._rows[rows - 1].last if rows else 0

    def provenance(self, sequence: int) -> Provenance | None:
        """Who submitted an event, by which way, and when."""
        if not 1 <= sequence <= self.head():
            return None
        row = self._rows[bisect_left(self._rows, sequence, key=lambda row: row.last)]
        return Provenance(self._origins[sequence - 1], row.committed_at_ns)

    def labelled(
        self,
        *,
        kind: str | None = None,
        id: str | None = None,  # noqa: A002 -- the name of the label's member
        target: int | None = None,
        after: int = 0,
        limit: int,
    ) -> list[Labelled]:
        """The labelled events after a sequence, in order. What is given has to match."""
        found = [
            one
            for one in self._labelled
            if one.sequence > after
            and kind in (None, one.label.kind)
            and id in (None, one.label.id)
            and target in (None, one.label.target)
        ]
        return found[:limit]

    def _rows_until(self, sequence: int) -> int:
        """How many rows end at or before a sequence."""
        return bisect_right(self._rows, sequence, key=lambda row: row.last)

    def _end_row(self, before: int) -> None:
        """The events since `before` are one row."""
        previous, committed_at_ns = NO_HASH, time.time_ns()
        if self._rows:
            previous = bytes.fromhex(self._rows[-1].hash)
            committed_at_ns = max(committed_at_ns, self._rows[-1].committed_at_ns)
        digest = extend(previous, b",".join(self._events[before:]))
        self._rows.append(Commit(len(self._events), committed_at_ns, digest.hex()))

    def checkpoint_if_due(self) -> None:
        """Nothing is left to do."""

    def stop_waiting(self) -> None:
        """Nothing is waited for."""

    def heartbeat(self) -> None:
        """Wake every subscriber."""
        for grown in self.grown:
            grown.set()

    def close(self) -> None:
        """Nothing to release."""

    def _answer(self, submission: Submission) -> Result:
        if submission.independent:
            return PerEvent([self._take([event]) for event in submission.events])
        if submission.only_compare:
            return self._compare(submission.events)
        asked = submission.request_key
        if asked and (asked.caller, asked.key) in self._requests:
            digest, receipt = self._requests[asked.caller, asked.key]
            if digest != asked.digest:
                return Conflict(())
            return Receipt(
                receipt.first,
                receipt.last,
                0,
                receipt.accepted + receipt.duplicates,
                repeated=True,
                first_event=self._events[receipt.first - 1],
            )
        outcome = self._take(submission.events)
        if asked and isinstance(outcome, Receipt):
            self._requests[asked.caller, asked.key] = (asked.digest, outcome)
        return outcome

    def _compare(self, events: Sequence[Event]) -> Compared:
        compared = Compared({}, {})
        for index, event in enumerate(events):
            sequence = self._sequences.get(event.key)
            if sequence is not None:
                same = event.repeats(stored := self._events[sequence - 1])
                compared.sequences[index] = sequence if same else -sequence
                if not same and len(compared.stored) < MAX_SHOWN:
                    compared.stored[index] = stored
        return compared

    def _take(self, events: Sequence[Event]) -> Receipt | Conflict:
        new: dict[str, bytes] = {}
        labelled = list[Labelled]()
        sequences, conflicts, earlier = list[int](), list[int](), list[Earlier]()
        for index, event in enumerate(events):
            sequence = self._sequences.get(event.key)
            if sequence is None and event.key not in new:
                sequence = len(self._events) + len(new) + 1
                new[event.key] = number(event.payload, sequence)
                if event.label is not None:
                    labelled.append(Labelled(sequence, event.label))
            elif not event.repeats(known := new[event.key] if sequence is None else self._events[sequence - 1]):
                conflicts.append(index)
                earlier.append(Earlier(sequence or 0, known if len(earlier) < MAX_SHOWN else b""))
            else:
                sequence = sequence or len(self._events) + list(new).index(event.key) + 1
            sequences.append(sequence or 0)
        if conflicts:
            return Conflict(tuple(conflicts), tuple(earlier))
        self._labelled += labelled
        for key, numbered in new.items():
            self._events.append(numbered)
            self._sequences[key] = len(self._events)
        return Receipt(min(sequences), max(sequences), len(new), len(events) - len(new))


class MemorySubscriber:
    """Follows a MemoryStream."""

    def __init__(self, source: MemoryStream, position: StreamPosition | None = None, page_limit: int = 1_000) -> None:
        self.counters = SubscriberCounters()
        self._source = source
        self._position = position or StreamPosition()
        self._page_limit = page_limit
        self._head: int | None = None
        self._grown = asyncio.Event()
        source.grown.add(self._grown)

    @property
    def position(self) -> StreamPosition:
        """What has been delivered, the delivery handed out last included."""
        return self._position

    @property
    def head(self) -> int | None:
        """The stream's head, once it was looked at."""
        return self._head

    @property
    def caught_up(self) -> bool:
        """Whether everything has been delivered."""
        return self._head is not None and self._position.sequence >= self._source.head()

    @property
    def obstacle(self) -> None:
        """Nothing stands in between."""

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """The deliveries, until closed."""
        if not self._joins():
            self._position = StreamPosition(self._source.stream)
            yield Reset(self._source.stream)
        while self._grown in self._source.grown:
            self._grown.clear()
            self._head = self._source.head()
            batch = self._source.read(self._position.sequence, self._page_limit)
            if batch.count == 0:
                await self._grown.wait()
                continue
            last = self._source.read(batch.last - 1, 1)
            known = self._source.hash_at(batch.last) or ""
            self._position = StreamPosition(batch.stream, batch.last, fingerprint(last.events), known)
            yield Arrival(batch, 0, replayed=False)

    def close(self) -> None:
        """End the iteration. Idempotent."""
        self._source.grown.discard(self._grown)
        self._grown.set()

    def _joins(self) -> bool:
        position = self._position
        if position.stream != self._source.stream or position.sequence > self._source.head():
            return False
        if position.sequence == 0:
            return True
        if position.hash:
            return position.hash == self._source.hash_at(position.sequence)
        known = position.check
        return not known or fingerprint(self._source.read(position.sequence - 1, 1).events) == known
