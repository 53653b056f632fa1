"""Finds which events a journal has already, and whether they say the same, in whatever order they come.

To read and decompress a row costs a hundred times what a comparison does, so rows are read in the order of their
sequences, each once for all events that are sought in it. What one call reads is bounded. Where that does not suffice,
the next call goes on behind the last row read, and begins again after the highest, like a lift: an event that is sought
waits for one round at most, whatever else is sought meanwhile.
"""

from bisect import bisect_left
from collections.abc import Generator, Iterable, Sequence
from typing import NamedTuple

import apsw

from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import MAX_SHOWN, Compared, Receipt, Submission
from telemetry_stream.stores.sqlite import reader
from telemetry_stream.stores.sqlite.key_index import DIGEST_BYTES

READ_BYTES = 8 * 1024 * 1024
"""One call decompresses this many bytes of events, which takes about 40 ms, and at most one row more."""

ROW_BYTES = 4 * 1024
"""To find a row takes as long as to decompress this many bytes; they are added to those of its events."""

EVENT_BYTES = 4 * 1024
"""To compare one event takes as long as to decompress this many bytes."""

_NO_ROW: reader.KeyedRow = (1, b"", [])


class EarlierRequest(NamedTuple):
    """A request that was answered before under the same request key: the digest of its body, and its answer."""

    digest: bytes
    receipt: Receipt


class Comparison:
    """What the journal says about one submission."""

    def __init__(self, submission: Submission, digests: Sequence[bytes], earlier: EarlierRequest | None) -> None:
        """`digests` are those of its events' keys."""
        self.submission = submission
        self.digests = digests
        self.earlier = earlier

        self.first_event = b""
        """Of the earlier request."""

        before = submission.compared
        self.compared = Compared(before.sequences.copy(), before.stored.copy()) if before else Compared({}, {})

        self.damage: dict[int, DamagedHistory] = {}
        """By the index of an event that has to be compared with one that can't be read."""

        self.is_whole = True
        """False where the rows to read were too many for this call."""

    def open_places(self) -> "list[tuple[Comparison, int]]":
        """The indexes of the events of which nothing is known yet; of an earlier request's, none has to be known."""
        if self.earlier is not None:
            return []
        return [(self, place) for place in range(len(self.digests)) if place not in self.compared.sequences]

    def seek_first_event(self) -> "Sought":
        """The first event of the earlier request."""
        assert self.earlier is not None
        return Sought(self.earlier.receipt.first, b"", 0, self)

    def note(self, sought: "Sought", digest: bytes, stored: bytes) -> None:
        """An event that was sought: the digest of its key, and what is stored of it."""
        if not sought.digest:
            self.first_event = stored
        elif digest == sought.digest:
            same = self.submission.events[sought.place].repeats(stored)
            self.compared.sequences[sought.place] = sought.sequence if same else -sought.sequence
            if not same and len(self.compared.stored) < MAX_SHOWN:
                self.compared.stored[sought.place] = stored


class Sought(NamedTuple):
    """An event that may be in the journal at this sequence. Without a digest: whichever event is there."""

    sequence: int
    digest: bytes
    place: int
    """The event's index in the submission."""

    comparison: Comparison


class KnownEvents:
    """The events of one journal, as its writer compares others with them."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.rows_read = 0
        self._connection = connection
        self._first, self._digests, self._events = 1, b"", list[bytes]()
        self._damage: DamagedHistory | None = None
        self._rows: Generator[reader.KeyedRow, None, None] | None = None
        self._next = 0

    def read(self, sought: Iterable[Sought]) -> None:
        """Look for these, as far as READ_BYTES go; the comparisons of the others are not whole. Raises apsw.Error."""
        # By sequence, so that each row is read and decompressed once, in whatever order a file was sorted.
        ordered = sorted(sought, key=_sequence)
        begin = bisect_left(ordered, self._next, key=_sequence)
        left, self._next = READ_BYTES, 0
        ordered = [*ordered[begin:], *ordered[:begin]]
        try:
            for index, one in enumerate(ordered):
                if left <= 0:
                    self._next = one.sequence
                    for late in ordered[index:]:
                        late.comparison.is_whole = False
                    return
                if not self._has(one.sequence):
                    left -= self._read_row(one.sequence)
                if self._damage is not None:
                    one.comparison.damage[one.place] = self._damage
                elif self._has(one.sequence):
                    at = one.sequence - self._first
                    digest = self._digests[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
                    one.comparison.note(one, digest, self._events[at])
                    left -= EVENT_BYTES
        finally:
            self._stop_reading()

    def _has(self, sequence: int) -> bool:
        """Whether it is in the row that was read last. What is sent again in small requests is mostly in order."""
        return 0 <= sequence - self._first < len(self._events)

    def _read_row(self, sequence: int) -> int:
        """Read the row that holds it; gives the bytes that this counts for."""
        self.rows_read += 1
        follows = self._rows is not None and sequence == self._first + len(self._events)
        if not follows:
            self._stop_reading()
        rows = self._rows or reader.keyed_rows(self._connection, sequence)
        self._rows, self._damage = rows, None
        try:
            self._first, self._digests, self._events = next(rows, _NO_ROW)
        except DamagedHistory as damage:
            self._rows, self._damage, self._events = None, damage, []
        return ROW_BYTES + sum(map(len, self._events))

    def _stop_reading(self) -> None:
        """End the read, which would keep the write-ahead log from being reused."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None


def _sequence(sought: Sought) -> int:
    return sought.sequence
