"""Keys are found again whatever becomes of the tables that make it quick: lost, torn, of another journal, or behind."""

import errno
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_stream.errors import KeysMissing
from telemetry_stream.events import Receipt
from telemetry_stream.stores.sqlite import key_index, key_table
from telemetry_stream.stores.sqlite.checkpoints import Checkpoints
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.key_index import digest_keys, table_files
from telemetry_stream.stores.sqlite.key_table import SEQUENCE_BITS, KeyTable
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from tests.support.changed_bytes import change_byte
from tests.support.examples import some_of
from tests.support.polling import eventually
from tests.telemetry_stream.streams import Conflicting, all_events, keys_of, numbered, submission


@pytest.fixture
def small_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables so small that a few events make all that happens with many."""
    monkeypatch.setattr(key_index, "FIRST_SLOTS", 8)
    monkeypatch.setattr(key_index, "MAX_SLOTS", 32)
    monkeypatch.setattr(key_index, "MAX_RECENT", 5)


@pytest.fixture
def eager_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that no key waits for."""
    monkeypatch.setattr(key_index, "MAX_RECENT", 1)


def tables(folder: Path) -> list[Path]:
    return sorted(table_files(folder))


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
        assert journal.append([submission("event-7", says="that")])[0] == [Conflicting({0: 8})]


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


def leave_half_made(folder: Path) -> None:
    for file in tables(folder):
        file.write_bytes(bytes(file.stat().st_size))


def lose_slots(folder: Path) -> None:
    """As a file system does that fails and is mounted again: the header is there, what was written last is not."""
    for file in tables(folder):
        with file.open("r+b") as opened:
            opened.seek(4096)
            opened.write(bytes((file.stat().st_size - 4096) // 2))


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
    (folder / "keys-7.table.new").write_bytes(b"half")


@pytest.mark.parametrize(
    "damage",
    [
        lose,
        tear,
        empty,
        leave_half_made,
        lose_slots,
        copy_from_elsewhere,
        take_another_journals,
        leave_one_unfinished,
    ],
)
@pytest.mark.usefixtures("small_tables")
def test_tables_that_cannot_be_trusted_are_rebuilt(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    folder = tmp_path / "data"
    with closing(Journal(folder)) as journal:
        journal.append([numbered(range(150))])
    damage(folder)
    with closing(Journal(folder)) as journal:
        assert knows(journal, 150)
        assert journal.append([numbered([150])])[0] == [Receipt(151, 151, 1, 0)]
    assert all(file.suffix == ".table" for file in tables(folder))


@pytest.mark.usefixtures("small_tables")
def test_a_slot_that_the_disk_has_changed_loses_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of old keys too, which no start looks up."""
    monkeypatch.setattr(key_index, "MAX_VERIFIED", 1)
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(60))])
    changed = 0
    for file, slots in [(file, np.frombuffer(file.read_bytes()[4096:], np.uint64)) for file in tables(tmp_path)]:
        for slot in slots.nonzero()[0].tolist():
            change_byte(file, 4096 + 8 * slot + slot % 8)
            with closing(Journal(tmp_path)) as journal:
                assert journal.append([numbered(range(60))])[0] == [Receipt(1, 60, 0, 60)]
            changed += 1
    assert changed > 40


@pytest.mark.usefixtures("eager_tables")
def test_tables_of_before_the_machine_started_are_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_tables_ahead_of_a_journal_that_was_put_back_are_rebuilt(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with closing(Journal(folder)) as journal:
        journal.append([numbered(range(20))])
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("keys-*"))
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


def test_a_table_that_has_no_room_is_named_with_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _offset: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"no space left for keys-1\.table, which takes 8 MiB"):
        key_table.create(tmp_path / "keys-1.table", "stream", 1 << 20, 1)
    assert not list(tmp_path.iterdir())


def test_the_disk_is_asked_for_the_whole_table(tmp_path: Path) -> None:
    key_table.create(tmp_path / "table", "stream", 1 << 16, 1)
    there = (tmp_path / "table").stat()
    assert there.st_blocks * 512 >= there.st_size > 8 << 16


@pytest.mark.parametrize("few", [0, 10**9])
@settings(max_examples=some_of(100), suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@pytest.mark.parametrize("count", [1, 2, 79, 80, 1_000])
@pytest.mark.parametrize("known", [0, 3, 2_000], ids=["of none", "of those that wait", "of those in a table"])
def test_keys_are_new_unless_one_is_there_or_twice_among_them(tmp_path: Path, known: int, count: int) -> None:
    with closing(Journal(tmp_path)) as journal:
        if known:
            journal.append([numbered(range(known))])
        digests = digest_keys([f"new-{index}" for index in range(count)], keys_of(journal)._key_seed)
        index = keys_of(journal)._keys
        assert index.are_new(digests)
        assert count == 1 or not index.are_new([*digests[:-1], digests[0]])
        if known:
            there = digest_keys([f"event-{known - 1}"], keys_of(journal)._key_seed)
            assert not index.are_new([*digests[:-1], *there])


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name in ("keys-zmq.secret", "keys-1.table.mine", "keys-x.table"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "keys-folder").mkdir()
    for _ in range(2):
        with closing(Journal(tmp_path)) as journal:
            journal.append([numbered([journal.head()])])
    assert {file.name for file in tmp_path.glob("keys-*")} >= {"keys-zmq.secret", "keys-1.table.mine", "keys-x.table"}


def test_a_table_that_was_copied_is_made_again(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(2_000))])
    [table] = tables(tmp_path)
    copy = Path(shutil.copy(table, tmp_path / "copy"))
    copy.replace(table)
    with table.open() as copied, closing(Journal(tmp_path)) as journal:
        assert table.stat().st_ino != os.fstat(copied.fileno()).st_ino, "it is another file"
        assert journal.append([numbered([1_999])])[0] == [Receipt(2_000, 2_000, 0, 1)]


def test_tables_are_not_believed_after_a_commit_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(2_000))])
        assert tables(tmp_path)
        monkeypatch.setattr(Journal, "_store", lambda *_: (_ for _ in ()).throw(OSError("the disk is on fire")))
        with pytest.raises(OSError, match="on fire"):
            journal.append([submission("more")])
    assert not tables(tmp_path)


@pytest.mark.parametrize(
    "change", ["UPDATE batch SET keys = x'' WHERE first = 41", "DELETE FROM batch WHERE first = 2"]
)
def test_a_journal_that_lacks_keys_is_not_opened(tmp_path: Path, change: str) -> None:
    with closing(Journal(tmp_path)) as journal:
        for first, last in ((1, 1), (2, 40), (41, 45), (46, 50)):
            journal.append([numbered(range(first - 1, last))])
    lose(tmp_path)
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as connection:
        connection.execute(change)
    for _ in range(2):  # a refusal holds no lock
        with pytest.raises(KeysMissing, match="doctor"):
            Journal(tmp_path)


def test_doctor_finds_keys_that_are_there_twice(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        for n in range(30):
            journal.append([numbered([n])])
    assert check_journal(tmp_path / JOURNAL_FILE).problems == []
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as connection:
        connection.execute("UPDATE batch SET keys = (SELECT keys FROM batch WHERE first = 3) WHERE first IN (7, 9)")
    problems = check_journal(tmp_path / JOURNAL_FILE).problems
    assert problems[-1] == "2 events have a key that an event before them has"
    assert len(problems) == 3, "each of the two rows has other digests than were committed, too"


@pytest.fixture
def tables_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first table for 25 keys, the next made when there is room for ten, and no key that waits."""
    monkeypatch.setattr(key_index, "FIRST_SLOTS", 64)
    monkeypatch.setattr(key_index, "AHEAD", 10)
    monkeypatch.setattr(key_index, "MAX_RECENT", 1)


@pytest.mark.usefixtures("tables_ahead")
def test_the_next_table_is_made_before_the_last_is_full(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(15))])
        assert [file.name for file in tables(tmp_path)] == ["keys-1.table"]
        journal.append([numbered(range(15, 16))])
        eventually((tmp_path / "keys-26.table").exists, what="the next table")
        eventually(
            lambda: not any(thread.name.startswith("key-table") for thread in threading.enumerate()),
            what="the end of the thread that made it",
        )
        assert knows(journal, 16)
        journal.append([numbered(range(16, 40))])
        assert knows(journal, 40)
    assert [file.name for file in tables(tmp_path)] == ["keys-1.table", "keys-26.table"]
    with closing(Journal(tmp_path)) as journal:
        assert knows(journal, 40)


@pytest.mark.usefixtures("tables_ahead")
def test_a_table_that_was_made_ahead_and_not_begun_is_made_anew(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(20))])
    assert [file.name for file in tables(tmp_path)] == ["keys-1.table", "keys-26.table"]
    with closing(Journal(tmp_path)) as journal:
        assert [file.name for file in tables(tmp_path)] == ["keys-1.table"]
        journal.append([numbered(range(20, 60))])
        assert knows(journal, 60)


