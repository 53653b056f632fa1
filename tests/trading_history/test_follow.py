"""The store follows a real stream, alone or behind another process that writes it, and is exact after any end."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path

import apsw
import pytest

from telemetry_stream import backend
from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import Event, StreamPosition, Submission
from telemetry_stream.place import Place
from tests.support.changed_bytes import change_rows
from tests.support.ports import free_address
from tests.telemetry_stream.streams import TRADES, becomes, run
from tests.trading_history.ledgers import Ledger, a_random_ledger, fold
from trading_history.digest import digest
from trading_history.errors import StoreDamaged
from trading_history.follow import bring_up_to_date, follow
from trading_history.reader import HistoryReader
from trading_history.schema import DATABASE, HISTORY_FILE
from trading_history.writer import HistoryWriter


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(TRADES, tmp_path / "data", free_address(), free_address())


@pytest.fixture
def log(place: Place) -> Iterator[DurableLog]:
    opened = backend.open_log(place, lambda error: pytest.fail(repr(error)))
    yield opened
    opened.close()


def append(log: DurableLog, ledger: Ledger, first: int = 1) -> StreamPosition:
    """Journal the ledger's events from `first` on, some at a time; gives the head."""
    for start in range(first, len(ledger.events) + 1, 7):
        numbers = range(start, min(start + 7, len(ledger.events) + 1))
        payloads = (b"{" + ledger.bytes_of(number).partition(b",")[2] for number in numbers)
        log.append(
            [Submission([Event(f"e{number}", payload) for number, payload in zip(numbers, payloads, strict=True)])]
        )
    return StreamPosition(log.stream, log.head())


def position_of(folder: Path) -> StreamPosition:
    reader = HistoryReader(folder)
    try:
        with reader.snapshot() as snapshot:
            return snapshot.position
    finally:
        reader.close()


@asynccontextmanager
async def written_by_another(place: Place) -> AsyncIterator[HistoryWriter]:
    """A task that follows the stream and writes the store, as trading-analytics does."""
    writer = HistoryWriter(place.folder)
    subscriber = backend.follow(place, writer.position)
    task = asyncio.create_task(follow(subscriber, writer))
    try:
        yield writer
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        subscriber.close()
        writer.close()


def _is_at(writer: HistoryWriter, sequence: int) -> bool:
    return writer.position.sequence == sequence


def test_it_is_brought_up_to_date_and_continues_where_it_was(tmp_path: Path, place: Place, log: DurableLog) -> None:
    ledger = a_random_ledger(1, 400)
    head = append(log, Ledger(ledger.events[:250]))
    run(bring_up_to_date(place, head))
    assert position_of(place.folder).sequence == 250
    head = append(log, ledger, 251)
    run(bring_up_to_date(place, head))
    fold(tmp_path / "expected", ledger)
    assert digest(place.folder) == digest(tmp_path / "expected")
    journal = backend.store_of().open_reader(place.folder)
    assert position_of(place.folder).hash == journal.hash_at(400)
    journal.close()


def test_what_another_process_writes_is_waited_for(tmp_path: Path, place: Place, log: DurableLog) -> None:
    ledger = a_random_ledger(2, 300)

    async def scenario() -> None:
        async with written_by_another(place):
            head = await asyncio.to_thread(append, log, ledger)
            await bring_up_to_date(place, head)

    run(scenario())
    fold(tmp_path / "expected", ledger)
    assert digest(place.folder) == digest(tmp_path / "expected")


def test_the_work_is_taken_over_when_the_other_process_ends(place: Place, log: DurableLog) -> None:
    code = (
        "import sys, time; from pathlib import Path; from trading_history.writer import HistoryWriter;"
        "writer = HistoryWriter(Path(sys.argv[1])); print('open', flush=True); time.sleep(600)"
    )
    head = append(log, a_random_ledger(3, 100))
    other = subprocess.Popen([sys.executable, "-c", code, str(place.folder)], stdout=subprocess.PIPE)

    async def scenario() -> None:
        assert other.stdout is not None
        assert await asyncio.to_thread(other.stdout.readline) == b"open\n"
        waiting = asyncio.create_task(bring_up_to_date(place, head))
        await asyncio.sleep(0)
        assert not waiting.done()
        other.kill()
        await waiting

    try:
        run(scenario())
    finally:
        other.kill()
        other.wait()
        assert other.stdout is not None
        other.stdout.close()
    assert position_of(place.folder).sequence == 100


