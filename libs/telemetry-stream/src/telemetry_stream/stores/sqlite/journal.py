"""The journal: makes submissions durable, a group in one commit, each event key once."""

import fcntl
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path

from telemetry_stream.chain import extend
from telemetry_stream.errors import JournalInUse, JournalReplaced, StoreBusy
from telemetry_stream.events import Batch, Commit, Result, Submission
from telemetry_stream.log import BeforeCommit, StoreCounters
from telemetry_stream.stores.sqlite import labels, reader, request_keys, retention
from telemetry_stream.stores.sqlite.checkpoints import Checkpoints
from telemetry_stream.stores.sqlite.compression import Packer
from telemetry_stream.stores.sqlite.id_deduplication import IdDeduplication
from telemetry_stream.stores.sqlite.key_deduplication import KeyDeduplication
from telemetry_stream.stores.sqlite.lock_wait import LockWait, locks_as_store_busy
from telemetry_stream.stores.sqlite.open_files import OpenFiles, rescue
from telemetry_stream.stores.sqlite.pending_commit import PendingCommit, pack
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE, open_to_write
from telemetry_stream.stores.sqlite.tables import checksum
from telemetry_stream.topics import Deduplication, Topic

LOCK_FILE = "journal.lock"
FILES = (JOURNAL_FILE, f"{JOURNAL_FILE}-wal", f"{JOURNAL_FILE}-shm", LOCK_FILE)


