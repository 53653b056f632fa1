"""A lock of another program is waited for, for a while; then nothing was written, and the journal is used on."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from telemetry_stream.errors import StoreBusy
from telemetry_stream.events import Receipt, RequestKey, Submission
from telemetry_stream.stores.sqlite import checkpoints, lock_wait, schema
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from telemetry_stream.topics import Deduplication, Topic
from tests.support.polling import PATIENCE_SECONDS, eventually
from tests.telemetry_stream.streams import numbered, submission


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal(tmp_path)) as journal:
        journal.append([submission("first")])
        yield journal


@pytest.fixture
def other(journal: Journal, tmp_path: Path) -> Iterator[apsw.Connection]:
    """Another program's connection."""
    assert journal.head() == 1
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as connection:
        yield connection


WITH_KEY = Submission(submission("asked").events, RequestKey("request", b"digest"))


@pytest.mark.parametrize("submitted", [submission("second"), WITH_KEY])
def test_a_short_lock_is_waited_for(
    journal: Journal, other: apsw.Connection, submitted: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_wait, "MAX_WAIT_SECONDS", PATIENCE_SECONDS)
    other.execute("BEGIN IMMEDIATE")

    def release() -> None:
        eventually(lambda: journal.counters.lock_waits)
        other.execute("COMMIT")

    releasing = threading.Thread(target=release)
    releasing.start()
    assert journal.append([submitted])[0] == [Receipt(2, 2, 1, 0)]
    releasing.join()
    assert journal.counters.lock_waits == 1
    assert journal.counters.lock_wait_seconds > 0


@pytest.mark.parametrize("submitted", [submission("second"), WITH_KEY])
def test_a_long_lock_is_store_busy_and_the_journal_is_used_on(
    journal: Journal, other: apsw.Connection, submitted: Submission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_wait, "MAX_WAIT_SECONDS", 0.02)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        with pytest.raises(StoreBusy, match="another program"):
            journal.append([submitted])
        assert journal.head() == 1
        assert journal.append([submission("first")])[0] == [Receipt(1, 1, 0, 1)], "what is known needs no lock"
    other.execute("COMMIT")
    assert journal.append([submitted])[0] == [Receipt(2, 2, 1, 0)]
    journal.close()


def test_at_the_end_nobody_is_waited_for(
    journal: Journal, other: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_wait, "MAX_WAIT_SECONDS", 1e6)
    other.execute("BEGIN IMMEDIATE")

    def end() -> None:
        eventually(lambda: journal.counters.lock_waits)
        journal.stop_waiting()

    ending = threading.Thread(target=end)
    ending.start()
    with pytest.raises(StoreBusy):
        journal.append([submission("second")])
    ending.join()
    with pytest.raises(StoreBusy):
        journal.append([submission("second")])


def test_a_checkpoint_of_another_program_puts_off_ours(
    journal: Journal, other: apsw.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINT_PAGES", 1)
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as reading:
        reading.execute("BEGIN")
        assert reading.execute("SELECT count(*) FROM batch").get == 1
        journal.append([submission("second")])

        def while_it_waits(_attempt: int) -> bool:
            journal.checkpoint_if_due()
            return False

        assert other.execute("SELECT count(*) FROM batch").get == 2
        other.set_busy_handler(while_it_waits)
        with pytest.raises(apsw.BusyError):  # it has the lock of checkpoints, and waits for the reader
            other.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_RESTART)
    assert journal.counters.busy_checkpoints >= 1
    before = (tmp_path / JOURNAL_FILE).stat().st_mtime_ns
    journal.checkpoint_if_due()
    assert (tmp_path / JOURNAL_FILE).stat().st_mtime_ns > before, "it is made without another commit"
    assert journal.append([numbered(range(3))])[0] == [Receipt(3, 5, 3, 0)]


def test_a_start_says_that_another_program_holds_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "OPEN_WAIT_MS", 1)
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusy, match="another program"):
            Journal(tmp_path)
    Journal(tmp_path).close()


def test_ids_that_a_lock_kept_from_their_commit_are_taken_by_the_next_try(tmp_path: Path) -> None:
    topic = Topic("quotes", Deduplication.IDS)
    with closing(Journal(tmp_path, topic)) as journal, closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as other:
        journal.append([submission("space#1", "space#5")])
        journal.stop_waiting()
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy):
            journal.append([submission("space#3", "space#6")])
        other.execute("COMMIT")
        assert journal.append([submission("space#3", "space#6")])[0] == [Receipt(3, 4, 2, 0)]
