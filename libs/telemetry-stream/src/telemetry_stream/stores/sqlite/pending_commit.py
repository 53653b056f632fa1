"""Collects the contents of one commit: numbers new events and decides each submission's answer. No I/O."""

from collections.abc import Iterator, Sequence

from telemetry_stream.events import (
    MAX_SHOWN,
    NO_ORIGIN,
    Compared,
    Conflict,
    Earlier,
    Event,
    Labelled,
    Origin,
    Receipt,
    RequestKey,
    Result,
    are_columns,
)
from telemetry_stream.stores.sqlite.known_events import EarlierRequest
from telemetry_stream.stores.sqlite.origins import Run
from telemetry_stream.wire import number

BATCH_LIMIT = 1_000
"""Maximum events in one stored batch, and so in one message: limits the memory a reader needs."""

Part = tuple[int, int, bytes]
"""Events that were numbered together: the first sequence, the last, and the events, joined by commas."""


class PendingCommit:
    """The outcomes so far, and the new events, numbered from the head on.

    `hash` is the history's hash at the end of the last stored row.
    """

    def __init__(self, head: int, committed_at_ns: int, hash_before: bytes, origin: Origin) -> None:
        """`origin` is that of the event at the head."""
        self.head = head
        self.committed_at_ns = committed_at_ns
        self.hash = hash_before
        self.origin = origin
        self.runs: list[Run] = []
        """Where the origin changes."""

        self.outcomes: list[Result] = []
        self.parts: list[Part] = []
        self.digests: list[bytes] = []
        self.labelled: list[Labelled] = []
        self.requests: dict[tuple[str, str], EarlierRequest] = {}
        self._head_before = head
        self._claimed: dict[bytes, int] = {}

    def add(self, events: Sequence[Event], origin: Origin = NO_ORIGIN) -> Receipt:
        """Number the events, which are all new, and move the head. A part has at most BATCH_LIMIT events."""
        first = self.head + 1
        if origin is not self.origin and origin != self.origin and events:
            self.origin = origin
            self.runs.append((first, origin))
        if are_columns(events):
            for start in range(0, len(events), BATCH_LIMIT):
                stop = min(start + BATCH_LIMIT, len(events))
                begin, self.head = self.head + 1, self.head + stop - start
                self.parts.append((begin, self.head, events.numbered(begin, start, stop)))
        else:
            for event in events:
                self.head += 1
                self.parts.append((self.head, self.head, number(event.payload, self.head)))
                if event.label is not None:
                    self.labelled.append(Labelled(self.head, event.label))
        return Receipt(first, self.head, len(events), 0)

    def take(
        self,
        events: Sequence[Event],
        digests: Sequence[bytes],
        compared: Compared,
        origin: Origin = NO_ORIGIN,
    ) -> Receipt | Conflict:
        """Number the new events; none of them if an event conflicts with an earlier one of the same key.

        `compared` says which of them the journal has.
        """
        same = compared.sequences
        new: list[Event] = []
        claimed: dict[bytes, int] = {}
        sequences, conflicts, earlier = list[int](), list[int](), list[Earlier]()
        for index, digest in enumerate(digests):
            # `events[index]` builds an event from columns, which costs more than the look-ups: only where it is needed.
            # A key can repeat in the journal, in this submission, or in an earlier submission of the same commit.
            sequence = same.get(index) or claimed.get(digest) or self._claimed.get(digest)
            if sequence is None:
                new.append(events[index])
                sequence = claimed[digest] = self.head + len(new)
            elif sequence < 0:
                conflicts.append(index)
                earlier.append(Earlier(-sequence, compared.stored.get(index, b"")))
            elif index not in same and not events[index].repeats(found := self._new_event(sequence, new)):
                conflicts.append(index)
                shown = found if len(earlier) < MAX_SHOWN else b""
                earlier.append(Earlier(sequence if sequence <= self.head else 0, shown))
            sequences.append(sequence)
        if conflicts:
            return Conflict(
                tuple(conflicts), tuple(earlier)
            )  # before anything was added: a submission is accepted whole or not at all
        self.add(new, origin)
        self.digests += claimed
        self._claimed.update(claimed)
        return Receipt(min(sequences), max(sequences), len(new), len(events) - len(new))

    def note_request(self, asked: RequestKey, receipt: Receipt) -> None:
        """Keep the answer to a request, for repetitions of the request."""
        events = receipt.accepted + receipt.duplicates
        self.requests[asked.caller, asked.key] = EarlierRequest(
            asked.digest, Receipt(receipt.first, receipt.last, 0, events, repeated=True)
        )

    def event(self, sequence: int) -> bytes | None:
        """The numbered bytes of an event that this commit adds alone; None if the journal had it before."""
        return self.parts[sequence - self._head_before - 1][2] if sequence > self._head_before else None

    def _new_event(self, sequence: int, new: Sequence[Event]) -> bytes:
        """The numbered bytes of an event that this commit adds, or of one of the current submission's `new`."""
        if sequence > self.head:
            return number(new[sequence - self.head - 1].payload, sequence)
        return self.parts[sequence - self._head_before - 1][2]


def pack(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """Split the parts into rows of at most BATCH_LIMIT events."""
    begin = 0
    for index, (_, last, _) in enumerate(parts):
        if last - parts[begin][0] >= BATCH_LIMIT:
            yield parts[begin:index]
            begin = index
    if parts:
        yield parts[begin:]
