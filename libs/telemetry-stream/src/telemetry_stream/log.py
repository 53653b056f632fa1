"""A stream as interfaces: the log that numbers, the store that keeps, the transport that carries, and their readers.

`backend` chooses the store and the transport that a program's settings name. The contract tests hold each of them to
what is said here; another back end is a new package that passes the same tests.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import (
    Batch,
    Commit,
    Delivery,
    Labelled,
    LabelOf,
    Provenance,
    Result,
    StreamPosition,
    Submission,
    SubscriberCounters,
)
from telemetry_stream.id_spaces import IdSpace
from telemetry_stream.place import Place
from telemetry_stream.refusals import Obstacle
from telemetry_stream.topics import KeyRules, Topic

PAGE_BYTES = 1024 * 1024
"""Of events in one page, where nothing else is asked for, and so of one replay answer; the last row may exceed it."""


class StreamWriter(Protocol):
    """The one place where a stream grows. Not safe for several threads at once."""

    @property
    def stream(self) -> str:
        """The stream's id, minted when it was made."""

    def head(self) -> int:
        """The last sequence that is durable; 0 for an empty stream."""

    def append(self, submissions: Sequence[Submission]) -> list[Result]:
        """Make the submissions durable, all in one commit, then publish what is new.

        Each is taken whole or not at all, by itself, in the order given. On return the receipts hold even if the
        machine loses power. It does not promise that any subscriber has seen the events yet. Unfinished is given where
        looking up what the stream has would take long; append what it holds later.
        Raises StoreBusy where another program keeps the store from being written: nothing was, and the writer can be
        used on. Raises whatever else the store raises; the writer must not be used after that.
        """

    def stop_waiting(self) -> None:
        """Raise StoreBusy at once from now on, where `append` would wait for another program. For any thread."""

    def checkpoint_if_due(self) -> None:
        """Do what nobody waits for, once the outcomes of an `append` are delivered. Raises as `append` does."""

    def heartbeat(self) -> None:
        """Tell subscribers the head, so that they notice a lost last message.

        Raises where the store is not there any more; the writer must not be used after that.
        """

    def close(self) -> None:
        """Release everything. Idempotent."""


class StreamReader(Protocol):
    """Random access to what is durable. Each thread makes its own."""

    @property
    def stream(self) -> str:
        """The stream's id."""

    def head(self) -> int:
        """The last durable sequence, read now."""

    def last_committed_at_ns(self) -> int:
        """When the last row was committed, Unix time in nanoseconds; 0 for an empty stream."""

    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
        """The events that follow `after`, at most `limit` of them (≥ 1), fewer where there are no more: no further row
        is read once there are `page_bytes` of them. With them come the commits of the rows that end among them.
        Raises DamagedHistory where the first of them can't be read, or are not those that were written.
        """

    def oldest(self) -> int:
        """The sequence of the oldest event that is kept; 1 where none was removed."""

    def hash_at(self, sequence: int) -> str | None:
        """The history's hash at the last row end at or before `sequence` (32 hex digits); None where it is not known:
        past the head, or before what is kept. At 0 it is the one that every history begins with.
        """

    def at(self, time_ns: int) -> int:
        """The last sequence that was committed at or before a time (Unix time); 0 if none was."""

    def provenance(self, sequence: int) -> Provenance | None:
        """Who submitted an event, by which way, and when it was committed; None for one that is not kept."""

    def labelled(
        self,
        *,
        kind: str | None = None,
        id: str | None = None,  # noqa: A002 -- the name of the label's member
        target: int | None = None,
        after: int = 0,
        limit: int,
    ) -> list[Labelled]:
        """The labelled events after a sequence, in order, at most `limit`. What is given has to match the label."""

    def close(self) -> None:
        """Release everything. Idempotent."""


class StreamSubscriber(Protocol):
    """Follows a stream from a position: every event once, in order, whatever gets lost on the way."""

    @property
    def counters(self) -> SubscriberCounters:
        """What was met since the start."""

    @property
    def position(self) -> StreamPosition:
        """What has been delivered so far, the delivery handed out last included: save it with the state that has it."""

    @property
    def head(self) -> int | None:
        """The highest sequence the stream is known to have; None until it was first heard of."""

    @property
    def caught_up(self) -> bool:
        """Whether everything that is known to exist has been delivered. False until the head was read once."""

    @property
    def obstacle(self) -> Obstacle | None:
        """Why the stream can't be followed and what to do, where the other side lets that be known; else None."""

    def deliveries(self) -> AsyncIterator[Delivery]:
        """The deliveries, until the subscriber is closed. Only one iteration at a time.

        It does not end while the stream is out of reach: it waits and tries again.
        """

    def close(self) -> None:
        """Release everything; the iteration ends. Idempotent."""


@dataclass(slots=True)
class QueueUse:
    """How much a transport keeps for readers that have not read it yet, in bytes, and its maximum.

    `refused` counts the messages that were not kept because of that.
    """

    max_bytes: int
    bytes: int = 0
    refused: int = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more was kept when it was looked at last."""
        return self.bytes >= self.max_bytes


@dataclass(slots=True)
class ReplayCounters:
    """What the transport was asked and answered since the start."""

    answers: int = 0
    events: int = 0
    damaged: int = 0
    damage: DamagedHistory | None = None
    """The last page that could not be read."""

    refusals: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoreCounters:
    """How often and how long other programs that hold the store's lock were waited for, since the start."""

    lock_waits: int = 0
    lock_wait_seconds: float = 0.0
    busy_checkpoints: int = 0


