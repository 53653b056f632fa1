"""Reads the journal in short pages: a read that stays open would make the write-ahead log grow without bound."""

from pathlib import Path

import apsw

from telemetry_stream.events import Batch
from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.schema import open_to_read
from telemetry_stream.wire import cut

PAGE_BYTES = 4 * 1024 * 1024

# Begins with the batch that holds the wanted sequence, or, where there is none, with the last one before it.
_FROM = """
SELECT first, last, events, committed_at_ns FROM batch
WHERE first >= ifnull((SELECT max(first) FROM batch WHERE first <= ?), 0) ORDER BY first
"""


class JournalReader:
    """Read access for one thread. Raises apsw.Error where the journal can't be read."""

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

    def read(self, after: int, limit: int) -> Batch:
        """The events that follow `after`: at most `limit`, and no further batch once there are PAGE_BYTES of them."""
        return read(self._connection, self.stream, after, limit)

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


def read(connection: apsw.Connection, stream: str, after: int, limit: int) -> Batch:
    """The same as JournalReader.read, on a connection at hand."""
    parts: list[bytes] = []
    last, size, published_at_ns = after, 0, 0
    cursor = connection.execute(_FROM, (after + 1,))
    for row_first, row_last, stored, committed_at_ns in cursor:
        try:
            events = unpack(stored)
        except apsw.CorruptError as error:
            raise apsw.CorruptError(f"sequences {row_first} to {row_last}: {error}") from None
        part = cut(Batch(stream, row_first, row_last, events), last, after + limit)
        if part.count:
            parts.append(part.events)
            last, size = part.last, size + len(part.events)
            published_at_ns = published_at_ns or committed_at_ns
        if last >= after + limit or size >= PAGE_BYTES:
            break
    cursor.close()
    return Batch(stream, after + 1, last, b",".join(parts), published_at_ns)
