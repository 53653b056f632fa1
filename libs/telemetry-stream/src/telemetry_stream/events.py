"""The nouns of the stream. They know nothing of trades, SQLite or ZeroMQ, and import only errors and refusals.

Those that are made for every request are structs, which are made five times as fast as frozen dataclasses. Those that
are made for every message stay out of the garbage collector (`gc=False`): frozen, they can't be part of a cycle.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeGuard, TypeVar, overload

import msgspec

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.refusals import DISCONNECTED, REASONS


class Label(msgspec.Struct, frozen=True):
    """Under what the store lists an event, so that it is found without reading the others.

    `kind` and `id` are the sender's words; `target` is the sequence of the event that it refers to, 0 for none.
    """

    kind: str
    id: str = ""
    target: int = 0


LabelOf = Callable[[bytes], Label | None]
"""Gives the label of a numbered event as its program makes it; None if it has none. Raises ValueError if it is not an
event.
"""


class Labelled(msgspec.Struct, frozen=True):
    """An event of the store's list: its sequence and its label."""

    sequence: int
    label: Label


class Event:
    """One thing that happened: a key, unique within a stream, and a payload.

    `payload` is one compact JSON object (UTF-8, at least one member, no member `seq` at any depth); the stream numbers
    it by putting `seq` in front. A subclass may widen what counts as the same event, by overriding `repeats`, and may
    give its events a label.
    """

    __slots__ = ("key", "payload")

    label: Label | None = None
    """The few events of a stream that have to be found again have one; see `StreamReader.labelled`."""

    def __init__(self, key: str, payload: bytes) -> None:
        self.key = key
        self.payload = payload

    def repeats(self, stored: bytes) -> bool:
        """Whether this event says the same as `stored`, the numbered payload journaled earlier under the same key."""
        return stored.partition(b",")[2] == self.payload[1:]


Kind_co = TypeVar("Kind_co", bound=Event, covariant=True)


class Events(Sequence[Kind_co]):
    """Many events whose keys and whose JSON are made at once, which takes a fraction of the time of one by one.

    None of them has a label.
    """

    @property
    @abstractmethod
    def keys(self) -> Sequence[str]:
        """The key of each."""

    @abstractmethod
    def numbered(self, first: int, start: int, stop: int) -> bytes:
        """The events from index `start` up to `stop`, numbered from `first` on, joined by commas.

        To the byte what `wire.number` makes of the payload of each.
        """


def keys_of(events: Sequence[Event]) -> Sequence[str]:
    """The events' keys; columns have them already."""
    return events.keys if are_columns(events) else [event.key for event in events]


def are_columns(events: Sequence[Event]) -> TypeGuard[Events[Event]]:
    """Whether the keys and the JSON of all are made at once."""
    # The list first: most events come in one, and isinstance on an abstract class takes ten times as long.
    return not isinstance(events, list) and isinstance(events, Events)


class ConsecutiveEvents(Events[Kind_co]):
    """Events of one space of a venue's ids, with consecutive ids: their keys are `space#ID` from `first_id` on."""

    space: str
    first_id: int

    @property
    def keys(self) -> Sequence[str]:
        """The key of each."""
        return [f"{self.space}#{number}" for number in range(self.first_id, self.first_id + len(self))]


class Series(Sequence[Event]):
    """Several sequences of events, one after the other, each kept as it is."""

    def __init__(self, parts: Sequence[Sequence[Event]]) -> None:
        self.parts = parts
        self._length = sum(map(len, parts))

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Event]:
        return chain.from_iterable(self.parts)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        """Only for whoever does not know the parts: it makes every event."""
        return list(self)[index]


class RequestKey(msgspec.Struct, frozen=True):
    """A caller's name for a whole request (`Idempotency-Key`), and a digest of what the request said.

    A key belongs to its `caller`: another caller's key of the same name is another one.
    """

    key: str
    digest: bytes
    caller: str = ""


class Origin(msgspec.Struct, frozen=True):
    """Where a submission came from: the name of its `caller`, and the `way` it took. It is not part of any event."""

    caller: str = ""
    way: str = ""


NO_ORIGIN = Origin()
"""Of events that nobody submitted by a name and a way, and of those that were stored before origins were."""


class Provenance(msgspec.Struct, frozen=True):
    """Who submitted a stored event, by which way, and when it was committed (Unix time in nanoseconds)."""

    origin: Origin
    committed_at_ns: int


class Compared(msgspec.Struct, frozen=True):
    """What a writer has found out about a submission's events, by their index.

    `sequences` has those of the events that the stream has; negative if it has another content. `stored` has that
    content, numbered, for the first MAX_SHOWN of these.
    """

    sequences: dict[int, int]
    stored: dict[int, bytes]


MAX_SHOWN = 100
"""Maximum of conflicting events whose stored content is kept to be shown."""


