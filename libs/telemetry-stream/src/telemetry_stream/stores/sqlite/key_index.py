"""Finds the sequences of event keys in the journal, in tables of hashes beside it that are made from it.

The journal keeps a digest of every event's key with the event's batch; the tables only make the digests quick to find.
They may lag behind the journal or be lost: they are brought up to date from the digests. So a commit writes nothing for
them.

A full table is kept, and another one begins, GROWTH times as large up to MAX_SLOTS. Each table adds a little to every
look-up: 0.06 µs a key among a thousand. The next table is made in a thread of its own before it is needed, since no
commit could run while the system fills its pages with zeros: 0.2 s on a busy disk.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import apsw
import numpy as np
import structlog
import xxhash

from telemetry_stream.errors import KeysMissing
from telemetry_stream.stores.sqlite import key_table
from telemetry_stream.stores.sqlite.key_table import KeyTable, Words
from telemetry_stream.stores.sqlite.tables import checksum

log = structlog.get_logger(__name__)

DIGEST_BYTES = 16
_FILE = re.compile(r"keys-\d+\.table(\.new)?")

FIRST_SLOTS = 1 << 20
GROWTH = 8
MAX_SLOTS = 1 << 23
"""64 MiB, which the system fills with zeros in 20 to 220 ms. 256 MiB took 0.5 s."""

AHEAD = 200_000
"""The next table is made once the last one has room for only this many keys: half a second at the highest rate."""

MAX_RECENT = 1_000
"""Maximum number of keys that wait in memory: adding a thousand to a table at once takes as long as adding fifty."""

PART_BYTES = 1 << 20
"""Bytes of digests read at a time while a table is made from the journal."""

MAX_VERIFIED = 100_000
"""Number of a table's last keys that are verified when it is opened: a file system loses what was written last."""

_AFTER = """
SELECT first, last, committed_at_ns, checksum, keys FROM batch
WHERE first >= ifnull((SELECT max(first) FROM batch WHERE first <= ?1), 0) AND first <= ?2 ORDER BY first
"""


def digest_keys(keys: Iterable[str], seed: int) -> list[bytes]:
    """The digest of each key, DIGEST_BYTES long (XXH3, 128 bits).

    The seed is secret, so that no client can construct two keys with the same digest.
    """
    return list(map(xxhash.xxh3_128_digest, map(str.encode, keys), itertools.repeat(seed)))


def words_of(digests: bytes) -> Words:
    """The half of each digest that decides its place in a table."""
    return np.frombuffer(digests, np.uint64)[::2]


def table_files(folder: Path) -> list[Path]:
    """The files of the tables in a folder, unfinished ones included."""
    return [file for file in folder.glob("keys-*") if _FILE.fullmatch(file.name)]


