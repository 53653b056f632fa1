"""Reads the journal in short pages: a read that stays open would make the write-ahead log grow without bound."""

from contextlib import suppress
from pathlib import Path

import apsw

from telemetry_stream.errors import DamagedHistory, MalformedFrame
from telemetry_stream.events import Batch
from telemetry_stream.log import PAGE_BYTES
from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.schema import open_to_read
from telemetry_stream.wire import cut, find, split

# Begins with the batch that holds the wanted sequence, or, where there is none, with the last one before it.
_FROM = """
SELECT first, last, events, committed_at_ns FROM batch
WHERE first >= ifnull((SELECT max(first) FROM batch WHERE first <= ?), 0) ORDER BY first
"""

_ROW = "SELECT first, last, keys, events FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1"


class JournalReader:
    """Read access for one thread.

    Raises DamagedHistory where a row can't be read, and apsw.Error where the journal can't.
    """

    def __init__(self, folder: Path) -> None:
        self._connection = open_to_read(folder)
        try:
            self.stream = stream_id(self._connection)
        except BaseException:
            self._connection.close(force=True)  # its own complaint would come after the one that counts
            raise

    def head(self) -> int:
        """The last durable sequence, read now."""
        return head(self._connection)

    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
        """The events that follow `after`: at most `limit`, and no further row once there are `page_bytes` of them."""
        return read(self._connection, self.stream, after, limit, page_bytes)

    def last_committed_at_ns(self) -> int:
        """When the last event was committed (Unix time); 0 for an empty journal. Reads no event."""
        return self._connection.execute("SELECT committed_at_ns FROM batch ORDER BY first DESC LIMIT 1").get or 0

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def stream_id(connection: apsw.Connection) -> str:
    """The id minted when the journal was made."""
    return str(connection.execute("SELECT id FROM stream").get)


def head(connection: apsw.Connection) -> int:
    """The last sequence; 0 for an empty journal."""
    return connection.execute("SELECT last FROM batch ORDER BY first DESC LIMIT 1").get or 0


def last_row(connection: apsw.Connection) -> tuple[int, int, bytes]:
    """The last sequence, its commit time and the history's hash there; 0, 0 and the hash to begin with if empty."""
    row = connection.execute("SELECT last, committed_at_ns, hash FROM batch ORDER BY first DESC LIMIT 1").fetchone()
    return row or (0, 0, connection.execute("SELECT hash_before FROM stream").get)


def read(connection: apsw.Connection, stream: str, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
    """The same as JournalReader.read, on a connection at hand. The rows before a damaged one are read without it."""
    parts: list[bytes] = []
    last, size, published_at_ns = after, 0, 0
    cursor = connection.execute(_FROM, (after + 1,))
    try:
        for row_first, row_last, stored, committed_at_ns in cursor:
            row = Batch(stream, row_first, row_last, _unpack(row_first, stored))
            part = cut(row, last, after + limit)
            if part.count:
                parts.append(part.events)
                last, size = part.last, size + len(part.events)
                published_at_ns = published_at_ns or committed_at_ns
            if last >= after + limit or size >= page_bytes:
                break
    except (apsw.CorruptError, MalformedFrame) as error:
        if not parts:
            raise _damage(connection, after + 1, error) from None
    finally:
        cursor.close(True)  # forced: the error that counts was raised above
    return Batch(stream, after + 1, last, b",".join(parts), published_at_ns)


def read_row(connection: apsw.Connection, sequence: int) -> tuple[int, bytes, list[bytes]]:
    """The row that holds this sequence: its first sequence, the digests of its keys, and its events one by one.

    There are no events where no row holds it. Raises DamagedHistory, apsw.Error.
    """
    try:
        first, last, digests, stored = connection.execute(_ROW, (sequence,)).fetchone() or (1, 0, b"", b"")
        return first, digests, split(Batch("", first, last, _unpack(first, stored))) if last >= sequence else []
    except apsw.CorruptError as error:
        raise _damage(connection, sequence, error) from None


def _unpack(first: int, stored: bytes) -> bytes:
    events = unpack(stored)
    if find(events[:32], first) != 0:
        raise apsw.CorruptError("a stored batch is damaged: it does not begin with its first event")
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