def test_cancelled_it_leaves_the_store_to_others(place: Place, log: DurableLog) -> None:
    head = append(log, a_random_ledger(4, 100))

    async def scenario() -> None:
        for pause in (0.0, 0.0001, 0.001, 0.01):
            waiting = asyncio.create_task(bring_up_to_date(place, StreamPosition(log.stream, 10**9)))
            await asyncio.sleep(pause)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
            HistoryWriter(place.folder).close()  # raises StoreInUse if the lock were held
        await bring_up_to_date(place, head)

    run(scenario())


def test_another_journal_in_its_place_starts_the_store_over(tmp_path: Path, place: Place, log: DurableLog) -> None:
    run(bring_up_to_date(place, append(log, a_random_ledger(5, 100))))
    other = Place(TRADES, tmp_path / "other", free_address(), free_address())
    ledger = a_random_ledger(6, 120)
    second = backend.open_log(other, lambda error: pytest.fail(repr(error)))
    try:
        head = append(second, ledger)
        (tmp_path / "other" / "history.sqlite3").write_bytes((place.folder / "history.sqlite3").read_bytes())
        run(bring_up_to_date(other, head))
    finally:
        second.close()
    fold(tmp_path / "expected", ledger)
    assert digest(other.folder) == digest(tmp_path / "expected")


def test_damage_that_only_the_work_finds_leads_to_a_rebuild(tmp_path: Path, place: Place, log: DurableLog) -> None:
    ledger = a_random_ledger(7, 300)
    run(bring_up_to_date(place, append(log, Ledger(ledger.events[:200]))))
    file = place.folder / HISTORY_FILE
    with closing(apsw.Connection(str(file))) as connection:
        connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_TRUNCATE)
        page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'trades'").get
        size = connection.pragma("page_size")
    content = bytearray(file.read_bytes())
    content[(page - 1) * size : page * size] = b"\xa5" * size
    file.write_bytes(content)
    run(bring_up_to_date(place, append(log, ledger, 201)))
    fold(tmp_path / "expected", ledger)
    assert digest(place.folder) == digest(tmp_path / "expected")


def test_damage_that_only_a_reader_finds_leads_to_a_rebuild(tmp_path: Path, place: Place, log: DurableLog) -> None:
    ledger = a_random_ledger(7, 300)
    head = append(log, ledger)
    run(bring_up_to_date(place, head))
    change_rows(place.folder / HISTORY_FILE, "trades")
    run(bring_up_to_date(place, head))
    with pytest.raises(StoreDamaged):
        DATABASE.check(place.folder)
    run(bring_up_to_date(place, head))
    DATABASE.check(place.folder)
    fold(tmp_path / "expected", ledger)
    assert digest(place.folder) == digest(tmp_path / "expected")


def test_live_events_are_queryable_one_after_the_other(place: Place, log: DurableLog) -> None:
    async def scenario() -> None:
        async with written_by_another(place) as writer:
            ledger = Ledger()
            for number in range(1, 6):
                ledger.fill()
                await asyncio.to_thread(append, log, ledger, number)
                await becomes(partial(_is_at, writer, number))
                assert position_of(place.folder).sequence == number

    run(scenario())


class SlowWriter(HistoryWriter):
    """As one that writes figures of months again with each commit."""

    commits = 0

    def commit(self, position: StreamPosition) -> None:
        self.commits += 1
        time.sleep(0.2)
        super().commit(position)


def test_what_comes_while_a_commit_takes_long_is_in_the_next_one(
    place: Place, log: DurableLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each late trade would be waited for by all behind it."""
    monkeypatch.setattr("tests.trading_history.test_follow.HistoryWriter", SlowWriter)

    async def scenario() -> None:
        async with written_by_another(place) as writer:
            assert isinstance(writer, SlowWriter)
            ledger = Ledger()
            for number in range(1, 61):
                ledger.fill()
                await asyncio.to_thread(append, log, ledger, number)
            await becomes(partial(_is_at, writer, 60))
            assert 1 < writer.commits < 30
            assert position_of(place.folder).sequence == 60

    run(scenario())
