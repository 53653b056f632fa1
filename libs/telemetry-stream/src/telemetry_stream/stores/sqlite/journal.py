"""The journal: makes submissions durable, a group in one commit, each event key once."""

import fcntl
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path

import msgspec

from telemetry_stream.chain import extend
from telemetry_stream.errors import JournalInUse, JournalReplaced, StoreBusy
from telemetry_stream.events import Batch, Commit, Conflict, PerEvent, Receipt, Result, Submission, Unfinished
from telemetry_stream.log import StoreCounters
from telemetry_stream.stores.sqlite import reader, request_keys
from telemetry_stream.stores.sqlite.checkpoints import Checkpoints
from telemetry_stream.stores.sqlite.compression import Packer
from telemetry_stream.stores.sqlite.key_index import KeyIndex, digest_keys
from telemetry_stream.stores.sqlite.known_events import Comparison, EarlierRequest, KnownEvents
from telemetry_stream.stores.sqlite.lock_wait import LockWait, locks_as_store_busy
from telemetry_stream.stores.sqlite.open_files import OpenFiles, rescue
from telemetry_stream.stores.sqlite.pending_commit import PendingCommit, keys_of, pack
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE, open_to_write
from telemetry_stream.stores.sqlite.tables import checksum

LOCK_FILE = "journal.lock"
FILES = (JOURNAL_FILE, f"{JOURNAL_FILE}-wal", f"{JOURNAL_FILE}-shm", LOCK_FILE)


