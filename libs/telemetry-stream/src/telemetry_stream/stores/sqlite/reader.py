"""Reads the journal in short pages: a read that stays open would make the write-ahead log grow without bound."""

from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import apsw

from telemetry_stream.chain import NO_HASH, extend
from telemetry_stream.errors import DamagedHistory, MalformedFrame
from telemetry_stream.events import Batch, Commit, Labelled, Provenance
from telemetry_stream.log import PAGE_BYTES
from telemetry_stream.stores.sqlite import labels, origins
from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.lock_wait import locks_as_store_busy
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE, check_layout, open_to_read
from telemetry_stream.stores.sqlite.tables import LAYOUT, checksum
from telemetry_stream.wire import cut, find, split

# Begins with the row that holds the wanted sequence, or, where there is none, with the last one before it.
_FROM = """
SELECT first, last, committed_at_ns, hash, events FROM batch
WHERE first >= ifnull((SELECT max(first) FROM batch WHERE first <= ?), 0) ORDER BY first
"""
_ROW_OF = "SELECT first, last, committed_at_ns, hash FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1"
_HASH_BEFORE = """
SELECT ifnull((SELECT hash FROM batch WHERE first < ? ORDER BY first DESC LIMIT 1), hash_before) FROM stream
"""

_KEYED_FROM = """
SELECT first, last, committed_at_ns, checksum, keys, hash, events FROM batch
WHERE first >= (SELECT max(first) FROM batch WHERE first <= ?) ORDER BY first
"""

KeyedRow = tuple[int, bytes, list[bytes]]
"""The first sequence of a row, the digests of its events' keys, and its events one by one."""