@pytest.mark.usefixtures("tables_ahead")
def test_a_next_table_that_could_not_be_made_fails_the_commit_that_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(5))])
        monkeypatch.setattr(key_table, "create", failing_create)
        journal.append([numbered(range(5, 25))])
        with pytest.raises(OSError, match="no space"):
            journal.append([numbered(range(25, 26))])
    monkeypatch.undo()
    with closing(Journal(tmp_path)) as journal:  # it was committed before its key was put in
        assert knows(journal, 26)


@pytest.mark.usefixtures("tables_ahead")
def test_a_next_table_that_could_not_be_made_ahead_is_made_when_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(5))])
        with monkeypatch.context() as full:
            full.setattr(key_table, "_reserve", failing_create)
            journal.append([numbered(range(5, 20))])
            made_ahead = keys_of(journal)._keys._next_table
            assert made_ahead is not None
            assert made_ahead.exception() is not None
        assert [file.name for file in tables(tmp_path)] == ["keys-1.table"], "what could be had of it takes no room"
        journal.append([numbered(range(20, 40))])
        assert knows(journal, 40)


def failing_create(*_arguments: object) -> None:
    raise OSError("no space")


@pytest.mark.usefixtures("eager_tables")
def test_after_a_failed_checkpoint_no_table_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing_checkpoint(_self: Checkpoints) -> None:
        raise apsw.IOError("the disk is on fire")

    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(5))])
        assert tables(tmp_path)
        monkeypatch.setattr(Checkpoints, "checkpoint_if_due", failing_checkpoint)
        with pytest.raises(apsw.IOError):
            journal.checkpoint_if_due()
    assert tables(tmp_path) == []
    with closing(Journal(tmp_path)) as journal:
        assert knows(journal, 5)


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


def test_a_journal_of_the_first_layout_that_lacks_a_key_is_left_as_it_is(tmp_path: Path) -> None:
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as old:
        old.execute(LAYOUT_1)
        old.execute("INSERT INTO stream VALUES ('the-stream', 1)")
        old.execute("INSERT INTO batch VALUES (1, 2, 7, ?)", (b'{"seq":1,"id":"a"},{"seq":2,"id":"b"}',))
        old.execute("INSERT INTO event_key VALUES ('a', 1)")
    with pytest.raises(KeysMissing, match="backup"):
        Journal(tmp_path)
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as old:
        assert old.pragma("user_version") == 1
        assert old.execute("SELECT key FROM event_key").get == "a"


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
