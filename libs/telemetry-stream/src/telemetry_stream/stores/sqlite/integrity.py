"""Checks a journal: whether the database is sound, and whether it holds what a journal must hold."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from telemetry_stream.chain import extend
from telemetry_stream.errors import ForeignJournal
from telemetry_stream.events import Batch, Labelled, LabelOf
from telemetry_stream.log import JournalReport
from telemetry_stream.stores.sqlite import labels
from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.key_index import DIGEST_BYTES, digest_keys, words_of
from telemetry_stream.stores.sqlite.reader import head, stream_id
from telemetry_stream.stores.sqlite.schema import check_layout
from telemetry_stream.stores.sqlite.tables import HASHED, LISTED, checksum
from telemetry_stream.topics import KeyRules
from telemetry_stream.wire import split

BATCHES = 16
"""Batches read at a time: a read that stays open makes the write-ahead log of a running app grow."""

MAX_PROBLEMS = 10


def check_journal(file: Path, key_rules: KeyRules = (), label_of: LabelOf | None = None) -> JournalReport:
    """Check the journal, which another process may be writing. Changes nothing.

    Computes each row's hash and checksum again, with `key_rules` also the digests of the keys from the events, and with
    `label_of` their labels.

    SQLite's own check is one long read; the write-ahead log of a running app grows meanwhile, and shrinks afterwards.
    """
    report = JournalReport()
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(5_000)
        try:
            layout = check_layout(connection, file)
            report.problems += itertools.islice(
                _problems(connection, report, layout, key_rules, label_of), MAX_PROBLEMS
            )
        finally:
            connection.close()
    except (apsw.Error, ForeignJournal) as error:
        report.problems.append(str(error) or repr(error))
    return report


def _problems(
    connection: apsw.Connection, report: JournalReport, layout: int, key_rules: KeyRules, label_of: LabelOf | None
) -> Iterator[str]:
    for (said,) in connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})"):
        if said != "ok":
            yield f"the database is damaged: {said}"
    if connection.execute("SELECT count(*) FROM stream").get != 1:
        yield "the stream has no id, or more than one"
        return
    # The head is fixed here: a running app adds rows faster than some disks are read, and the check must end.
    report.stream, report.head = stream_id(connection), head(connection)
    if layout >= HASHED:
        report.ledger = str(connection.execute("SELECT ledger FROM stream").get)
    yield from _problems_of_batches(connection, report.head, _RowCheck(connection, layout, key_rules, label_of))
    if layout > 1 and not _has_ids(connection):  # the keys of layout 1 are rebuilt when the app opens it
        yield from _problems_of_keys(connection)
    if layout >= LISTED:
        yield from _problems_of_labels(connection, report.head)


def _has_ids(connection: apsw.Connection) -> bool:
    """Whether this journal recognises repetitions by ids: then its events have no keys."""
    return bool(connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'id_space'").get)


def _problems_of_batches(connection: apsw.Connection, until: int, check: "_RowCheck") -> Iterator[str]:
    """Check that sequences have no holes from the oldest on, and that each batch holds what was written."""
    expected = check.first
    while expected <= until:
        rows: list[tuple[Any, ...]] = connection.execute(check.query, (expected, BATCHES)).fetchall()
        if not rows:
            yield f"sequences {expected} to {until} are missing"
            return
        for first, last, *stored in rows:
            if first != expected:
                yield f"sequences {expected} to {first - 1} are missing"
            yield from check.problems(first, last, *stored)
            expected = last + 1  # continue behind a hole: the report names each one


class _RowCheck:
    """Compares each row with its hash, checksum and events, as far as the layout has them. Call it in order of rows."""

    def __init__(self, connection: apsw.Connection, layout: int, key_rules: KeyRules, label_of: LabelOf | None) -> None:
        self._connection = connection
        self._label_of = label_of if layout >= LISTED else None
        made_by = int(connection.execute("SELECT key_rule FROM stream").get) if layout >= LISTED else 1
        self._key_of = key_rules[made_by - 1] if made_by <= len(key_rules) else None
        self._hash = b""
        self._seed: int | None = None
        self._committed_at_ns = 0
        self.first = 1
        columns = "events"
        if layout > 1:
            self._seed = int(connection.execute("SELECT key_seed FROM stream").get)
            columns += ", keys"
        if layout >= HASHED:
            identity: list[tuple[Any, ...]] = connection.execute("SELECT oldest, hash_before FROM stream").fetchall()
            self.first, self._hash = identity[0]
            columns += ", committed_at_ns, hash, checksum"
        self.query = f"SELECT first, last, {columns} FROM batch WHERE first >= ? ORDER BY first LIMIT ?"

    def problems(self, first: int, last: int, stored: bytes, keys: bytes | None = None, *chained: Any) -> Iterator[str]:
        """Every problem of a row."""
        where = f"the batch of sequences {first} to {last}"
        events = _events(first, last, stored)
        if events is None:
            yield f"{where} does not hold them"
        elif keys is not None and not self._are_keys_of(events, keys):
            yield f"{where} has digests of other keys than its events"
        elif not self._are_labels_of(events, first, last):
            yield f"{where} has other labels than its events"
        if not chained:
            return
        committed_at_ns, digest, check = chained
        if events is not None and extend(self._hash, b",".join(events)) != digest:
            yield f"{where} does not hold the events that were committed: its hash is of others"
        if checksum(committed_at_ns, keys or b"") != check:
            yield f"{where} has another commit time or other digests than were committed"
        elif committed_at_ns < self._committed_at_ns:
            yield f"{where} was committed before the one before it"
        # The stored hash, not the computed one: else one damaged row would make all rows after it look damaged.
        self._hash, self._committed_at_ns = digest, committed_at_ns

    def _are_labels_of(self, events: Sequence[bytes], first: int, last: int) -> bool:
        if self._label_of is None:
            return True
        try:
            made = [self._label_of(event) for event in events]
        except ValueError:
            return False
        expected = [Labelled(sequence, label) for sequence, label in enumerate(made, first) if label is not None]
        return labels.find_between(self._connection, first, last) == expected

    def _are_keys_of(self, events: Sequence[bytes], keys: bytes) -> bool:
        if self._key_of is None or self._seed is None:
            return True
        try:
            made = [self._key_of(event) for event in events]
        except ValueError:
            return False
        expected = digest_keys([key or "" for key in made], self._seed)
        stored = [keys[at : at + DIGEST_BYTES] for at in range(0, len(keys), DIGEST_BYTES)]
        return len(stored) == len(made) and all(
            key is None or digest == found for key, digest, found in zip(made, expected, stored, strict=True)
        )


def _events(first: int, last: int, stored: bytes) -> list[bytes] | None:
    """The events of a batch, if the stored bytes can be read and hold these sequences."""
    try:
        found = split(Batch("", first, last, unpack(stored)))
    except apsw.CorruptError:
        return None
    starts = [b'{"seq":%d,' % sequence for sequence in range(first, last + 1)]
    return found if len(found) == len(starts) and all(map(bytes.startswith, found, starts)) else None


def _problems_of_labels(connection: apsw.Connection, until: int) -> Iterator[str]:
    """Each labelled event is there, and the one that it refers to came before it."""
    wrong = connection.execute(
        "SELECT count(*) FROM labelled WHERE sequence > ?1 OR sequence < (SELECT oldest FROM stream)"
        " OR target >= sequence OR target < 0",
        (until,),
    ).get
    if wrong:
        yield f"{wrong} labels are of events that are not there, or refer to later ones"


def _problems_of_keys(connection: apsw.Connection) -> Iterator[str]:
    """Check that each event has one key, that no key is there twice, and that stored answers name existing events."""
    uneven = connection.execute(
        "SELECT first, last FROM batch WHERE length(keys) <> (last - first + 1) * ? LIMIT ?",
        (DIGEST_BYTES, MAX_PROBLEMS),
    ).fetchall()
    for first, last in uneven:
        yield f"the batch of sequences {first} to {last} has not one key for each"
    twice = 0 if uneven else sum(count - 1 for count in _keys_seen_again(connection).values())
    if twice:
        yield f"{twice} events have a key that an event before them has"
    after = connection.execute(
        "SELECT count(*) FROM request_key WHERE last > (SELECT ifnull(max(last), 0) FROM batch)"
    ).get
    if after:
        yield f"{after} answers to repeated requests name events that are not there"


def _keys_seen_again(connection: apsw.Connection) -> Counter[bytes]:
    """How often each digest occurs that occurs more than once."""
    # Two passes: the first keeps 8 bytes an event in memory, half of its digest. Whole digests in a set take ten times
    # as much, some GB for a journal of many million events.
    halves = [words_of(digests) for digests in _stored_digests(connection)]
    words = np.sort(np.concatenate(halves)) if halves else np.empty(0, np.uint64)
    alike = set(words[1:][words[1:] == words[:-1]].tolist())
    seen: Counter[bytes] = Counter()
    if alike:
        for digests in _stored_digests(connection):
            each = [digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES)]
            seen.update(digest for digest, word in zip(each, words_of(digests).tolist(), strict=True) if word in alike)
    return Counter({digest: count for digest, count in seen.items() if count > 1})


def _stored_digests(connection: apsw.Connection) -> Iterator[bytes]:
    """The digests of the events' keys, read a thousand rows at a time."""
    last: Any = 0
    rows: list[tuple[Any, ...]]
    while rows := connection.execute(
        "SELECT last, keys FROM batch WHERE first > ? ORDER BY first LIMIT 1000", (last,)
    ).fetchall():
        last = rows[-1][0]
        yield b"".join([keys for _, keys in rows])
