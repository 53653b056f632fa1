"""The journal: makes submissions durable, a group in one commit, each event key once."""

import fcntl
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

from telemetry_stream.sqlite import reader
from telemetry_stream.sqlite.schema import ForeignJournal, open_to_write
from telemetry_stream.types import Batch, Conflict, Event, Receipt, RequestKey, Submission
from telemetry_stream.wire import number, split

BATCH_LIMIT = 1_000
"""Events in one stored batch, and so in one message: bounds what a reader must hold at a time."""


class JournalInUse(Exception):
    """Another process has the journal open to write."""


class Journal:
    """The one writer of a journal. Use it from one thread at a time, and not again after it has raised."""

    def __init__(self, folder: Path) -> None:
        """Open or make the journal in `folder`. Raises JournalInUse, ForeignJournal, apsw.Error, OSError."""
        self._lock = lock_to_write(folder)
        try:
            self._connection = open_to_write(folder)
            self.stream = reader.stream_id(self._connection)
            self._head = reader.head(self._connection)
            self._read_from, self._read = 1, list[bytes]()
        except BaseException:
            self._lock.close()
            raise

    def head(self) -> int:
        """The last durable sequence; 0 for an empty journal."""
        return self._head

    def append(self, submissions: Sequence[Submission]) -> tuple[list[Receipt | Conflict], list[Batch]]:
        """Write the submissions in one commit; give their outcomes and the batches that are new, in order.

        Raises apsw.Error or OSError where the commit fails. What is on disk then is known after a restart only.
        """
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        group = _Group(self._head)
        if not self._claim_at_once(submissions, group):
            execute("ROLLBACK")
            execute("BEGIN IMMEDIATE")
            group = _Group(self._head)
            for submission in submissions:
                group.outcomes.append(self._answer(submission, group))
        batches = self._store(group.numbered)
        execute("COMMIT")
        self._head += len(group.numbered)
        return group.outcomes, batches

    def close(self) -> None:
        """Close the database and let another process have it. Idempotent."""
        self._connection.close()
        self._lock.close()

    def _claim_at_once(self, submissions: Sequence[Submission], group: "_Group") -> bool:
        """The way of nearly every group: no request keys, and every event new. False where it is not so."""
        claims: list[tuple[str, int]] = []
        for submission in submissions:
            if submission.request_key is not None:
                return False
            first = group.accept(submission.events)
            claims += [(event.key, first + index) for index, event in enumerate(submission.events)]
        before = self._connection.total_changes()
        self._connection.executemany("INSERT OR IGNORE INTO event_key VALUES (?, ?)", claims)
        return self._connection.total_changes() - before == len(claims)

    def _answer(self, submission: Submission, group: "_Group") -> Receipt | Conflict:
        asked = submission.request_key
        earlier = self._earlier_answer(asked, group) if asked else None
        if earlier is not None:
            return earlier
        outcome = self._take(submission.events, group)
        if asked and isinstance(outcome, Receipt):
            self._connection.execute(
                "INSERT INTO request_key VALUES (?, ?, ?, ?, ?)",
                (asked.key, asked.digest, outcome.first, outcome.last, outcome.accepted + outcome.duplicates),
            )
        return outcome

    def _earlier_answer(self, asked: RequestKey, group: "_Group") -> Receipt | Conflict | None:
        row = self._connection.execute(
            "SELECT digest, first, last, events FROM request_key WHERE key = ?", (asked.key,)
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
        claimed: dict[str, int] = {}
        sequences, conflicts = [], []
        for index, event in enumerate(events):
            sequence = claimed.get(event.key) or self._sequence_of(event.key)
            if sequence is None:
                new.append(event)
                sequence = claimed[event.key] = group.head + len(new)
            elif not event.repeats(self._stored(sequence, group, new)):
                conflicts.append(index)
            sequences.append(sequence)
        if conflicts:
            return Conflict(tuple(conflicts))
        group.add(new)
        self._connection.executemany("INSERT INTO event_key VALUES (?, ?)", claimed.items())
        return Receipt(min(sequences), max(sequences), len(new), len(events) - len(new))

    def _sequence_of(self, key: str) -> int | None:
        row = self._connection.execute("SELECT sequence FROM event_key WHERE key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def _stored(self, sequence: int, group: "_Group", new: Sequence[Event] = ()) -> bytes:
        if sequence > group.head:
            return number(new[sequence - group.head - 1].payload, sequence)
        if sequence > self._head:
            return group.numbered[sequence - self._head - 1]
        if not 0 <= sequence - self._read_from < len(self._read):
            # What is sent again is mostly sent in the same order: the next ones are among these.
            batch = reader.read(self._connection, self.stream, sequence - 1, BATCH_LIMIT)
            self._read_from, self._read = batch.first, split(batch)
        return self._read[sequence - self._read_from]

    def _store(self, numbered: Sequence[bytes]) -> list[Batch]:
        now = time.time_ns()
        batches = []
        for start in range(0, len(numbered), BATCH_LIMIT):
            part = numbered[start : start + BATCH_LIMIT]
            first = self._head + start + 1
            batches.append(Batch(self.stream, first, first + len(part) - 1, b",".join(part), now))
        self._connection.executemany(
            "INSERT INTO batch VALUES (?, ?, ?, ?)",
            [(batch.first, batch.last, batch.published_at_ns, batch.events) for batch in batches],
        )
        return batches


class _Group:
    """What one commit will hold: the outcomes so far, and the new events, numbered on from the head."""

    def __init__(self, head: int) -> None:
        self.head = head
        self.numbered: list[bytes] = []
        self.outcomes: list[Receipt | Conflict] = []

    def add(self, events: Sequence[Event]) -> None:
        """Number the events and move the head."""
        self.numbered += [number(event.payload, self.head + index) for index, event in enumerate(events, 1)]
        self.head += len(events)

    def accept(self, events: Sequence[Event]) -> int:
        """Add events that are new, all of them; give the first one's sequence."""
        first = self.head + 1
        self.add(events)
        self.outcomes.append(Receipt(first, self.head, len(events), 0))
        return first


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


__all__ = ["BATCH_LIMIT", "ForeignJournal", "Journal", "JournalInUse"]
