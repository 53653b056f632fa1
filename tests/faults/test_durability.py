"""What a program says is kept is on the disk before it has its name, and the name is too: a crash leaves old or new."""

from contextlib import closing
from pathlib import Path

import pytest

from telemetry_stream.projection import StateFile
from telemetry_stream.stores.sqlite.backup import back_up, restore
from telemetry_stream.stores.sqlite.journal import Journal
from tests.support.durability import names_open_files, noted_calls
from tests.telemetry_stream.streams import submission
from trading_app.hooks.kept import Arrived, KeptMessages

pytestmark = names_open_files


def test_a_saved_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = StateFile(tmp_path / "data" / "state", b"magic", 1, bytes)
    calls = noted_calls(monkeypatch)
    file.save([b"body"])
    assert calls == ["sync state.new", "rename state.new state", "sync data"]


def test_a_backup_and_what_is_restored_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, copies = tmp_path / "data", tmp_path / "copies"
    copies.mkdir()
    with closing(Journal(data)) as journal:
        journal.append([submission("one")])
    calls = noted_calls(monkeypatch)
    back_up(data, copies / "copy")
    assert calls == ["sync copy.unfinished", "rename copy.unfinished copy", "sync copies"]
    calls.clear()
    restore(copies / "copy", tmp_path / "new")
    fresh = "journal.sqlite3.restoring"
    assert calls == [f"sync {fresh}", f"rename {fresh} journal.sqlite3", "sync new"]


def test_a_message_of_a_webhook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "hooks"
    folder.mkdir(parents=True)
    kept = KeptMessages(folder, lambda _text: False)
    calls = noted_calls(monkeypatch)
    message = kept.keep("bot", Arrived(b"{}", "application/json", 1), "no price")
    assert calls == ["sync draft-0", f"rename draft-0 {message.id}.json", "sync bot", "sync hooks", "sync data"]