class KeyIndex:
    """The keys of one journal. Belongs to its writer, and to its thread."""

    def __init__(self, folder: Path, stream: str, connection: apsw.Connection, head: int) -> None:
        """Open the tables and bring them up to the journal, whose last sequence is `head`.

        Raises KeysMissing, OSError, apsw.Error.
        """
        self._folder = folder
        self._stream = stream
        self._connection = connection
        self._tables: list[KeyTable] = []
        self._next_table: Future[None] | None = None
        self._recent: dict[bytes, int] = {}
        self._reported: set[int] = set()
        try:
            self._open_tables()
            for digests in self._digests(self.last + 1, head):
                self._put(words_of(digests))
        except BaseException:
            self.close()
            raise

    @property
    def last(self) -> int:
        """The last sequence whose key is in the index; 0 before the first."""
        return self._last_in_tables + len(self._recent)

    @property
    def _last_in_tables(self) -> int:
        return self._tables[-1].last if self._tables else 0

    def are_new(self, digests: Sequence[bytes]) -> bool:
        """Whether these keys differ from each other and from all in the journal. True is certain, False almost."""
        words = words_of(b"".join(digests))
        if not _differ(digests, words) or (self._recent and not self._recent.keys().isdisjoint(digests)):
            return False
        return not any(table.may_hold_any(words) for table in self._tables)

    def candidates(self, digests: Sequence[bytes]) -> list[tuple[int, int]]:
        """The sequences of events that may have one of these keys, each with the key's index in `digests`.

        Every event that has one of the keys is among them. The journal's digests expose the others, 1 in 16 million.
        """
        recent = self._recent
        found = [(index, recent[digest]) for index, digest in enumerate(digests) if digest in recent] if recent else []
        words = words_of(b"".join(digests))
        for table in self._tables:
            found += table.all_candidates(words)
        return found

    def add(self, digests: Sequence[bytes]) -> None:
        """Add the keys of the sequences that follow, which are committed. Raises OSError, apsw.Error."""
        if len(self._recent) + len(digests) < MAX_RECENT:
            self._recent.update(zip(digests, itertools.count(self.last + 1), strict=False))
        else:
            recent = b"".join(self._recent)  # a dict keeps its order: these are consecutive sequences
            self._recent.clear()
            self._put(words_of(recent + b"".join(digests)))
            self._see_to_the_next_table()

    def _put(self, words: Words) -> None:
        while len(words):
            table = self._table_with_room()
            room = table.room
            table.put(words[:room])
            words = words[room:]

    def invalidate(self) -> None:
        """Rebuild the tables at the next start, since they may not match what the disk has."""
        for table in self._tables:
            with suppress(OSError):  # on the way to an exit for another error, which must be the one that is reported
                table.invalidate()

    def close(self) -> None:
        """Release the files. Idempotent."""
        if self._next_table is not None:
            wait((self._next_table,))
            self._next_table = None
        while self._tables:
            self._tables.pop().close()

    def _open_tables(self) -> None:
        """Open the tables that follow each other without a gap and agree with the journal; delete the others."""
        opened: dict[int, KeyTable] = {}
        for file in table_files(self._folder):
            if file.suffix == key_table.UNFINISHED:  # its process was killed
                file.unlink()
                continue
            try:
                table = KeyTable(file)
            except ValueError:
                file.unlink()
            else:
                opened[table.first] = table
        while (following := opened.get(self.last + 1)) is not None and self._agrees(following):
            self._tables.append(opened.pop(following.first))
        for table in opened.values():
            table.close()
            table.file.unlink()

    def _agrees(self, table: KeyTable) -> bool:
        """Whether a table can be trusted: the journal may have been restored since, or the file system have failed."""
        if not table.belongs_to(self._stream) or table.last < table.first or self._digest(table.last) is None:
            return False
        if not table.is_whole():
            log.warning("a table of keys is damaged, making it again", file=str(table.file))
            return False
        first = max(table.first, table.last - MAX_VERIFIED + 1)
        words = words_of(b"".join(self._digests(first, table.last)))
        return int(words[-1]) == table.last_word and table.holds_all(words, first)

    def _table_with_room(self) -> KeyTable:
        if not (self._tables and self._tables[-1].room):
            self._begin_table()
        return self._tables[-1]

    def _see_to_the_next_table(self) -> None:
        if self._next_table is None and self._tables[-1].room < AHEAD:
            maker = ThreadPoolExecutor(1, thread_name_prefix="key-table")
            self._next_table = maker.submit(self._make_table, *self._next_place())
            maker.shutdown(wait=False)  # its thread ends with the table: the next one is millions of trades away

    def _begin_table(self) -> None:
        first, slots = self._next_place()
        made, self._next_table = self._next_table, None
        if made is None or made.exception() is not None:  # try again: the disk may have room by now
            self._make_table(first, slots)
        self._tables.append(KeyTable(self._file_of(first)))

    def _next_place(self) -> tuple[int, int]:
        """The first sequence of the table after the last, and its slots."""
        if not self._tables:
            return 1, FIRST_SLOTS
        last = self._tables[-1]
        return last.last + last.room + 1, min(last.slots * GROWTH, MAX_SLOTS)

    def _make_table(self, first: int, slots: int) -> None:
        key_table.create(self._file_of(first), self._stream, slots, first)

    def _file_of(self, first: int) -> Path:
        return self._folder / f"keys-{first}.table"

    def _digests(self, first: int, last: int) -> Iterator[bytes]:
        """The digests of the keys of the events `first` to `last`, in order and in parts large enough to be quick."""
        parts, size, expected = [], 0, first
        for batch_first, batch_last, committed_at_ns, check, digests in self._connection.execute(_AFTER, (first, last)):
            if batch_last < first:
                continue
            if checksum(committed_at_ns, digests) != check:
                self._report(batch_first, batch_last)  # and continue: one damaged row must not prevent the start
            start, stop = max(batch_first, first), min(batch_last, last) + 1
            if start != expected or len(digests) != (batch_last - batch_first + 1) * DIGEST_BYTES:
                raise KeysMissing(f"keys are missing of events before {stop}: run `trading-app doctor`")
            parts.append(digests[(start - batch_first) * DIGEST_BYTES : (stop - batch_first) * DIGEST_BYTES])
            size += len(parts[-1])
            expected = stop
            if size >= PART_BYTES:
                yield b"".join(parts)
                parts, size = [], 0
        if size:
            yield b"".join(parts)
        if expected <= last:
            raise KeysMissing(f"keys are missing of events up to {last}: run `trading-app doctor`")

    def _report(self, first: int, last: int) -> None:
        """Log once that a row's digests are damaged: repetitions of its events may be accepted as new."""
        if first not in self._reported:
            self._reported.add(first)
            log.error(
                "key digests of the journal are damaged; repetitions of these trades may not be recognised",
                first=first,
                last=last,
                check="trading-app doctor",
            )

    def _digest(self, sequence: int) -> bytes | None:
        """The digest of one event's key; None if there is no such event."""
        row = self._connection.execute(
            "SELECT first, keys FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1", (sequence,)
        ).fetchone()
        first, digests = row or (1, b"")
        at = (sequence - first) * DIGEST_BYTES
        return digests[at : at + DIGEST_BYTES] or None


def _differ(digests: Sequence[bytes], words: Words) -> bool:
    """Whether all digests differ. For many, sorting their hashes takes a fifth of the time of a set."""
    if len(digests) < key_table.FEW:
        return len(set(digests)) == len(digests)
    ordered = np.sort(words)  # half of each digest: two that agree in it by chance only make the caller look closer
    return not (ordered[1:] == ordered[:-1]).any()
