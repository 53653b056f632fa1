"""The journal: makes submissions durable, a group in one commit, each event key once."""

import fcntl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import TypeGuard

from telemetry_stream.chain import extend
from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import Batch, Conflict, Event, Events, PerEvent, Receipt, RequestKey, Result, Submission
from telemetry_stream.stores.sqlite import reader
from telemetry_stream.stores.sqlite.checkpoints import Checkpoints
from telemetry_stream.stores.sqlite.compression import Packer
from telemetry_stream.stores.sqlite.key_index import KeyIndex, KeysMissing, digest_keys
from telemetry_stream.stores.sqlite.schema import ForeignJournal, open_to_write
from telemetry_stream.stores.sqlite.tables import checksum
from telemetry_stream.wire import number, split

BATCH_LIMIT = 1_000
"""Events in one stored batch, and so in one message: bounds what a reader must hold at a time."""


class JournalInUse(Exception):
    """Another process has the journal open to write."""


class Journal:
    """The one writer of a journal. Use it from one thread at a time, and not again after it has raised."""

    def __init__(self, folder: Path) -> None:
        """Open or make the journal in `folder`.

        Raises JournalInUse, ForeignJournal, KeysMissing, apsw.Error, OSError.
        """
        with ExitStack() as opened:
            self._lock = opened.enter_context(lock_to_write(folder))
            self._connection = open_to_write(folder)
            opened.callback(self._connection.close, force=True)
            self._checkpoints = Checkpoints(self._connection)
            self.stream = reader.stream_id(self._connection)
            self._key_seed = int(self._connection.execute("SELECT key_seed FROM stream").get)
            self._head, self._committed_at_ns, self._hash = reader.last_row(self._connection)
            self._keys = KeyIndex(folder, self.stream, self._connection, self._head)
            self._packer = Packer()
            self._read_from, self._read = 1, list[bytes]()
            opened.pop_all()

    def head(self) -> int:
        """The last durable sequence; 0 for an empty journal."""
        return self._head

    def append(self, submissions: Sequence[Submission]) -> tuple[list[Result], list[Batch]]:
        """Write the submissions in one commit; give their outcomes and the batches that are new, in order.

        Raises apsw.Error or OSError where the commit fails. What is on disk then is known after a restart only.
        """
        try:
            return self._append(submissions)
        except BaseException:
            self._keys.invalidate()
            raise

    def checkpoint_if_due(self) -> None:
        """Keep the write-ahead log short. Raises apsw.Error or OSError where the disk does not take it."""
        try:
            self._checkpoints.checkpoint_if_due()
        except BaseException:
            self._keys.invalidate()
            raise

    def close(self) -> None:
        """Close the database and let another process have it. Idempotent."""
        self._keys.close()
        self._connection.close()
        self._lock.close()

    def _append(self, submissions: Sequence[Submission]) -> tuple[list[Result], list[Batch]]:
        group = self._take_all_as_new(submissions)
        if group is None:
            self._connection.execute("BEGIN IMMEDIATE")
            group = self._answer_each(submissions)
            batches = self._store(group)
            self._connection.execute("COMMIT")
        else:
            batches = self._store(group)
        self._head, self._committed_at_ns, self._hash = group.head, group.committed_at_ns, group.hash
        self._keys.add(group.digests)
        return group.outcomes, batches

    def _begin_group(self) -> "_Group":
        # The clock may have been put back: a commit time is never before the one of the row before.
        return _Group(self._head, max(time.time_ns(), self._committed_at_ns), self._hash)

    def _take_all_as_new(self, submissions: Sequence[Submission]) -> "_Group | None":
        """The way of nearly every group: no request keys, and every event new. None where it may be otherwise."""
        group = self._begin_group()
        keys: list[str] = []
        for submission in submissions:
            if submission.request_key is not None:
                return None
            events, first = submission.events, group.head + 1
            keys += keys_of(events)
            group.add(events)
            group.outcomes.append(Receipt(first, group.head, len(events), 0))
        group.digests = digest_keys(keys, self._key_seed)
        return group if self._keys.are_new(group.digests) else None

    def _answer_each(self, submissions: Sequence[Submission]) -> "_Group":
        group = self._begin_group()
        for submission in submissions:
            group.outcomes.append(self._answer(submission, group))
        return group

    def _answer(self, submission: Submission, group: "_Group") -> Result:
        if submission.independent:
            return PerEvent([self._take_if_readable([event], group) for event in submission.events])
        try:
            return self._answer_whole(submission, group)
        except DamagedHistory as damage:
            return damage

    def _take_if_readable(self, events: Sequence[Event], group: "_Group") -> Receipt | Conflict | DamagedHistory:
        try:
            return self._take(events, group)
        except DamagedHistory as damage:
            return damage

    def _answer_whole(self, submission: Submission, group: "_Group") -> Receipt | Conflict:
        asked = submission.request_key
        earlier = self._earlier_answer(asked, group) if asked else None
        if earlier is not None:
            return earlier
        outcome = self._take(submission.events, group)
        if asked and isinstance(outcome, Receipt):
            self._connection.execute(
                "INSERT INTO request_key VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    asked.caller,
                    asked.key,
                    asked.digest,
                    outcome.first,
                    outcome.last,
                    outcome.accepted + outcome.duplicates,
                    group.committed_at_ns,
                ),
            )
        return outcome

    def _earlier_answer(self, asked: RequestKey, group: "_Group") -> Receipt | Conflict | None:
        row = self._connection.execute(
            "SELECT digest, first, last, events FROM request_key WHERE caller = ? AND key = ?",
            (asked.caller, asked.key),
        ).fetchone()
        if row is None:
            return None
        digest, first, last, events = row
        if digest != asked.digest:
            return Conflict(())
        return Receipt(first, last, 0, events, repeated=True, first_event=self._stored(first, group))

    def _take(self, events: Sequence[Event], group: "_Group") -> Receipt | Conflict:
        """Find which events are new and claim their keys; where one says otherwise than before, claim none."""
        new: list[Event] = []
        claimed: dict[bytes, int] = {}
        sequences, conflicts = [], []
        digests = digest_keys(keys_of(events), self._key_seed)
        for index, (event, digest) in enumerate(zip(events, digests, strict=True)):
            sequence = claimed.get(digest) or group.claimed.get(digest) or self._keys.find(digest)
            if sequence is None:
                new.append(event)
                sequence = claimed[digest] = group.head + len(new)
            elif not event.repeats(self._stored(sequence, group, new)):
                conflicts.append(index)
            sequences.append(sequence)
        if conflicts:
            return Conflict(tuple(conflicts))
        group.claim(new, claimed)
        return Receipt(min(sequences), max(sequences), len(new), len(events) - len(new))

    def _stored(self, sequence: int, group: "_Group", new: Sequence[Event] = ()) -> bytes:
        if sequence > group.head:
            return number(new[sequence - group.head - 1].payload, sequence)
        if sequence > self._head:
            return group.parts[sequence - self._head - 1][2]
        if not 0 <= sequence - self._read_from < len(self._read):
            # What is sent again is mostly sent in the same order: the next ones are among these.
            batch = reader.read(self._connection, self.stream, sequence - 1, BATCH_LIMIT)
            self._read_from, self._read = batch.first, split(batch)
        return self._read[sequence - self._read_from]

    def _store(self, group: "_Group") -> list[Batch]:
        """Insert the group's batches: one statement, which is a transaction of its own where none is open."""
        now = group.committed_at_ns
        batches, values = [], list[int | bytes]()
        for parts in _pack(group.parts):
            (first, *_), (_, last, _) = parts[0], parts[-1]
            events = b",".join([events for _, _, events in parts])
            keys = b"".join(group.digests[first - self._head - 1 : last - self._head])
            group.hash = extend(group.hash, events)
            batches.append(Batch(self.stream, first, last, events, now))
            values += (first, last, now, group.hash, checksum(now, keys), keys, self._packer.pack(events))
        if batches:
            rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(batches))
            self._connection.execute(f"INSERT INTO batch VALUES {rows}", values)
        return batches