class Journal:
    """The one writer of a journal. Use it from one thread at a time, and not again after it has raised."""

    def __init__(self, folder: Path) -> None:
        """Open or make the journal in `folder`.

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
            self._key_seed = int(self._connection.execute("SELECT key_seed FROM stream").get)
            self._head, self._committed_at_ns, self._hash = reader.last_row(self._connection)
            self._keys = KeyIndex(folder, self.stream, self._connection, self._head)
            self._packer = Packer()
            self._known = KnownEvents(self._connection)
            self._folder = folder
            self._files = OpenFiles(folder / name for name in FILES)
            self._is_lost = False
            opened.pop_all()

    def head(self) -> int:
        """The last durable sequence; 0 for an empty journal."""
        return self._head

    @property
    def rows_read(self) -> int:
        """Stored rows that were read to compare events with them."""
        return self._known.rows_read

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
            self._keys.invalidate()
            raise

    def checkpoint_if_due(self) -> None:
        """Keep the write-ahead log short. Raises apsw.Error or OSError where the disk does not take it."""
        try:
            self._checkpoints.checkpoint_if_due()
        except BaseException:
            self._keys.invalidate()
            raise

    def stop_waiting(self) -> None:
        """Raise StoreBusy at once from now on, where another program holds the lock. For any thread."""
        self._lock_wait.end()

    def maintain(self) -> None:
        """What is due once a second: see that the files are there, forget old request keys, make a checkpoint.

        Raises JournalReplaced, and as checkpoint_if_due does.
        """
        self._check_files()
        with suppress(StoreBusy), locks_as_store_busy():  # there is time
            request_keys.forget_old(self._connection, request_keys.STEP, time.time_ns())
        self.checkpoint_if_due()

    def _check_files(self) -> None:
        """Raise JournalReplaced where the files are not those that are written any more."""
        lost = self._files.lost()
        if lost is not None and not self._is_lost:
            self._is_lost = True
            self._keys.invalidate()
            raise JournalReplaced(
                f"{lost} was removed or replaced while the app writes it. Find out by whom, see that the journal in"
                f" {self._folder} is the right one, and start again"
            )

    def close(self) -> None:
        """Close the database and let another process have it. Idempotent."""
        if self._is_lost:
            self._is_lost = False
            rescue(self._connection, self._folder, self._files.lost())
        self._keys.close()
        self._connection.close()
        self._lock.close()

    def _append(self, submissions: Sequence[Submission]) -> tuple[list[Result], list[Batch]]:
        keys = list[str]()
        for submission in submissions:
            keys += keys_of(submission.events)
        digests = digest_keys(keys, self._key_seed)
        commit = self._take_all_as_new(submissions, digests) or self._answer_each(submissions, digests)
        batches = self._write(commit)
        self._head, self._committed_at_ns, self._hash = commit.head, commit.committed_at_ns, commit.hash
        self._keys.add(commit.digests)
        return commit.outcomes, batches

    def _begin_commit(self) -> PendingCommit:
        # The clock may have been put back: a commit time is never before the one of the row before.
        return PendingCommit(self._head, max(time.time_ns(), self._committed_at_ns), self._hash)

    def _take_all_as_new(self, submissions: Sequence[Submission], digests: list[bytes]) -> PendingCommit | None:
        """The way of nearly every group: no request keys, and every event new. None where it may be otherwise."""
        if any(submission.request_key for submission in submissions) or not self._keys.are_new(digests):
            return None
        commit = self._begin_commit()
        commit.outcomes += [commit.add(submission.events) for submission in submissions]
        commit.digests = digests
        return commit

    def _answer_each(self, submissions: Sequence[Submission], digests: list[bytes]) -> PendingCommit:
        commit = self._begin_commit()
        for comparison in self._compare(submissions, digests):
            commit.outcomes.append(self._answer(comparison, commit))
        return commit

    def _compare(self, submissions: Sequence[Submission], digests: list[bytes]) -> list[Comparison]:
        """What the journal has of the submissions. Each row that is asked for is read once."""
        comparisons, begin = list[Comparison](), 0
        for submission in submissions:
            end = begin + len(submission.events)
            earlier = self._earlier_request(submission)
            comparisons.append(Comparison(submission, begin, digests[begin:end], earlier))
            begin = end
        sought = [comparison.seek_first_event() for comparison in comparisons if comparison.earlier]
        for index, sequence in self._keys.candidates(digests):
            comparison = comparisons[bisect_right(comparisons, index, key=_begin) - 1]
            sought += comparison.seek(index, sequence)
        self._known.read(sought)
        return comparisons

    def _earlier_request(self, submission: Submission) -> EarlierRequest | None:
        asked = submission.request_key
        return request_keys.find(self._connection, asked) if asked is not None else None

    def _answer(self, comparison: Comparison, commit: PendingCommit) -> Result:
        submission, digests, same = comparison.submission, comparison.digests, comparison.same
        asked = submission.request_key
        earlier = (comparison.earlier or commit.requests.get((asked.caller, asked.key))) if asked else None
        if earlier is not None and asked is not None and earlier.digest != asked.digest:
            return Conflict(())
        if comparison.damage and not submission.independent:
            return next(iter(comparison.damage.values()))
        if not comparison.is_whole:
            return Unfinished(msgspec.structs.replace(submission, compared=same))
        if earlier is not None:
            first = comparison.first_event or commit.event(earlier.receipt.first)
            return msgspec.structs.replace(earlier.receipt, first_event=first or self._stored(earlier.receipt.first))
        if submission.independent:
            return PerEvent(
                [
                    comparison.damage.get(index)
                    or commit.take([event], [digest], {0: same[index]} if index in same else {})
                    for index, (event, digest) in enumerate(zip(submission.events, digests, strict=True))
                ]
            )
        outcome = commit.take(submission.events, digests, same)
        if asked is not None and isinstance(outcome, Receipt):
            commit.note_request(asked, outcome)
        return outcome

    def _stored(self, sequence: int) -> bytes:
        return reader.read(self._connection, self.stream, sequence - 1, 1).events

    def _write(self, commit: PendingCommit) -> list[Batch]:
        if not commit.requests:
            return self._store(commit)
        self._connection.execute("BEGIN IMMEDIATE")
        batches = self._store(commit)
        request_keys.add(self._connection, commit.requests, commit.committed_at_ns)
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


def _begin(comparison: Comparison) -> int:
    return comparison.begin


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
