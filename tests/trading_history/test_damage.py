"""Bytes of the history's file that the disk has changed: never another figure, and a store that is made again."""

import random
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import apsw
import pytest

from telemetry_stream.events import StreamPosition
from tests.support.changed_bytes import change_byte
from tests.support.random_ledger import random_ledger
from tests.trading_history.figures import fold_at_once
from tests.trading_history.ledgers import STREAM, Ledger, a_random_ledger, fold
from trading_history import page_checksums
from trading_history.backup import back_up
from trading_history.digest import digest
from trading_history.errors import StoreDamaged, StoreUnavailable
from trading_history.schema import DATABASE, HISTORY_FILE
from trading_history.writer import HistoryWriter

PAGE = 4096
PLACES = 200


def test_no_changed_byte_gives_another_figure(tmp_path: Path) -> None:
    """Each place is changed alone: those of the head, one of each page, and others by chance."""
    fold_at_once(tmp_path, random_ledger(5, 150))
    file, sound, chance = tmp_path / HISTORY_FILE, digest(tmp_path), random.Random(5)
    size = file.stat().st_size
    head, pages = range(100), [page + chance.randrange(PAGE) for page in range(0, size, PAGE)]
    found = 0
    for place in [*head, *pages, *(chance.randrange(size) for _ in range(PLACES))]:
        bit = chance.randrange(8)
        change_byte(file, place, bit)
        try:
            assert digest(tmp_path) == sound
        except StoreUnavailable:
            found += 1
        change_byte(file, place, bit)
    assert found > (len(head) + len(pages) + PLACES) / 2, "the others are of pages that hold nothing, or indexes"
    assert "checksum" in DATABASE.noted_damage(tmp_path)


@pytest.mark.parametrize("damage", [lambda file: change_byte(file, 2 * PAGE + 77), lambda file: change_byte(file, 20)])
def test_a_damaged_store_is_rebuilt_by_who_opens_it_to_write(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """The byte at 20 says whether pages have checksums."""
    ledger = a_random_ledger(3, 100)
    fold(tmp_path, ledger)
    expected = digest(tmp_path)
    damage(tmp_path / HISTORY_FILE)
    with pytest.raises(StoreDamaged, match="`trading-analytics rebuild` while it does not"):
        DATABASE.check(tmp_path)
    with closing(HistoryWriter(tmp_path)) as writer:
        assert "checksum" in writer.rebuilds_because
    fold(tmp_path, ledger)
    assert digest(tmp_path) == expected
    assert DATABASE.noted_damage(tmp_path) == ""


def test_what_a_reader_finds_the_writer_is_told(tmp_path: Path) -> None:
    fold(tmp_path, a_random_ledger(4, 200))
    with closing(HistoryWriter(tmp_path)) as writer:
        writer.check_files()
        change_byte(tmp_path / HISTORY_FILE, 2 * PAGE + 99)
        with suppress(StoreDamaged):
            DATABASE.check(tmp_path)
        with pytest.raises(StoreDamaged, match="does not match its checksum"):
            writer.check_files()


def test_a_note_of_another_file_is_none_of_this_one(tmp_path: Path) -> None:
    fold(tmp_path / "one", a_random_ledger(4, 50))
    fold(tmp_path / "new", a_random_ledger(4, 50))
    file = tmp_path / "one" / HISTORY_FILE
    change_byte(file, 3 * PAGE)
    with suppress(StoreDamaged), DATABASE.reading(tmp_path / "one") as connection:
        (tmp_path / "new" / HISTORY_FILE).replace(file)
        connection.execute("PRAGMA integrity_check").fetchall()
    assert DATABASE.noted_damage(tmp_path / "one") == ""


def test_pages_of_a_copy_have_checksums_too(tmp_path: Path) -> None:
    """Also those that did not fit into the memory of the copying."""
    fold(tmp_path, Ledger())
    with closing(DATABASE.open_to_write(tmp_path)) as connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
            " INSERT INTO checkpoints SELECT i, '', randomblob(4000) FROM n"
        )
    (copy,) = back_up(tmp_path, tmp_path / "copy")
    assert copy.stat().st_size > 6_000_000
    DATABASE.check(tmp_path / "copy")
    change_byte(copy, 1_000 * PAGE)
    with pytest.raises(StoreDamaged):
        DATABASE.check(tmp_path / "copy")


def test_a_kill_leaves_every_page_with_its_checksum(tmp_path: Path) -> None:
    """The write-ahead log of a writer that was killed, copied into the file by the next one."""
    ledger = a_random_ledger(6, 200)
    with closing(HistoryWriter(tmp_path / "killed")) as writer:
        for last in range(20, 201, 20):
            writer.apply(ledger.batch(last - 19, last))
            writer.commit(StreamPosition(STREAM, last))
        (tmp_path / "left").mkdir()
        for end in ("", "-wal"):
            name = f"{HISTORY_FILE}{end}"
            (tmp_path / "left" / name).write_bytes((tmp_path / "killed" / name).read_bytes())
    HistoryWriter(tmp_path / "left").close()
    DATABASE.check(tmp_path / "left")
    assert digest(tmp_path / "left") == digest(tmp_path / "killed")


def test_other_databases_are_opened_as_before() -> None:
    assert page_checksums.vfs() != apsw.vfs_names()[0]
