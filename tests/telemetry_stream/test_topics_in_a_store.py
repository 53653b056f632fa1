"""What a topic asks of its store: recognising by a venue's ids, keeping for a while, and the seam before a commit."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import overload

import pytest

from telemetry_stream.backend import follow, open_log
from telemetry_stream.chain import NO_HASH
from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import (
    Batch,
    Conflict,
    ConsecutiveEvents,
    Event,
    PerEvent,
    Receipt,
    Series,
    Submission,
)
from telemetry_stream.id_spaces import IdSpace
from telemetry_stream.place import Place
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.stores.sqlite.retention import STEP_ROWS
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from telemetry_stream.stores.sqlite.store import SqliteStore
from telemetry_stream.topics import Deduplication, Retention, Topic
from telemetry_stream.transports.zeromq.transport import ZeroMqTransport
from telemetry_stream.wire import number, split
from tests.support.ports import free_address
from tests.telemetry_stream.streams import Applied, becomes, following, numbered, run

SMALL = Retention(max_age_seconds=10**9, max_bytes=200_000)
QUOTES = Topic("quotes", Deduplication.IDS)
KEPT_SHORTLY = Topic("quotes", Deduplication.IDS, SMALL)


def ticks(*ids: int, space: str = "binance/BTCUSDT") -> Submission:
    return Submission([Event(f"{space}#{number}", b'{"id":%d}' % number) for number in ids])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path, QUOTES)) as journal:
        yield journal


def ids_in(folder: Path) -> list[int]:
    with closing(JournalReader(folder)) as reader:
        events = split(reader.read(0, 10_000))
    return [int(event.rpartition(b":")[2][:-1]) for event in events]


def test_ids_are_stored_once_in_whatever_order_they_come(journal: Journal, tmp_path: Path) -> None:
    [first] = journal.append([ticks(5, 6, 9)])[0]
    assert first == Receipt(1, 3, 3, 0)
    known, mixed = journal.append([ticks(5, 9), ticks(6, 7, 10)])[0]
    assert known == Receipt(0, 0, 0, 2)
    assert mixed == Receipt(4, 5, 2, 1)
    assert ids_in(tmp_path) == [5, 6, 9, 7, 10]
    assert check_journal(tmp_path / JOURNAL_FILE).problems == []
    assert list(tmp_path.glob("keys-*")) == [], "no index of keys is made"


class Run(ConsecutiveEvents[Event]):
    """Ticks with consecutive ids, whose JSON is made at once."""

    def __init__(self, first: int, last: int, space: str = "binance/BTCUSDT") -> None:
        self.space, self.first_id = space, first
        self._events = ticks(*range(first, last + 1), space=space).events

    def __len__(self) -> int:
        return len(self._events)

    @overload
    def __getitem__(self, index: int) -> Event: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...

    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        return self._events[index]

    def numbered(self, first: int, start: int, stop: int) -> bytes:
        return b",".join(
            number(event.payload, sequence) for sequence, event in enumerate(self._events[start:stop], first)
        )


def test_runs_and_single_events_in_a_series_are_stored_once_in_order(journal: Journal, tmp_path: Path) -> None:
    parts: list[Sequence[Event]] = [Run(5, 1_800), ticks(1_801, 1_803).events, Run(1_804, 1_804), Run(1, 2, "other")]
    assert journal.append([Submission(Series(parts))])[0] == [Receipt(1, 1_801, 1_801, 0)]
    known, mixed = journal.append([Submission(Run(7, 9)), Submission(Series([Run(1_802, 1_806), ticks(3).events]))])[0]
    assert known == Receipt(0, 0, 0, 3)
    assert mixed == Receipt(1_802, 1_804, 3, 3), "of a run that is known in part the rest is taken"
    assert ids_in(tmp_path) == [*range(5, 1_802), 1_803, 1_804, 1, 2, 1_802, 1_805, 1_806]
    assert check_journal(tmp_path / JOURNAL_FILE).problems == []
    assert journal.id_spaces()["binance/BTCUSDT"] == IdSpace(1_806)


def test_a_series_with_a_key_that_has_no_id_is_a_conflict_as_a_whole(journal: Journal) -> None:
    odd = Submission(Series([Run(1, 3), [Event("b", b'{"id":2}')]]))
    assert journal.append([odd])[0] == [Conflict((3,))]
    assert journal.head() == 0


def test_spaces_are_apart_and_what_comes_before_the_first_id_counts_as_known(journal: Journal) -> None:
    other = ticks(5, space="binance/ETHUSDT")
    outcomes = journal.append([ticks(5), other, ticks(4)])[0]
    assert [outcome.accepted for outcome in outcomes if isinstance(outcome, Receipt)] == [1, 1, 0]


def test_a_key_without_an_id_is_a_conflict_and_nothing_of_it_is_taken(journal: Journal) -> None:
    odd = Submission([Event("a#1", b'{"id":1}'), Event("b", b'{"id":2}')])
    assert journal.append([odd])[0] == [Conflict((1,))]
    independent = Submission(odd.events, independent=True)
    assert journal.append([independent])[0] == [PerEvent([Receipt(1, 1, 1, 0), Conflict((0,))])]


@pytest.mark.parametrize("seed", range(3))
def test_after_any_restart_ids_are_still_known(tmp_path: Path, seed: int) -> None:
    chance, seen = random.Random(seed), list[int]()
    for _ in range(10):
        with closing(Journal(tmp_path, QUOTES)) as journal:
            for _ in range(5):
                wanted = [chance.randrange(1, 200) for _ in range(20)]
                journal.append([ticks(*wanted)])
        seen = ids_in(tmp_path)
        assert len(seen) == len(set(seen))
    first = seen[0]
    assert set(seen) >= {number for number in seen if number > first}


def padded(first: int) -> Submission:
    """Twenty events, of 200 bytes each that no compression shortens much."""
    chance = random.Random(first)
    return Submission(
        [
            Event(f"a#{number}", b'{"id":%d,"pad":"%b"}' % (number, chance.randbytes(90).hex().encode()))
            for number in range(first + 1, first + 21)
        ]
    )


def rows(journal: Journal, count: int) -> None:
    for _ in range(count):
        head = journal.head()
        journal.append([padded(head)])
        journal.maintain()


def test_the_oldest_rows_go_and_the_hash_before_them_stays(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, KEPT_SHORTLY)) as journal:
        rows(journal, 300)
        with closing(JournalReader(tmp_path)) as reader:
            oldest = reader.oldest()
            assert oldest > 1
            assert reader.head() == journal.head() == 6_000
            batch = reader.read(0, 20)
            assert (batch.first, batch.last) == (oldest, oldest + 19)
            assert reader.hash_at(oldest - 1) is not None
            assert reader.hash_at(oldest - 2) is None
            assert reader.hash_at(0) == NO_HASH.hex(), "a reader that starts over names it: forked, it would loop"
            assert reader.at(0) == oldest - 1
        assert check_journal(tmp_path / JOURNAL_FILE).problems == []
    with closing(Journal(tmp_path, KEPT_SHORTLY)) as journal:
        assert journal.head() == 6_000
        rows(journal, 1)


def test_only_a_topic_with_ids_removes_old_events() -> None:
    with pytest.raises(ValueError, match="only a topic with ids"):
        Topic("trades", retention=SMALL)


def test_the_last_row_stays_however_old(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, Topic("quotes", Deduplication.IDS, Retention(0, 0)))) as journal:
        rows(journal, 2 * STEP_ROWS)
        for _ in range(4):
            journal.maintain()
        with closing(JournalReader(tmp_path)) as reader:
            assert reader.oldest() == journal.head() - 19
            assert reader.read(0, 100).count == 20


def test_a_reader_that_is_behind_what_is_kept_starts_over_with_it(tmp_path: Path) -> None:
    place = Place(KEPT_SHORTLY, tmp_path / "stream", free_address(), free_address())

    async def test() -> None:
        with closing(open_log(place, lambda error: pytest.fail(repr(error)))) as log:
            log.append([padded(0)])
            reader = follow(place)
            async with following(reader) as applied:
                await becomes(lambda: applied.last == 20, meanwhile=log.heartbeat)
                position = reader.position
            for start in range(20, 6_000, 20):
                log.append([padded(start)])
                log.heartbeat()
            late = follow(place, position)
            async with following(late, Applied(may_begin_late=True)) as applied:
                await becomes(lambda: applied.last == 6_000, meanwhile=log.heartbeat)
                assert applied.resets == [log.stream]
                with closing(log.open_reader()) as kept:
                    assert applied.events == kept.read(0, 10_000).events

    run(test())


class Elsewhere:
    """Stands for a log on other machines, which takes each batch before it is committed here."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, int]] = []
        self.is_fenced = False

    def append(self, batches: Sequence[Batch]) -> None:
        if self.is_fenced:
            raise ConnectionError("another writer was in between")
        self.taken += [(batch.first, batch.last) for batch in batches]


def test_nothing_is_committed_or_published_that_a_log_elsewhere_did_not_take(tmp_path: Path) -> None:
    elsewhere = Elsewhere()
    place = Place(Topic("trades"), tmp_path, free_address(), free_address())
    log = DurableLog(place, SqliteStore(), ZeroMqTransport(), print, elsewhere.append)
    log.append([numbered(range(3))])
    log.append([numbered(range(2))])  # known ones are not appended there again
    log.append([numbered(range(3, 5))])
    assert elsewhere.taken == [(1, 3), (4, 5)]
    elsewhere.is_fenced = True
    with pytest.raises(ConnectionError):
        log.append([numbered(range(5, 9))])
    log.close()
    with closing(Journal(tmp_path)) as journal:
        assert journal.head() == 5


def test_the_known_ids_are_there_after_a_restart(tmp_path: Path) -> None:
    with closing(Journal(tmp_path, QUOTES)) as journal:
        assert journal.id_spaces() == {}
        journal.append([ticks(5, 6, 9)])
    with closing(Journal(tmp_path, QUOTES)) as journal:
        assert journal.id_spaces() == {"binance/BTCUSDT": IdSpace(9, [(7, 8)])}