class Submission(msgspec.Struct, frozen=True):
    """Events, at least one, that are written together or not at all.

    Events that are `independent` have nothing to do with each other, and are handed over together to save time: each is
    written or not by itself. They have no request key.
    `compared` is the writer's own: what it found out about the events in an append before, see Unfinished.
    With `only_compare` nothing is written: the outcome is what the stream has of the events. It has no request key, and
    the stream must recognise repetitions by keys.
    """

    events: Sequence[Event]
    request_key: RequestKey | None = None
    independent: bool = False
    compared: Compared | None = None
    origin: Origin = NO_ORIGIN
    only_compare: bool = False

    def __post_init__(self) -> None:
        if not self.events:
            raise ValueError("a submission has at least one event")


class Receipt(msgspec.Struct, frozen=True):
    """A submission's events are durable.

    `first` and `last` are the lowest and the highest sequence any of its events has, be it new or a duplicate.
    `accepted` events were new, `duplicates` were in the stream already. `repeated` says that the whole request had
    been answered before, under the same request key; `first_event` is then the event at `first`, as journaled.
    """

    first: int
    last: int
    accepted: int
    duplicates: int
    repeated: bool = False
    first_event: bytes = b""


class Earlier(msgspec.Struct, frozen=True):
    """The event that an event is in conflict with.

    `sequence` is 0 if that is one of the same submission, which has no sequence. `event` is numbered, as it is stored;
    empty after the first MAX_SHOWN of a submission.
    """

    sequence: int
    event: bytes = b""


class Conflict(msgspec.Struct, frozen=True):
    """Nothing of a submission was written: a key is taken by an event that says something else.

    `indexes` are the places, from 0, of the events in question; empty if it is the request key that is taken. `earlier`
    has for each the event that has its key, if that is known.
    """

    indexes: tuple[int, ...]
    earlier: tuple[Earlier, ...] = ()


class PerEvent(msgspec.Struct, frozen=True):
    """What became of each event of a submission whose events are apart.

    Where every one was new, a Receipt for the whole may take its place: they are numbered from `first` on, in order.
    """

    outcomes: Sequence[Receipt | Conflict | DamagedHistory]


class Unfinished(msgspec.Struct, frozen=True):
    """Nothing of a submission was written so far: comparing its events with those in the stream takes longer than one
    append may. Append `submission`, which holds what was found out, and it goes on from there. Those that come
    meanwhile may overtake it.
    """

    submission: Submission


Answer = Receipt | Conflict | PerEvent | Compared | DamagedHistory
"""The final word on a submission. Compared: of one that is only compared. DamagedHistory: the event it has to be
compared with can't be read; nothing was written.
"""

Result = Answer | Unfinished
"""What became of a submission in one append."""


class StreamPosition(msgspec.Struct, frozen=True):
    """How far a reader has come.

    `stream` is the journal's id, empty if none is known. `sequence` is the last event applied, 0 for none. `hash` is
    the history's hash at the last row end at or before it (32 hex digits, empty if not known): a journal that
    differs anywhere before from the one this reader knew has another hash, even with the same id. `check` is a
    fingerprint of the last event applied, for a publisher that has no hashes.
    """

    stream: str = ""
    sequence: int = 0
    check: str = ""
    hash: str = ""


class Commit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The end of a stored row: its last sequence, when it was committed (Unix time), the history's hash there.

    The hash has 32 hex digits; see `chain`.
    """

    last: int
    committed_at_ns: int
    hash: str


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Consecutive events as journaled.

    `events` holds the numbered JSON objects joined by commas, without brackets; empty when `last < first`.
    `published_at_ns` (Unix time) is when they were first published, 0 where that is not known. `commits` has an entry
    for each stored row that ends within `first` to `last`, in order; it is empty where the publisher has no hashes.
    """

    stream: str
    first: int
    last: int
    events: bytes
    published_at_ns: int = 0
    commits: tuple[Commit, ...] = ()

    @property
    def count(self) -> int:
        """How many events."""
        return self.last - self.first + 1


class Reset(msgspec.Struct, frozen=True):
    """What a reader knows is of another history: forget it, `stream` follows from its first event.

    `reason` is what was found, in words for a log; empty where the reader knew nothing.
    """

    stream: str
    reason: str = ""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A batch to apply now, in order.

    The first `skip` events of the batch are applied already. `replayed` says that it came from the replay socket,
    so that the time since its publication says nothing of the live path.
    """

    batch: Batch
    skip: int
    replayed: bool


Delivery = Reset | Arrival


REPLAY_OUTCOMES = ("answered", "unanswered", "refused", "damaged", "interrupted")
"""What becomes of a replay request: answered; no answer in time; an answer that is an error or can't be read; the
journal is damaged there; given up, because the publisher was reached again and the request is repeated.
"""


@dataclass(slots=True)
class SubscriberCounters:
    """What a subscriber met, counted since its start. All are totals and only grow."""

    gaps: int = 0
    duplicates: int = 0
    catchups: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    replay_requests: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REPLAY_OUTCOMES, 0))
    redials: dict[str, int] = field(default_factory=lambda: dict.fromkeys((DISCONNECTED, *REASONS), 0))
    """New connections to the publisher, by the reason for which the one before ended."""

    def reject(self, reason: str) -> None:
        """Count one refused message."""
        self.rejected[reason] = self.rejected.get(reason, 0) + 1

    def redial(self, reason: str) -> None:
        """Count one new connection."""
        self.redials[reason] += 1
