"""Keys are found again whatever becomes of the tables that make it quick: lost, torn, of another journal, or behind."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_stream.sqlite import key_index, key_table
from telemetry_stream.sqlite.check import check_journal
from telemetry_stream.sqlite.journal import Journal
from telemetry_stream.sqlite.key_index import FILES
from telemetry_stream.sqlite.key_table import SEQUENCE_BITS, KeyTable
from telemetry_stream.sqlite.reader import JournalReader
from telemetry_stream.sqlite.schema import JOURNAL_FILE
from telemetry_stream.types import Conflict, Receipt
from tests.telemetry_stream.streams import all_events, numbered, submission


@pytest.fixture
def small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables so small that a few events make all that happens with many."""
    monkeypatch.setattr(key_index, "FIRST_SLOTS", 8)
    monkeypatch.setattr(key_index, "LARGEST_SLOTS", 32)
    monkeypatch.setattr(key_index, "MOST_RECENT", 5)


@pytest.fixture
def eager_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that no key waits for."""
    monkeypatch.setattr(key_index, "MOST_RECENT", 1)


def tables(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{FILES}*"))


def knows(journal: Journal, count: int) -> bool:
    """Whether it recognises its events, the first `count`, each by itself."""
    return all(journal.append([numbered([n])])[0] == [Receipt(n + 1, n + 1, 0, 1)] for n in range(count))


@pytest.mark.usefixtures("small_tables")
def test_keys_are_found_across_tables_that_grow_and_before_they_are_in_one(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        for n in range(300):
            assert journal.append([numbered([n])])[0] == [Receipt(n + 1, n + 1, 1, 0)]
        assert len(tables(tmp_path)) >= 2
        assert knows(journal, 300)
        assert journal.append([submission("event-7", says="that")])[0] == [Conflict((0,))]


@pytest.mark.usefixtures("small_tables")
def test_a_commit_larger_than_a_table_is_spread_over_several(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(500))])
        assert len(tables(tmp_path)) >= 2
        assert knows(journal, 500)


def lose(folder: Path) -> None:
    for file in tables(folder):
        file.unlink()


def tear(folder: Path) -> None:
    for file in tables(folder):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 - 3])


def empty(folder: Path) -> None:
    for file in tables(folder):
        file.write_bytes(b"")


def copy_from_elsewhere(folder: Path) -> None:
    for file in tables(folder):
        shutil.copyfile(file, f"{file}.copy")
        file.unlink()
        Path(f"{file}.copy").rename(file)


def take_another_journals(folder: Path) -> None:
    with TemporaryDirectory(dir=folder.parent) as other:
        with closing(Journal(Path(other))) as journal:
            journal.append([submission(*(f"other-{n}" for n in range(150)))])
        lose(folder)
        for file in tables(Path(other)):
            file.rename(folder / file.name)


def leave_one_unfinished(folder: Path) -> None:
    (folder / f"{FILES}7.table.new").write_bytes(b"half")


@pytest.mark.parametrize(
    "damage", [lose, tear, empty, copy_from_elsewhere, take_another_journals, leave_one_unfinished]
)
@pytest.mark.usefixtures("small_tables")
def test_tables_that_cannot_be_trusted_are_made_anew(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = tmp_path / "data"
    with closing(Journal(folder)) as journal:
        journal.append([numbered(range(150))])
    damage(folder)
    with closing(Journal(folder)) as journal:
        assert knows(journal, 150)
        assert journal.append([numbered([150])])[0] == [Receipt(151, 151, 1, 0)]
    assert all(file.suffix == ".table" for file in tables(folder))


@pytest.mark.usefixtures("eager_tables")
def test_tables_of_before_the_machine_started_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(50))])
    [file] = tables(tmp_path)
    with file.open("r+b") as opened:  # as a crash of the machine may leave it: counted, and not there
        opened.seek(4096)
        opened.write(bytes(file.stat().st_size - 4096))
    monkeypatch.setattr(key_table, "_BOOT", "another")
    with closing(Journal(tmp_path)) as journal:
        assert knows(journal, 50)


@pytest.mark.usefixtures("eager_tables")
def test_tables_ahead_of_a_journal_that_was_put_back_are_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with closing(Journal(folder)) as journal:
        journal.append([numbered(range(20))])
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns(f"{FILES}*"))
    with closing(Journal(folder)) as journal:
        journal.append([numbered(range(20, 60))])
    for file in folder.glob(f"{JOURNAL_FILE}*"):
        file.unlink()
    shutil.copytree(tmp_path / "copy", folder, dirs_exist_ok=True)
    with closing(Journal(folder)) as journal:
        assert journal.append([numbered(range(40, 60))])[0] == [Receipt(21, 40, 20, 0)]
        assert knows(journal, 20)


@pytest.mark.usefixtures("eager_tables")
def test_tables_behind_the_journal_catch_up(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(20))])
        shutil.copytree(tmp_path, tmp_path / "before")
        journal.append([numbered(range(20, 60))])
    [now] = tables(tmp_path)
    with now.open("r+b") as opened:  # in place: the file stays the same one
        opened.write((tmp_path / "before" / now.name).read_bytes())
    with closing(Journal(tmp_path)) as journal:
        assert knows(journal, 60)


def test_the_disk_is_asked_for_the_whole_table(tmp_path: Path) -> None:
    key_table.create(tmp_path / "table", "stream", 1 << 16, 1)
    there = (tmp_path / "table").stat()
    assert there.st_blocks * 512 >= there.st_size > 8 << 16


@pytest.mark.parametrize("few", [0, 10**9])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(
        st.integers(0, 2**64 - 1) | st.integers(0, 30).map(lambda low: low << SEQUENCE_BITS | 5), min_size=1
    ),
    strangers=st.lists(st.integers(0, 2**64 - 1), min_size=1),
)
def test_what_was_put_in_is_a_candidate_and_hardly_anything_else(
    few: int, monkeypatch: pytest.MonkeyPatch, words: list[int], strangers: list[int]
) -> None:
    monkeypatch.setattr(key_table, "FEW", few)
    with TemporaryDirectory() as folder:
        key_table.create(Path(folder) / "table", "stream", 512, 1)
        with closing(KeyTable(Path(folder) / "table")) as table:
            table.put(np.array(words, np.uint64))
            for sequence, word in enumerate(words, 1):
                assert sequence in table.candidates(word)
                assert table.may_hold_any(np.array([word], np.uint64))
            looks = {word >> SEQUENCE_BITS for word in words}
            for word in strangers:
                assert table.may_hold_any(np.array([word], np.uint64)) == bool(table.candidates(word))
                assert word >> SEQUENCE_BITS in looks or not table.candidates(word)
            assert table.may_hold_any(np.array([*strangers, words[0]], np.uint64))


LAYOUT_1 = """
CREATE TABLE stream (id TEXT NOT NULL, created_at_ns INTEGER NOT NULL) STRICT;
CREATE TABLE batch (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL CHECK (last >= first),
    committed_at_ns INTEGER NOT NULL,
    events BLOB NOT NULL
) STRICT;
CREATE TABLE event_key (key TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE request_key (
    key TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    events INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
PRAGMA application_id = 0x54525354;
PRAGMA user_version = 1;
"""


def test_a_journal_of_the_first_layout_is_brought_up(tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as old:
        old.execute(LAYOUT_1)
        old.execute("INSERT INTO stream VALUES ('the-stream', 1)")
        for first, last in ((1, 1), (2, 40), (41, 45)):
            events = b",".join(b'{"seq":%d,"id":"event-%d","says":"this"}' % (n, n - 1) for n in range(first, last + 1))
            old.execute("INSERT INTO batch VALUES (?, ?, 7, ?)", (first, last, events))
        old.executemany("INSERT INTO event_key VALUES (?, ?)", [(f"event-{n - 1}", n) for n in range(1, 46)])
    assert check_journal(tmp_path / JOURNAL_FILE).problems == []
    for _ in range(2):
        with closing(Journal(tmp_path)) as journal:
            assert (journal.stream, journal.head()) == ("the-stream", 45)
            assert knows(journal, 45)
    assert check_journal(tmp_path / JOURNAL_FILE).problems == []
    with closing(JournalReader(tmp_path)) as reader:
        assert reader.read(0, 1).published_at_ns == 7
        assert all_events(reader).count(b'"seq"') == 45
