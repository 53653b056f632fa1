"""Keeps the latest rows in memory, as published: reading them needs no disk."""

import threading
from bisect import bisect_right
from collections.abc import Iterable

from telemetry_stream.events import Batch
from telemetry_stream.log import PAGE_BYTES, StreamReader
from telemetry_stream.wire import cut

TAIL_BYTES = 2_097_152
"""Maximum bytes of the rows kept, ROW_BYTES each included: 11,000 trades. A reader that is further behind reads the
store, which takes a third of a microsecond a trade, instead of a tenth. Four times as many rows would not stay in the
CPU's caches: each commit then took 3 % longer.
"""

ROW_BYTES = 512
"""Bytes that Python takes for a row besides its events."""


class Tail:
    """A ring of rows, bounded in bytes. One thread adds, any thread reads."""

    def __init__(self, max_bytes: int = TAIL_BYTES) -> None:
        self.bytes = 0
        self._max_bytes = max_bytes
        self._rows: list[Batch] = []
        self._firsts: list[int] = []
        self._oldest = 0
        """Index of the oldest row that is kept. The entries before it are deleted when they are the larger half."""
        self._lock = threading.Lock()

    def add(self, rows: Iterable[Batch]) -> None:
        """Add committed rows, in order, and drop the oldest ones."""
        with self._lock:
            for row in rows:
                self._rows.append(row)
                self._firsts.append(row.first)
                self.bytes += len(row.events) + ROW_BYTES
            while self.bytes > self._max_bytes:
                self.bytes -= len(self._rows[self._oldest].events) + ROW_BYTES
                self._rows[self._oldest] = _FORGOTTEN
                self._oldest += 1
            # Rarely, since deleting at the front moves the whole list.
            if self._oldest > len(self._rows) // 2:
                del self._rows[: self._oldest], self._firsts[: self._oldest]
                self._oldest = 0

    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch | None:
        """Events after a sequence, as StreamReader.read gives them; None if the first of them is not kept here."""
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
    """A StreamReader that reads the tail, and the store for what is older."""

    def __init__(self, tail: Tail, store: StreamReader, *, keeps_all: bool) -> None:
        """`keeps_all` is false if the store removes old rows: then they are not read from the tail either."""
        self._keeps_all = keeps_all
        self._tail = tail
        self._store = store
        # Bound here, not wrapped: each would be a method that only calls the store's.
        self.stream = store.stream
        self.head = store.head
        self.last_committed_at_ns = store.last_committed_at_ns
        self.oldest = store.oldest
        self.hash_at = store.hash_at
        self.at = store.at
        self.labelled = store.labelled
        self.provenance = store.provenance
        self.close = store.close

    def read(self, after: int, limit: int, page_bytes: int = PAGE_BYTES) -> Batch:
        """The events that follow `after`, as StreamReader has it."""
        if not self._keeps_all:
            after = max(after, self.oldest() - 1)
        return self._tail.read(after, limit, page_bytes) or self._store.read(after, limit, page_bytes)
