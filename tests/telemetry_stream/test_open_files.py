"""A journal whose files are removed or replaced while it is open notices that, and saves what was accepted."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from telemetry_stream.errors import JournalReplaced
from telemetry_stream.events import Receipt
from telemetry_stream.stores.sqlite.backup import back_up
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import FILES, Journal
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from tests.telemetry_stream.streams import numbered


def remove(file: Path) -> None:
    file.unlink()


def replace_by_a_copy(file: Path) -> None:
    shutil.copyfile(file, file.with_name("copy"))
    file.with_name("copy").rename(file)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", [remove, replace_by_a_copy])
def test_what_was_accepted_is_saved_whichever_file_is_lost(
    tmp_path: Path, name: str, harm: Callable[[Path], None]
) -> None:
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(3))])
        journal.maintain()
        harm(tmp_path / name)
        journal.append([numbered([3])])  # until the next heartbeat nobody knows
        with pytest.raises(JournalReplaced, match=rf"{name} was removed or replaced"):
            journal.maintain()
    copies = list(tmp_path.glob("journal-rescued-*.sqlite3"))
    if name == JOURNAL_FILE:
        [copy] = copies
        report = check_journal(copy)
        assert (report.problems, report.head) == ([], 4)
    else:
        assert not copies
        with closing(Journal(tmp_path)) as journal:
            assert journal.append([numbered(range(4))])[0] == [Receipt(1, 4, 0, 4)]


def test_an_old_log_in_the_place_of_the_log_takes_nothing_back(tmp_path: Path) -> None:
    """A reader that is closed after the writer keeps SQLite from removing the log that stands there."""
    wal = tmp_path / f"{JOURNAL_FILE}-wal"
    with closing(Journal(tmp_path)) as journal:
        journal.append([numbered(range(3))])
        reader = JournalReader(tmp_path)
        assert reader.head() == 3
        replace_by_a_copy(wal)
        journal.append([numbered(range(3, 9))])
        with pytest.raises(JournalReplaced):
            journal.maintain()
    reader.close()
    with closing(Journal(tmp_path)) as journal:
        assert journal.append([numbered(range(9))])[0] == [Receipt(1, 9, 0, 9)]
    assert check_journal(tmp_path / JOURNAL_FILE).problems == []


def test_a_copy_put_back_by_hand_beside_the_log_of_a_killed_app_is_the_journal(tmp_path: Path) -> None:
    killed, copy = tmp_path / "killed", tmp_path / "copy.sqlite3"
    with closing(Journal(tmp_path / "data")) as journal:
        journal.append([numbered(range(900))])
        journal.checkpoint_if_due()
        back_up(tmp_path / "data", copy)
        journal.append([numbered(range(900, 999))])
        shutil.copytree(tmp_path / "data", killed)
    shutil.copyfile(copy, killed / JOURNAL_FILE)
    with closing(Journal(killed)) as journal:
        assert journal.head() == 900
        assert journal.append([numbered([950])])[0] == [Receipt(901, 901, 1, 0)]
    assert check_journal(killed / JOURNAL_FILE).problems == []
    [log] = killed.glob(f"{JOURNAL_FILE}-wal.replaced-*")
    assert log.stat().st_size


def test_the_log_of_a_killed_app_is_its_own(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "data")) as journal:
        journal.append([numbered(range(3))])
        shutil.copytree(tmp_path / "data", tmp_path / "killed")
    with closing(Journal(tmp_path / "killed")) as journal:
        assert journal.head() == 3


def test_a_folder_that_was_moved_is_noticed_and_keeps_everything(tmp_path: Path) -> None:
    folder, moved = tmp_path / "data", tmp_path / "moved"
    with closing(Journal(folder)) as journal:
        journal.append([numbered(range(3))])
        folder.rename(moved)
        with pytest.raises(JournalReplaced):
            journal.maintain()
    with closing(Journal(moved)) as journal:
        assert journal.head() == 3


def test_files_that_stay_are_never_reported(tmp_path: Path) -> None:
    with closing(Journal(tmp_path)) as journal:
        for begin in range(0, 3_000, 100):
            journal.append([numbered(range(begin, begin + 100))])
            journal.checkpoint_if_due()
            journal.maintain()
