"""The last rows in memory, as they were published: what is read just after it was committed needs no disk."""

import threading
from bisect import bisect_right
from collections.abc import Iterable

from telemetry_stream.events import Batch
from telemetry_stream.log import PAGE_BYTES, StreamReader
from telemetry_stream.wire import cut

TAIL_BYTES = 16_777_216
"""Of rows that are kept, what Python takes for each included."""

ROW_BYTES = 512
"""What a row takes beside its events."""


class Tail:
    """A ring of rows, bounded in bytes. One thread adds, any thread reads."""

    def __init__(self, max_bytes: int = TAIL_BYTES) -> None:
        self.bytes = 0
        self._max_bytes = max_bytes
        self._rows: list[Batch] = []
        self._firsts: list[int] = []
        self._oldest = 0
        """Index of the oldest row that is kept; those before it are taken out many at a time."""
        self._lock = threading.Lock()

    def add(self, rows: Iterable[Batch]) -> None:
        """Keep what was committed, in order, and forget the oldest."""
        with self._lock:
            for row in rows:
                self._rows.append(row)
                self._firsts.append(row.first)
                self.bytes += len(row.events) + ROW_BYTES
            while self.bytes > self._max_bytes:
                self.bytes -= len(self._rows[self._oldest].events) + ROW_BYTES
                self._rows[self._oldest] = _FORGOTTEN
                self._oldest += 1
            if self._oldest > len(self._rows) // 2:
                del self._rows[: self._oldest], self._firsts[: self._oldest]
                self._oldest = 0

    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch | None:
        """The same as a StreamReader's; None where the first event wanted is not kept here."""
        parts: list[Batch] = []
        size = 0
        with self._lock:
            index = bisect_right(self._firsts, after + 1, self._oldest) - 1
            if index < self._oldest or self._rows[index].last <= after:
                return None
            while index < len(self._rows) and size < page_bytes and self._rows[index].first <= after + limit:
                parts.append(cut(self._rows[index], after, after + limit))
                size += len(parts[-1].events)
                index += 1
        if len(parts) == 1:
            return parts[0]
        first, last = parts[0], parts[-1]
        commits = tuple([commit for part in parts for commit in part.commits])
        events = b",".join([part.events for part in parts])
        return Batch(first.stream, first.first, last.last, events, first.published_at_ns, commits)


_FORGOTTEN = Batch("", 1, 0, b"")


class TailReader:
    """A StreamReader that asks the tail before the store."""

    def __init__(self, tail: Tail, store: StreamReader, *, keeps_all: bool = True) -> None:
        """`keeps_all` is false where the store removes old rows: those are not read from the tail either."""
        self._keeps_all = keeps_all
        self._tail = tail
        self._store = store
        self.stream = store.stream
        self.head = store.head
        self.last_committed_at_ns = store.last_committed_at_ns
        self.oldest = store.oldest
        self.hash_at = store.hash_at
        self.at = store.at
        self.labelled = store.labelled
        self.close = store.close

    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
        """The events that follow `after`, as StreamReader has it."""
        if not self._keeps_all:
            after = max(after, self.oldest() - 1)
        return self._tail.read(after, limit, page_bytes) or self._store.read(after, limit, page_bytes)
