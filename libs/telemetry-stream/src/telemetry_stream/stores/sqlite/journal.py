"""The journal's one writer: commits a group of submissions at once, and each event key only once."""

import fcntl
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path

from telemetry_stream.chain import extend
from telemetry_stream.durable_files import OpenFiles
from telemetry_stream.errors import JournalInUse, JournalReplaced, StoreBusy
from telemetry_stream.events import Batch, Commit, Result, Submission
from telemetry_stream.id_spaces import IdSpace
from telemetry_stream.log import BeforeCommit, StoreCounters
from telemetry_stream.stores.sqlite import labels, origins, reader, request_keys, retention
from telemetry_stream.stores.sqlite.checkpoints import Checkpoints
from telemetry_stream.stores.sqlite.compression import Packer
from telemetry_stream.stores.sqlite.id_deduplication import IdDeduplication
from telemetry_stream.stores.sqlite.key_deduplication import KeyDeduplication
from telemetry_stream.stores.sqlite.lock_wait import SQLITE_ERRORS, LockWait, locks_as_store_busy, store_busy
from telemetry_stream.stores.sqlite.open_files import rescue
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

        `topic` says how repetitions are recognised and how long events are kept; without one, by keys and for ever.
        `before_commit` is called with the new batches, numbered and inserted but not committed: the point at which a
        remote log can store them. If it raises, nothing is committed, and the journal must not be used again.

        Raises JournalInUse, ForeignJournal, KeysMissing, StoreBusy, apsw.Error, OSError.
        """
        with ExitStack() as opened:
            opened.enter_context(locks_as_store_busy())
            self._lock = opened.enter_context(lock_to_write(folder))
            self._connection = open_to_write(folder, topic.key_rules if topic else ())
            opened.callback(self._connection.close, force=True)
            self._lock_wait = LockWait(self._connection)
            self._checkpoints = Checkpoints(self._connection)
            self.stream = reader.stream_id(self._connection)
            self._head, self._committed_at_ns, self._hash = reader.last_row(self._connection)
            self._origin = origins.find(self._connection, self._head)
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

    def id_spaces(self) -> Mapping[str, IdSpace]:
        """The ids that are known, by space; empty with keys. They change with each append."""
        return self._deduplication.spaces

    @property
    def rows_read(self) -> int:
        """The number of stored rows that were read to compare events with them."""
        return self._deduplication.rows_read

    @property
    def last_commit(self) -> Commit | None:
        """The end of the last row; None for an empty journal."""
        return Commit(self._head, self._committed_at_ns, self._hash.hex()) if self._head else None

    @property
    def counters(self) -> StoreCounters:
        """How often and how long commits waited for other programs' locks."""
        return StoreCounters(self._lock_wait.waits, self._lock_wait.seconds, self._checkpoints.busy)

    def append(self, submissions: Sequence[Submission]) -> tuple[list[Result], list[Batch]]:
        """Write the submissions in one commit; returns their outcomes and the new batches, in order.

        Raises StoreBusy if another program holds the lock for MAX_WAIT_SECONDS: nothing was written, and the journal
        stays usable. Raises apsw.Error or OSError if the commit fails. Only a restart shows what is on disk then.
        """
        try:
            return self._append(submissions)
        except SQLITE_ERRORS as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise store_busy(error) from None
        except BaseException:
            # After a failed sync nobody knows which commits the disk has. The key tables may have keys that it has not.
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
        """From now on raise StoreBusy at once while another program holds the lock. Thread-safe."""
        self._lock_wait.end()

    def maintain(self) -> None:
        """Do what is due once a second: check the files, remove old rows, make a checkpoint.

        Raises JournalReplaced, and as checkpoint_if_due does.
        """
        self._check_files()
        with suppress(StoreBusy), locks_as_store_busy():  # not urgent: the next second tries again
            request_keys.forget_old(self._connection, request_keys.STEP, time.time_ns())
            if self._retention is not None:
                retention.remove_oldest(self._connection, self._retention, time.time_ns())
        self.checkpoint_if_due()

    def _check_files(self) -> None:
        """Raise JournalReplaced if the files at these paths are not the open ones any more."""
        # SQLite writes on without an error, and everything accepted since would be lost with the process.
        lost = self._files.lost()
        if lost is not None and not self._is_lost:
            self._is_lost = True
            self._deduplication.invalidate()
            raise JournalReplaced(
                f"{lost} was removed or replaced while the app writes it. Find out by whom, see that the journal in"
                f" {self._folder} is the right one, and start again"
            )

    def close(self) -> None:
        """Close the database and release its lock. Idempotent."""
        if self._is_lost:  # the open descriptors are the only way left to these trades
            self._is_lost = False
            rescue(self._connection, self._folder, self._files.lost())
        self._deduplication.close()
        self._connection.close()
        self._lock.close()

    def _append(self, submissions: Sequence[Submission]) -> tuple[list[Result], list[Batch]]:
        # The clock may have been set back. Readers find a time by bisection, so commit times must never go back.
        commit = PendingCommit(self._head, max(time.time_ns(), self._committed_at_ns), self._hash, self._origin)
        self._deduplication.answer(submissions, commit)
        batches = self._write(commit)
        # Only now: after a failed or refused commit the next group must get the same sequences (rule 2).
        self._head, self._committed_at_ns, self._hash = commit.head, commit.committed_at_ns, commit.hash
        self._origin = commit.origin
        self._deduplication.note_committed(commit)
        return commit.outcomes, batches

    def _write(self, commit: PendingCommit) -> list[Batch]:
        if not (commit.runs or commit.labelled or self._deduplication.has_rows(commit)) and self._before_commit is None:
            return self._store(commit)
        # IMMEDIATE takes the lock first: a transaction that reads and then writes can fail with BUSY without a wait.
        self._connection.execute("BEGIN IMMEDIATE")
        batches = self._store(commit)
        self._deduplication.write(commit)
        labels.add(self._connection, commit.labelled)
        origins.add(self._connection, commit.runs)
        if self._before_commit is not None and batches:
            self._before_commit(batches)
        self._connection.execute("COMMIT")
        return batches

    def _store(self, commit: PendingCommit) -> list[Batch]:
        """Insert the group's batches in one statement, which is its own transaction unless one is open.

        One statement instead of BEGIN, INSERT and COMMIT saves two calls into SQLite for nearly every group.
        """
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
    """Keep other processes from writing the journal in `folder` until the file is closed. Raises JournalInUse."""
    folder.mkdir(parents=True, exist_ok=True)
    # flock, since the system releases it when the process ends in any way; a file that merely exists would stay.
    lock = FileIO(folder / LOCK_FILE, "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise JournalInUse(f"another process writes the journal in {folder}; stop it or set another DATA_DIR") from None
    return lock