class Journal:
    """The one writer of a journal. Use it from one thread at a time, and not again after it has raised."""

    def __init__(self, folder: Path, topic: Topic | None = None, before_commit: BeforeCommit | None = None) -> None:
        """Open or make the journal in `folder`.

        `topic` says how repetitions are recognised and what is kept: by keys and for ever, where none is given.
        `before_commit` is called with the new batches, which are numbered and stored but not committed yet: the seam
        where a log elsewhere takes them. If it raises, nothing is committed, and the journal must not be used again.

        Raises JournalInUse, ForeignJournal, KeysMissing, StoreBusy, apsw.Error, OSError.
        """
        with ExitStack() as opened:
            opened.enter_context(locks_as_store_busy())
            self._lock = opened.enter_context(lock_to_write(folder))
            self._connection = open_to_write(folder)
            opened.callback(self._connection.close, force=True)
            self._lock_wait = LockWait(self._connection)
            self._checkpoints = Checkpoints(self._connection)
            self.stream = reader.stream_id(self._connection)
            self._head, self._committed_at_ns, self._hash = reader.last_row(self._connection)
            self._deduplication = self._open_deduplication(folder, topic)
            opened.callback(self._deduplication.close)
            self._packer = Packer()
            self._before_commit = before_commit
            self._retention = topic.retention if topic else None
            self._folder = folder
            self._files = OpenFiles(folder / name for name in FILES)
            self._is_lost = False
            opened.pop_all()

    def _open_deduplication(self, folder: Path, topic: Topic | None) -> KeyDeduplication | IdDeduplication:
        if topic is not None and topic.deduplication is Deduplication.IDS:
            return IdDeduplication(self._connection)
        return KeyDeduplication(folder, self.stream, self._connection, self._head)

    def head(self) -> int:
        """The last durable sequence; 0 for an empty journal."""
        return self._head

    @property
    def rows_read(self) -> int:
        """Stored rows that were read to compare events with them."""
        return self._deduplication.rows_read

    @property
    def last_commit(self) -> Commit | None:
        """The last row's; None for an empty journal."""
        return Commit(self._head, self._committed_at_ns, self._hash.hex()) if self._head else None

    @property
    def counters(self) -> StoreCounters:
        """How often and how long other programs were waited for."""
        return StoreCounters(self._lock_wait.waits, self._lock_wait.seconds, self._checkpoints.busy)

    def append(self, submissions: Sequence[Submission]) -> tuple[list[Result], list[Batch]]:
        """Write the submissions in one commit; give their outcomes and the batches that are new, in order.

        Raises StoreBusy where another program holds the lock for MAX_WAIT_SECONDS: nothing was written, and the journal
        can be used on. Raises apsw.Error or OSError where the commit fails. What is on disk then is known after a
        restart only.
        """
        try:
            with locks_as_store_busy():
                return self._append(submissions)
        except StoreBusy:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        except BaseException:
            self._deduplication.invalidate()
            raise

    def checkpoint_if_due(self) -> None:
        """Keep the write-ahead log short. Raises apsw.Error or OSError where the disk does not take it."""
        try:
            self._checkpoints.checkpoint_if_due()
        except BaseException:
            self._deduplication.invalidate()
            raise

    def stop_waiting(self) -> None:
        """Raise StoreBusy at once from now on, where another program holds the lock. For any thread."""
        self._lock_wait.end()

    def maintain(self) -> None:
        """What is due once a second: check the files, remove what is too old, make a checkpoint.

        Raises JournalReplaced, and as checkpoint_if_due does.
        """
        self._check_files()
        with suppress(StoreBusy), locks_as_store_busy():  # there is time
            request_keys.forget_old(self._connection, request_keys.STEP, time.time_ns())
            if self._retention is not None:
                retention.remove_oldest(self._connection, self._retention, time.time_ns())
        self.checkpoint_if_due()

    def _check_files(self) -> None:
        """Raise JournalReplaced where the files are not those that are written any more."""
        lost = self._files.lost()
        if lost is not None and not self._is_lost:
            self._is_lost = True
            self._deduplication.invalidate()
            raise JournalReplaced(
                f"{lost} was removed or replaced while the app writes it. Find out by whom, see that the journal in"
                f" {self._folder} is the right one, and start again"
            )

    def close(self) -> None:
        """Close the database and let another process have it. Idempotent."""
        if self._is_lost:
            self._is_lost = False
            rescue(self._connection, self._folder, self._files.lost())
        self._deduplication.close()
        self._connection.close()
        self._lock.close()

    def _append(self, submissions: Sequence[Submission]) -> tuple[list[Result], list[Batch]]:
        # The clock may have been put back: a commit time is never before the one of the row before.
        commit = PendingCommit(self._head, max(time.time_ns(), self._committed_at_ns), self._hash)
        self._deduplication.answer(submissions, commit)
        batches = self._write(commit)
        self._head, self._committed_at_ns, self._hash = commit.head, commit.committed_at_ns, commit.hash
        self._deduplication.note_committed(commit)
        return commit.outcomes, batches

    def _write(self, commit: PendingCommit) -> list[Batch]:
        if not (commit.labelled or self._deduplication.has_rows(commit)) and self._before_commit is None:
            return self._store(commit)
        self._connection.execute("BEGIN IMMEDIATE")
        batches = self._store(commit)
        self._deduplication.write(commit)
        labels.add(self._connection, commit.labelled)
        if self._before_commit is not None and batches:
            self._before_commit(batches)
        self._connection.execute("COMMIT")
        return batches

    def _store(self, commit: PendingCommit) -> list[Batch]:
        """Insert the group's batches: one statement, which is a transaction of its own where none is open."""
        now = commit.committed_at_ns
        batches, values = [], list[int | bytes]()
        for parts in pack(commit.parts):
            (first, *_), (_, last, _) = parts[0], parts[-1]
            events = b",".join([events for _, _, events in parts])
            keys = b"".join(commit.digests[first - self._head - 1 : last - self._head])
            commit.hash = extend(commit.hash, events)
            row = Commit(last, now, commit.hash.hex())
            batches.append(Batch(self.stream, first, last, events, now, (row,)))
            values += (first, last, now, commit.hash, checksum(now, keys), keys, self._packer.pack(events))
        if batches:
            rows = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(batches))
            self._connection.execute(f"INSERT INTO batch VALUES {rows}", values)
        return batches


def lock_to_write(folder: Path) -> FileIO:
    """Keep every other process from writing the journal in `folder`, until this is closed. Raises JournalInUse."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileIO(folder / LOCK_FILE, "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise JournalInUse(f"another process writes the journal in {folder}; stop it or set another DATA_DIR") from None
    return lock
