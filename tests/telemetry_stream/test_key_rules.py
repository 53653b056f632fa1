"""A journal whose topic has a later rule for its keys: they are made again at the start, whole or not at all."""

import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from telemetry_stream.errors import ForeignJournal
from telemetry_stream.events import Event, Receipt, Submission
from telemetry_stream.stores.sqlite import upgrade
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from telemetry_stream.topics import KeyRules, Topic
from tests.telemetry_stream.old_layouts import take_back
from tests.telemetry_stream.streams import Conflicting


def by_id(numbered: bytes) -> str | None:
    found: dict[str, str] = msgspec.json.decode(numbered)
    return found.get("id")


def by_id_and_place(numbered: bytes) -> str | None:
    found: dict[str, str] = msgspec.json.decode(numbered)
    return f"{found['id']} {found['place']}" if "id" in found else None


RULES: KeyRules = (by_id, by_id_and_place)
BEFORE, AFTER = Topic("trades", key_rules=RULES[:1]), Topic("trades", key_rules=RULES)


def event(name: str, place: str, rules: KeyRules = RULES) -> Event:
    payload = msgspec.json.encode({"id": name, "place": place})
    return Event(rules[-1](b'{"seq":1,' + payload[1:]) or "", payload)


def events(*names: int, place: str = "here", rules: KeyRules = RULES) -> Submission:
    return Submission([event(f"event-{name}", place, rules) for name in names])


def fill(folder: Path, rows: int, row: int = 40) -> None:
    with closing(Journal(folder, BEFORE)) as journal:
        for start in range(0, rows * row, row):
            journal.append([events(*range(start, start + row), rules=RULES[:1])])
            journal.checkpoint_if_due()


def one(folder: Path, query: str) -> Any:
    with closing(apsw.Connection(str(folder / JOURNAL_FILE))) as connection:
        return connection.execute(query).get


@pytest.mark.parametrize("layout", [0, 4, 3])
def test_keys_are_made_again_and_everything_is_recognised_by_the_new_ones(tmp_path: Path, layout: int) -> None:
    fill(tmp_path, 25)
    if layout:
        take_back(tmp_path, layout)
    assert check_journal(tmp_path / JOURNAL_FILE, RULES).problems == []
    for _ in range(2):
        with closing(Journal(tmp_path, AFTER)) as journal:
            assert journal.append([events(*range(1_000))])[0] == [Receipt(1, 1_000, 0, 1_000)]
        assert one(tmp_path, "SELECT key_rule FROM stream") == 2
    with closing(Journal(tmp_path, AFTER)) as journal:
        assert journal.append([events(7, place="there")])[0] == [Receipt(1_001, 1_001, 1, 0)]
        altered = Event("event-7 here", b'{"id":"event-7","place":"here","more":1}')
        assert journal.append([Submission([altered])])[0] == [Conflicting({0: 8})]
    assert check_journal(tmp_path / JOURNAL_FILE, RULES).problems == []


def test_a_new_journal_has_the_last_rule(tmp_path: Path) -> None:
    Journal(tmp_path, AFTER).close()
    assert one(tmp_path, "SELECT key_rule FROM stream") == 2


def test_an_event_whose_key_no_rule_makes_keeps_it(tmp_path: Path) -> None:
    other = Submission([Event("of-another-kind", b'{"kind":"note"}')])
    with closing(Journal(tmp_path, BEFORE)) as journal:
        journal.append([other])
    with closing(Journal(tmp_path, AFTER)) as journal:
        assert journal.append([other])[0] == [Receipt(1, 1, 0, 1)]


def test_keys_of_a_later_version_are_refused(tmp_path: Path) -> None:
    Journal(tmp_path, AFTER).close()
    with pytest.raises(ForeignJournal, match=r"were made by a later version \(2, this one has 1\)"):
        Journal(tmp_path, BEFORE)


def test_without_room_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 3)
    monkeypatch.setattr(upgrade, "SPARE_BYTES", shutil.disk_usage(tmp_path).total)
    for _ in range(2):
        with pytest.raises(OSError, match=r"recognising repeats by a new rule needs \d+ MiB of free space"):
            Journal(tmp_path, AFTER)
        assert one(tmp_path, "SELECT key_rule FROM stream") == 1


def test_a_damaged_row_keeps_its_keys_and_is_still_found(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    with closing(apsw.Connection(str(tmp_path / JOURNAL_FILE))) as connection:
        connection.execute("UPDATE batch SET keys = zeroblob(length(keys)) WHERE first = 41")
    with closing(Journal(tmp_path, AFTER)) as journal:
        assert journal.append([events(*range(40))])[0] == [Receipt(1, 40, 0, 40)]
        assert journal.append([events(*range(80, 120))])[0] == [Receipt(81, 120, 0, 40)]
    problems = check_journal(tmp_path / JOURNAL_FILE, RULES).problems
    assert any("sequences 41 to 80" in problem for problem in problems)


MAKE_AND_DIE = """
import os, pathlib, signal, sys
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.topics import Topic
from tests.telemetry_stream.test_key_rules import by_id, by_id_and_place

left = int(sys.argv[2])

def by_id_and_place_or_die(numbered):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return by_id_and_place(numbered)

Journal(pathlib.Path(sys.argv[1]), Topic("trades", key_rules=(by_id, by_id_and_place_or_die)))
"""


@pytest.mark.long
def test_a_kill_meanwhile_leaves_the_keys_whole(tmp_path: Path) -> None:
    fill(tmp_path, 500, row=2)
    for made in (0, 600, 999):
        command = [sys.executable, "-c", MAKE_AND_DIE, str(tmp_path), str(made)]
        assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == -signal.SIGKILL
        assert one(tmp_path, "SELECT key_rule FROM stream") == 1
        assert check_journal(tmp_path / JOURNAL_FILE, RULES).problems == []
    with closing(Journal(tmp_path, AFTER)) as journal:
        assert journal.append([events(*range(1_000))])[0] == [Receipt(1, 1_000, 0, 1_000)]