_Part = tuple[int, int, bytes]
"""Events that were numbered together: the first sequence, the last, and the events, joined by commas."""


class _Group:
    """What one commit will hold: the outcomes so far, and the new events, numbered on from the head.

    `hash` is that of the last row which is stored.
    """

    def __init__(self, head: int, committed_at_ns: int, hash_before: bytes) -> None:
        self.head = head
        self.committed_at_ns = committed_at_ns
        self.hash = hash_before
        self.outcomes: list[Result] = []
        self.parts: list[_Part] = []
        self.digests: list[bytes] = []
        self.claimed: dict[bytes, int] = {}

    def add(self, events: Sequence[Event]) -> None:
        """Number the events and move the head; no part gets more than BATCH_LIMIT of them."""
        if _are_columns(events):
            for start in range(0, len(events), BATCH_LIMIT):
                stop = min(start + BATCH_LIMIT, len(events))
                first, self.head = self.head + 1, self.head + stop - start
                self.parts.append((first, self.head, events.numbered(first, start, stop)))
            return
        for event in events:
            self.head += 1
            self.parts.append((self.head, self.head, number(event.payload, self.head)))

    def claim(self, events: Sequence[Event], claimed: Mapping[bytes, int]) -> None:
        """Add events that were found to be new, each a part by itself; `claimed` has their digests, in order."""
        self.add(events)
        self.digests += claimed
        self.claimed.update(claimed)


def _pack(parts: Sequence[_Part]) -> Iterator[Sequence[_Part]]:
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


def lock_to_write(folder: Path) -> FileIO:
    """Keep every other process from writing the journal in `folder`, until this is closed. Raises JournalInUse."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileIO(folder / "journal.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise JournalInUse(f"another process writes the journal in {folder}; stop it or set another DATA_DIR") from None
    return lock


__all__ = ["BATCH_LIMIT", "ForeignJournal", "Journal", "JournalInUse", "KeysMissing"]
