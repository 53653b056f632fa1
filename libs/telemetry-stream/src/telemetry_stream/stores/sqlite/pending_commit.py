"""What one commit will hold: numbers the events that are new and gives each submission its answer. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from telemetry_stream.events import Conflict, Event, Events, Labelled, Receipt, RequestKey, Result
from telemetry_stream.stores.sqlite.known_events import EarlierRequest
from telemetry_stream.wire import number

BATCH_LIMIT = 1_000
"""Events in one stored batch, and so in one message: bounds what a reader must hold at a time."""

Part = tuple[int, int, bytes]
"""Events that were numbered together: the first sequence, the last, and the events, joined by commas."""


class PendingCommit:
    """The outcomes so far, and the new events, numbered on from the head.

    `hash` is that of the last row which is stored.
    """

    def __init__(self, head: int, committed_at_ns: int, hash_before: bytes) -> None:
        self.head = head
        self.committed_at_ns = committed_at_ns
        self.hash = hash_before
        self.outcomes: list[Result] = []
        self.parts: list[Part] = []
        self.digests: list[bytes] = []
        self.labelled: list[Labelled] = []
        self.requests: dict[tuple[str, str], EarlierRequest] = {}
        self._head_before = head
        self._claimed: dict[bytes, int] = {}

    def add(self, events: Sequence[Event]) -> Receipt:
        """Number the events, which are all new, and move the head; no part gets more than BATCH_LIMIT of them."""
        first = self.head + 1
        if _are_columns(events):
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

    def take(self, events: Sequence[Event], digests: Sequence[bytes], same: Mapping[int, int]) -> Receipt | Conflict:
        """Number those that are new; where one says otherwise than before, none.

        `same` has those in the journal: by index the sequence, negative where it says something else there.
        """
        new: list[Event] = []
        claimed: dict[bytes, int] = {}
        sequences, conflicts = [], []
        for index, digest in enumerate(digests):
            # Columns make an event when it is asked for: those that were compared are not.
            sequence = same.get(index) or claimed.get(digest) or self._claimed.get(digest)
            if sequence is None:
                new.append(events[index])
                sequence = claimed[digest] = self.head + len(new)
            elif sequence < 0 or not (index in same or events[index].repeats(self._new_event(sequence, new))):
                conflicts.append(index)
            sequences.append(sequence)
        if conflicts:
            return Conflict(tuple(conflicts))
        self.add(new)
        self.digests += claimed
        self._claimed.update(claimed)
        return Receipt(min(sequences), max(sequences), len(new), len(events) - len(new))

    def note_request(self, asked: RequestKey, receipt: Receipt) -> None:
        """Keep the answer to a request, to give it again."""
        events = receipt.accepted + receipt.duplicates
        self.requests[asked.caller, asked.key] = EarlierRequest(
            asked.digest, Receipt(receipt.first, receipt.last, 0, events, repeated=True)
        )

    def event(self, sequence: int) -> bytes | None:
        """A new event, numbered, that was taken by itself; None for one that was in the journal before."""
        return self.parts[sequence - self._head_before - 1][2] if sequence > self._head_before else None

    def _new_event(self, sequence: int, new: Sequence[Event]) -> bytes:
        """An event that this commit will hold, or that belongs to the submission at hand."""
        if sequence > self.head:
            return number(new[sequence - self.head - 1].payload, sequence)
        return self.parts[sequence - self._head_before - 1][2]


def pack(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """The parts in runs of at most BATCH_LIMIT events."""
    begin = 0
    for index, (_, last, _) in enumerate(parts):
        if last - parts[begin][0] >= BATCH_LIMIT:
            yield parts[begin:index]
            begin = index
    if parts:
        yield parts[begin:]


def keys_of(events: Sequence[Event]) -> Sequence[str]:
    """The keys, made at once where that can be done."""
    return events.keys if _are_columns(events) else [event.key for event in events]


def _are_columns(events: Sequence[Event]) -> TypeGuard[Events[Event]]:
    # Most are in a list, and to ask an abstract class takes ten times as long.
    return not isinstance(events, list) and isinstance(events, Events)
