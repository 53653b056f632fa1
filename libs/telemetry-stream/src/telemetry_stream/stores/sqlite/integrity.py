"""Looks a journal over: whether the database is sound, and whether it holds what a journal holds."""

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from telemetry_stream.errors import ForeignJournal
from telemetry_stream.events import Batch
from telemetry_stream.log import JournalReport
from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.key_index import DIGEST_BYTES, words_of
from telemetry_stream.stores.sqlite.reader import head, stream_id
from telemetry_stream.stores.sqlite.schema import check_layout
from telemetry_stream.wire import split

BATCHES = 16
"""So many stored batches are read at a time: a read that stays open makes the write-ahead log of a running app grow."""

MAX_PROBLEMS = 10


def check_journal(file: Path) -> JournalReport:
    """Look over the journal, which another process may be writing. Changes nothing.

    SQLite's own check reads it as a whole; the write-ahead log of a running app grows meanwhile, and shrinks again.
    """
    report = JournalReport()
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        connection.set_busy_timeout(5_000)
        try:
            layout = check_layout(connection, file)
            report.problems += itertools.islice(_problems(connection, report, layout), MAX_PROBLEMS)
        finally:
            connection.close()
    except (apsw.Error, ForeignJournal) as error:
        report.problems.append(str(error) or repr(error))
    return report


def _problems(connection: apsw.Connection, report: JournalReport, layout: int) -> Iterator[str]:
    for (said,) in connection.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})"):
        if said != "ok":
            yield f"the database is damaged: {said}"
    if connection.execute("SELECT count(*) FROM stream").get != 1:
        yield "the stream has no id, or more than one"
        return
    report.stream, report.head = stream_id(connection), head(connection)
    yield from _problems_of_batches(connection, report.head)
    if layout > 1:  # the keys of that one are made anew when the app opens it
        yield from _problems_of_keys(connection)


def _problems_of_batches(connection: apsw.Connection, until: int) -> Iterator[str]:
    """Sequences are from 1, without holes, and each batch holds the events it is said to."""
    expected = 1
    while expected <= until:
        rows: list[tuple[Any, ...]] = connection.execute(
            "SELECT first, last, events FROM batch WHERE first >= ? ORDER BY first LIMIT ?", (expected, BATCHES)
        ).fetchall()
        if not rows:
            yield f"sequences {expected} to {until} are missing"
            return
        for first, last, stored in rows:
            if first != expected:
                yield f"sequences {expected} to {first - 1} are missing"
            if not _holds(first, last, stored):
                yield f"the batch of sequences {first} to {last} does not hold them"
            expected = last + 1


def _holds(first: int, last: int, stored: bytes) -> bool:
    """Whether what is stored of a batch can be read, and is these events."""
    try:
        found = split(Batch("", first, last, unpack(stored)))
    except apsw.CorruptError:
        return False
    starts = [b'{"seq":%d,' % sequence for sequence in range(first, last + 1)]
    return len(found) == len(starts) and all(map(bytes.startswith, found, starts))


def _problems_of_keys(connection: apsw.Connection) -> Iterator[str]:
    """Each event has one key: by it a repetition is recognised. Answers that are given again are of events there."""
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
    """How often each digest stands there that does more than once. Half of each is held in memory, 8 bytes an event."""
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
    """The digests of the events' keys, in short reads."""
    last: Any = 0
    rows: list[tuple[Any, ...]]
    while rows := connection.execute(
        "SELECT last, keys FROM batch WHERE first > ? ORDER BY first LIMIT 1000", (last,)
    ).fetchall():
        last = rows[-1][0]
        yield b"".join([keys for _, keys in rows])
