"""Journals of earlier versions: opened with everything they hold, whole whatever happens meanwhile."""

import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from telemetry_stream.chain import NO_HASH, extend
from telemetry_stream.events import Receipt, RequestKey, Submission
from telemetry_stream.stores.sqlite import upgrade
from telemetry_stream.stores.sqlite.compression import unpack
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from telemetry_stream.stores.sqlite.tables import LAYOUT, checksum
from tests.telemetry_stream.old_layouts import take_back
from tests.telemetry_stream.streams import all_events, numbered, submission

GOLDEN = Path(__file__).parents[1] / "golden" / "ef86417"
"""What version 0.2 made: a journal of layout 3, its events, a snapshot and the state that follows from both."""


def rows(folder: Path, columns: str) -> list[Any]:
    with closing(apsw.Connection(str(folder / JOURNAL_FILE), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
        return connection.execute(f"SELECT {columns} FROM batch ORDER BY first").fetchall()


def assert_chained(folder: Path) -> None:
    """Each row's hash and checksum, by the definition."""
    previous, before = NO_HASH, 0
    for committed_at_ns, digest, check, keys, events in rows(folder, "committed_at_ns, hash, checksum, keys, events"):
        previous = extend(previous, unpack(events))
        assert digest == previous
        assert check == checksum(committed_at_ns, keys)
        assert committed_at_ns >= before
        before = committed_at_ns


def test_a_journal_of_the_version_before_is_opened_with_all_it_holds(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "journal.sqlite3", tmp_path / JOURNAL_FILE)
    was = rows(tmp_path, "first, last, committed_at_ns, keys, events")
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as old:
        assert old.pragma("user_version") == 3
        stream, created_at_ns = old.execute("SELECT id, created_at_ns FROM stream").fetchall()[0]
    events = (GOLDEN / "events.json").read_bytes()[1:-2]
    for _ in range(2):
        with closing(Journal(tmp_path)) as journal:
            assert (journal.stream, journal.head()) == (stream, was[-1][1])
            again = Submission(submission("a").events, RequestKey("trades\x1frequest-1", b"digest-of-one...."))
            seventh = events[events.index(b'{"seq":7,') : events.index(b',{"seq":8,')]
            assert journal.append([again])[0] == [Receipt(7, 46, 0, 40, repeated=True, first_event=seventh)]
        with closing(JournalReader(tmp_path)) as reader:
            assert all_events(reader) == events
        assert rows(tmp_path, "first, last, committed_at_ns, keys, events") == was
        assert_chained(tmp_path)
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as connection:
        assert connection.pragma("user_version") == LAYOUT
        identity = connection.execute("SELECT id, ledger, created_at_ns, oldest, hash_before FROM stream").fetchall()
        assert identity == [(stream, stream, created_at_ns, 1, NO_HASH)]
        named = connection.execute("SELECT caller, key, first, committed_at_ns FROM request_key ORDER BY first")
        committed_at = {first: committed_at_ns for first, _, committed_at_ns, *_ in was}
        assert named.fetchall() == [
            ("", "trades\x1frequest-1", 7, committed_at[7]),
            ("", "trade\x1frequest-2", 47, committed_at[47]),
        ]
    assert check_journal(tmp_path / JOURNAL_FILE).problems == []


@pytest.mark.parametrize("layout", [2, 3, 4])
def test_a_journal_of_each_layout_goes_on(tmp_path: Path, layout: int) -> None:
    with closing(Journal(tmp_path)) as journal:
        batches = [
            batch for start in range(0, 2_500, 25) for batch in journal.append([numbered(range(start, start + 25))])[1]
        ]
        batches += journal.append([numbered(range(2_500, 5_000))])[1]
    take_back(tmp_path, layout)
    assert check_journal(tmp_path / JOURNAL_FILE).problems == []
    with closing(Journal(tmp_path)) as journal:
        assert journal.append([numbered(range(500))])[0] == [Receipt(1, 500, 0, 500)]
        batches += journal.append([submission("new")])[1]
        with closing(JournalReader(tmp_path)) as reader:
            assert all_events(reader) == b",".join(batch.events for batch in batches)
    assert_chained(tmp_path)
    assert check_journal(tmp_path / JOURNAL_FILE).problems == []


def test_commit_times_that_went_back_are_put_in_order(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        for name in "abcd":
            journal.append([submission(name)])
    take_back(tmp_path, 3)
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as old:
        old.executemany("UPDATE batch SET committed_at_ns = ? WHERE first = ?", [(5, 1), (9, 2), (3, 3), (10, 4)])
    Journal(tmp_path).close()
    assert rows(tmp_path, "committed_at_ns") == [(5,), (9,), (9,), (10,)]
    assert_chained(tmp_path)


def test_the_file_does_not_grow(tmp_path: Path) -> None:
    """Rows are moved in parts, and a part's pages are free for the next."""
    with closing(Journal(tmp_path)) as journal:
        for start in range(0, 12_000, 4):
            journal.append([numbered(range(start, start + 4))])
            journal.checkpoint_if_due()
    take_back(tmp_path, 3)
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as old:
        old.execute("VACUUM")
    before = (tmp_path / JOURNAL_FILE).stat().st_size
    Journal(tmp_path).close()
    assert (tmp_path / JOURNAL_FILE).stat().st_size < 1.5 * before


def test_without_room_for_it_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(GOLDEN / "journal.sqlite3", tmp_path / JOURNAL_FILE)
    monkeypatch.setattr(upgrade, "SPARE_BYTES", shutil.disk_usage(tmp_path).total)
    for _ in range(2):
        with pytest.raises(OSError, match=r"needs \d+ MiB of free space .* Make room and start again"):
            Journal(tmp_path)
        with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as old:
            assert old.pragma("user_version") == 3


UPGRADE_AND_DIE = """
import os, pathlib, signal, sys
from telemetry_stream.stores.sqlite import upgrade
from telemetry_stream.stores.sqlite.journal import Journal

folder, rows, extend = pathlib.Path(sys.argv[1]), int(sys.argv[2]), upgrade.extend

def extend_or_die(previous, events):
    global rows
    rows -= 1
    if rows < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return extend(previous, events)

upgrade.extend = extend_or_die
Journal(folder)
"""


def test_an_upgrade_that_is_killed_leaves_the_journal_whole(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        for start in range(0, 8_000, 2):
            journal.append([numbered(range(start, start + 2))])
            journal.checkpoint_if_due()
        with closing(JournalReader(tmp_path)) as reader:
            events = all_events(reader)
    take_back(tmp_path, 3)
    for row in (0, 1_500, 3_999):
        command = [sys.executable, "-c", UPGRADE_AND_DIE, str(tmp_path), str(row)]
        assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == -signal.SIGKILL
        with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as connection:
            assert connection.pragma("user_version") == 3
        assert check_journal(tmp_path / JOURNAL_FILE).problems == []
    Journal(tmp_path).close()
    with closing(JournalReader(tmp_path)) as reader:
        assert all_events(reader) == events
    assert_chained(tmp_path)