class JournalReader:
    """Read access for one thread.

    Raises DamagedHistory if a row can't be read, StoreBusy if another program holds the lock for long, and apsw.Error
    if the journal can't be read.
    """

    def __init__(self, folder: Path) -> None:
        """Open the journal in `folder`. Raises apsw.Error, ForeignJournal where it has another layout than this one."""
        self._connection = open_to_read(folder)
        try:
            with locks_as_store_busy():
                check_layout(self._connection, folder / JOURNAL_FILE, oldest=LAYOUT)
                self.stream = stream_id(self._connection)
        except BaseException:
            self._connection.close(force=True)  # without force it may raise, and hide the error that is raised here
            raise

    @locks_as_store_busy()
    def head(self) -> int:
        """The last durable sequence, read now."""
        return head(self._connection)

    @locks_as_store_busy()
    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
        """The events after `after`: at most `limit`, and no further row once the page has `page_bytes`.

        Each row is verified against its hash.
        """
        return read(self._connection, self.stream, after, limit, page_bytes)

    @locks_as_store_busy()
    def last_committed_at_ns(self) -> int:
        """Unix time at which the last event was committed, in ns; 0 for an empty journal. Reads no event."""
        return self._connection.execute("SELECT committed_at_ns FROM batch ORDER BY first DESC LIMIT 1").get or 0

    @locks_as_store_busy()
    def oldest(self) -> int:
        """The oldest sequence that is kept; 1 if none was removed."""
        return oldest(self._connection)

    @locks_as_store_busy()
    def hash_at(self, sequence: int) -> str | None:
        """The history's hash at the last row end at or before a sequence; None past the head or before what is kept.

        At 0 it is the one that every history begins with.
        """
        if sequence == 0:
            return NO_HASH.hex()
        row = self._connection.execute(_ROW_OF, (sequence,)).fetchone()
        if row is None:
            return self._hash_before(1).hex() if sequence == self.oldest() - 1 else None
        first, last, _, digest = row
        if last < sequence:
            return None
        return digest.hex() if last == sequence else self._hash_before(first).hex()

    @locks_as_store_busy()
    def at(self, time_ns: int) -> int:
        """The last sequence committed at or before a time; the one before the oldest if none was."""
        # Bisection by the row's key: commit times never go back, so rows are in the order of both, and need no index.
        low, high = self.oldest() - 1, self.head()
        while low < high:
            row = self._connection.execute(_ROW_OF, ((low + high + 1) // 2,)).fetchone()
            if row is None:  # retention has just removed it, so it was committed before all that are left
                low = (low + high + 1) // 2
            elif row[2] <= time_ns:
                low = max(row[1], (low + high + 1) // 2)
            else:
                high = row[0] - 1
        return low

    @locks_as_store_busy()
    def provenance(self, sequence: int) -> Provenance | None:
        """Who submitted an event, by which way, and when it was committed; None for one that is not kept."""
        row = self._connection.execute(_ROW_OF, (sequence,)).fetchone()
        if row is None or row[1] < sequence:
            return None
        return Provenance(origins.find(self._connection, sequence), row[2])

    @locks_as_store_busy()
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
        return labels.find(self._connection, kind, id, target, after, limit)

    def _hash_before(self, first: int) -> bytes:
        return hash_before(self._connection, first)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def stream_id(connection: apsw.Connection) -> str:
    """The id minted when the journal was made."""
    return str(connection.execute("SELECT id FROM stream").get)


def head(connection: apsw.Connection) -> int:
    """The last sequence; 0 for an empty journal."""
    return connection.execute("SELECT last FROM batch ORDER BY first DESC LIMIT 1").get or 0


def oldest(connection: apsw.Connection) -> int:
    """The oldest sequence that is kept; 1 where none was removed."""
    return int(connection.execute("SELECT oldest FROM stream").get)


def last_row(connection: apsw.Connection) -> tuple[int, int, bytes]:
    """The last sequence, its commit time and the history's hash there; 0, 0 and the hash to begin with if empty."""
    row = connection.execute("SELECT last, committed_at_ns, hash FROM batch ORDER BY first DESC LIMIT 1").fetchone()
    return row or (0, 0, connection.execute("SELECT hash_before FROM stream").get)


def hash_before(connection: apsw.Connection, first: int) -> bytes:
    """The history's hash at the end of the row before the one that begins with this sequence."""
    digest: bytes = connection.execute(_HASH_BEFORE, (first,)).get
    return digest


def read(connection: apsw.Connection, stream: str, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
    """Events after a sequence, as JournalReader.read gives them, read over a connection at hand. The rows before a
    damaged one are read without it.
    """
    after = max(after, oldest(connection) - 1)  # what retention has removed can't be read
    parts: list[bytes] = []
    commits: list[Commit] = []
    last, size, published_at_ns = after, 0, 0
    previous = b""
    cursor = connection.execute(_FROM, (after + 1,))
    try:
        for row_first, row_last, committed_at_ns, digest, stored in cursor:
            previous = previous or hash_before(connection, row_first)
            events = _verified(row_first, stored, previous, digest)
            previous = digest
            commit = Commit(row_last, committed_at_ns, digest.hex())
            part = cut(Batch(stream, row_first, row_last, events, commits=(commit,)), last, after + limit)
            if part.count:
                parts.append(part.events)
                commits += part.commits
                last, size = part.last, size + len(part.events)
                published_at_ns = published_at_ns or committed_at_ns
            if last >= after + limit or size >= page_bytes:
                break
    except (apsw.CorruptError, MalformedFrame) as error:
        if not parts:
            raise _damage(connection, after + 1, error) from None
    finally:
        cursor.close(True)  # forced: the error that counts was raised above
    return Batch(stream, after + 1, last, b",".join(parts), published_at_ns, tuple(commits))


def keyed_rows(connection: apsw.Connection, sequence: int) -> Generator[KeyedRow, None, None]:
    """The row that holds this sequence and those after it; where none holds it, those after the last before it.

    A row is read when it is asked for; close the generator to end the read. Raises DamagedHistory where the next row
    can't be read, or its digests or events are not those that were written; apsw.Error.
    """
    following, previous = sequence, b""
    try:
        cursor = connection.execute(_KEYED_FROM, (sequence,))
        try:
            for first, last, committed_at_ns, check, digests, digest, stored in cursor:
                following = max(first, sequence)
                if checksum(committed_at_ns, digests) != check:
                    raise apsw.CorruptError("a stored batch is damaged: its key digests do not have its checksum")
                previous = previous or hash_before(connection, first)
                events = _verified(first, stored, previous, digest)
                yield first, digests, split(Batch("", first, last, events))
                following, previous = last + 1, digest
        finally:
            cursor.close(True)  # forced: the error that counts was raised above
    except apsw.CorruptError as error:
        raise _damage(connection, following, error) from None


def _verified(first: int, stored: bytes, previous: bytes, digest: bytes) -> bytes:
    events = unpack(stored)
    if find(events[:32], first) != 0:
        raise apsw.CorruptError("a stored batch is damaged: it does not begin with its first event")
    if extend(previous, events) != digest:
        raise apsw.CorruptError("a stored batch is damaged: its events do not have its hash")
    return events


def _damage(connection: apsw.Connection, sequence: int, error: Exception) -> DamagedHistory:
    """The error that names the row which holds the sequence."""
    row = None
    with suppress(apsw.CorruptError):  # the row's head may be damaged too
        row = connection.execute(
            "SELECT first, last FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1", (sequence,)
        ).fetchone()
    first, last = row if row is not None and row[1] >= sequence else (sequence, sequence)
    return DamagedHistory(first, last, str(error))