@dataclass(frozen=True, slots=True)
class StorageUse:
    """In bytes: the journal, its write-ahead log, the tables of its keys, and what the disk with them still takes."""

    journal: int
    write_ahead_log: int
    key_tables: int
    free: int


@dataclass(slots=True)
class JournalReport:
    """What a check found. `head` is the last sequence; a journal without problems holds every one up to it, once.

    `ledger` is the id that outlives a restore.
    """

    stream: str = ""
    ledger: str = ""
    head: int = 0
    problems: list[str] = field(default_factory=list)


BeforeCommit = Callable[[Sequence[Batch]], None]
"""The seam between numbering and commit: gets batches that are numbered and not committed yet, or raises."""


class StoreWriter(Protocol):
    """The one writer of a store. Use it from one thread at a time, and not again after it has raised."""

    @property
    def stream(self) -> str:
        """The stream's id."""

    def head(self) -> int:
        """The last durable sequence; 0 for an empty stream."""

    @property
    def last_commit(self) -> Commit | None:
        """The last row's; None for an empty stream."""

    def append(self, submissions: Sequence[Submission]) -> tuple[list[Result], list[Batch]]:
        """Write the submissions in one commit; give their outcomes and the batches that are new, in order.

        Raises StoreBusy where another program holds the store's lock for long: the writer can be used on.
        """

    @property
    def counters(self) -> StoreCounters:
        """How often and how long other programs were waited for."""

    def id_spaces(self) -> Mapping[str, IdSpace]:
        """The ids that are known, by space; empty where keys are recognised by an index. Don't change them."""

    def stop_waiting(self) -> None:
        """Raise StoreBusy at once from now on, where another program holds the lock. For any thread."""

    def maintain(self) -> None:
        """Do what is due once a second. Raises BackendUnavailable where the store's files were removed or replaced."""

    def checkpoint_if_due(self) -> None:
        """Do what nobody waits for."""

    def close(self) -> None:
        """Let another process have the store. Idempotent."""


class Store(Protocol):
    """Keeps streams, each in a folder of its own. Every method raises BackendUnavailable where it can't."""

    def file(self, folder: Path) -> Path:
        """The file that messages to people name."""

    def open_writer(self, folder: Path, topic: Topic, before_commit: BeforeCommit | None = None) -> StoreWriter:
        """The writer of a topic's stream; makes it if the folder has none.

        `before_commit` makes the batches durable elsewhere first. If it raises, nothing is committed here.
        """

    def open_reader(self, folder: Path) -> StreamReader:
        """Read access for the calling thread."""

    def is_written(self, folder: Path) -> bool:
        """Whether a process has the writer open."""

    def measure(self, folder: Path) -> StorageUse:
        """The room that is used and left."""

    def check(self, file: Path, key_rules: KeyRules = (), label_of: LabelOf | None = None) -> JournalReport:
        """Look a stored stream over, which may be written meanwhile. Changes nothing.

        With `key_rules` the digests of the keys are made again from the events, and compared; with `label_of` the
        labels.
        """

    def tend(self, folder: Path) -> None:
        """Bring everything that waits in a log of the store's own into its file. No process may be writing."""

    def back_up(self, folder: Path, file: Path, key_rules: KeyRules = ()) -> JournalReport:
        """Copy all that is committed by now to a file, which must not be there yet, and check that."""

    def restore(self, file: Path, folder: Path, key_rules: KeyRules = ()) -> tuple[JournalReport, Path | None]:
        """Check a copy and put it in the folder; gives where what was there is now, if there was anything.

        The copy becomes another stream of the same ledger: its id is new, so every reader starts over.
        """


class Carrier(Protocol):
    """An open transport on the writer's side."""

    @property
    def replay_counters(self) -> ReplayCounters:
        """What subscribers asked for and were answered."""

    @property
    def queues(self) -> Mapping[str, QueueUse]:
        """What is kept for readers: of `live` messages, and of `replay` answers."""

    @property
    def refused_connections(self) -> dict[str, int]:
        """Connections that were refused or cut, by reason."""

    def publish(self, batches: Iterable[Batch]) -> None:
        """Send committed batches, in order. Never blocks."""

    def heartbeat(self, stream: str, last_commit: Commit | None) -> None:
        """Send the head, which is where the last commit ends; None for an empty stream. Never blocks."""

    def close(self) -> None:
        """Release everything. Idempotent."""


class Transport(Protocol):
    """Carries streams between processes."""

    def open(
        self, place: Place, open_reader: Callable[[], StreamReader], on_failure: Callable[[BaseException], None]
    ) -> Carrier:
        """The writer's side; `open_reader` is for answering replay requests, in another thread. Raises BackendError."""

    def subscribe(
        self,
        place: Place,
        position: StreamPosition | None,
        explain: Callable[[Obstacle], str],
        recent: int | None = None,
    ) -> StreamSubscriber:
        """A reader that continues at `position`. Use it inside one running event loop.

        `explain` puts an obstacle into words, for the log. With `recent`, a reader that is further behind skips all but
        the last `recent` events. Raises BackendError.
        """
