"""A backup has the webhooks, too: their file, their mappings and the messages that they keep."""

import os
import zipfile
from pathlib import Path

import pytest

from tests.support.polling import eventually
from tests.support.programs import run_command
from tests.trading_app.hooks.conftest import Bot, Hooks
from tests.trading_app.running import running
from trading_app.hooks import backup
from trading_app.hooks.kept import FOLDER, WAITING_FOLDER, Arrived, KeptMessages
from trading_app.hooks.readings import Fill, Said
from trading_app.yaml_nodes import FileError

MAPPING = "fields: {symbol: s, side: b, qty: q, price: p}\nrows: [fill: {}]\n"


def command(environment: dict[str, str], *words: object) -> str:
    done = run_command("trading-app", *words, environment={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_webhooks_and_their_messages_are_copied_and_put_back(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(MAPPING)
    hooks = Hooks(tmp_path)
    hooks.add("own", "preset: generic", "map: mine.yml", "account: own")
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        kept = Bot(app, hooks, "own").send("buy 1 BTC", "raw").json()["id"]
        waiting = KeptMessages(app.data_folder / WAITING_FOLDER, lambda _text: False)
        said = Said(
            [Fill({"trade_id": "1", "symbol": "BTC/USDT", "side": "buy", "qty": "1", "price": "2", "account": "own"})]
        )
        waiting.keep("own", Arrived(b"{}", "application/json", 1), "why", said)
        copy = tmp_path / "copy.sqlite3"
        assert f"{copy}.hooks.zip" in command(app.environment, "backup", copy)
    fresh = tmp_path / "fresh"
    environment = app.environment | {"DATA_DIR": str(fresh / "data"), "WEBAPP_HOOKS_FILE": str(fresh / "webhooks.yml")}
    assert "webhooks: 4 files put back; 0 were there" in command(environment, "restore", copy)
    assert (fresh / "mine.yml").read_text() == MAPPING
    assert (fresh / "webhooks.yml").read_text() == hooks.file.read_text()
    (fresh / "mine.yml").write_text("mine")
    assert "0 files put back; 4 were there" in command(environment, "restore", copy)
    assert (fresh / "mine.yml").read_text() == "mine"
    (fresh / "mine.yml").write_text(MAPPING)
    with running(fresh, WEBAPP_HOOKS_FILE=str(fresh / "webhooks.yml")) as app:
        bot = Bot(app, hooks, "own")
        assert [one["id"] for one in bot.unread()] == [kept]
        eventually(lambda: [trade["trade_id"] for trade in bot.trades()] == ["1"], what="what waited in the journal")


def test_a_message_that_is_taken_meanwhile_is_copied_and_one_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    """The folder was listed with a message that is gone when it is read: here a link to nowhere."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    kept = KeptMessages(data / FOLDER, lambda _text: False).keep("bot", Arrived(b"buy", "text/plain", 1), "why")
    folder = data / FOLDER / "bot"
    (folder / f"{2:016x}-{2:016x}.json").symlink_to(folder / "gone")
    with backup.backing_up(tmp_path / "webhooks.yml", data, copy) as made:
        (folder / f"{kept.id}.json").unlink()
    assert made == backup.beside(copy)
    with zipfile.ZipFile(made) as packed:
        assert packed.namelist() == [f"messages/bot/{kept.id}.json"]


def test_a_backup_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path)
    hooks.add("bot", "preset: freqtrade")
    copy = tmp_path / "copy"
    backup.beside(copy).write_bytes(b"the earlier one")
    with pytest.raises(OSError, match="full"), backup.backing_up(hooks.file, tmp_path / "data", copy):
        raise OSError("the disk is full")
    assert backup.beside(copy).read_bytes() == b"the earlier one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.hooks.zip", "webhooks.yml"]


@pytest.mark.parametrize("name", ["../x", "maps/../x", "maps//etc/x", "messages/a/../../x.json", "messages/../b.json"])
def test_a_zip_file_of_others_writes_nothing_elsewhere(tmp_path: Path, name: str) -> None:
    copy = tmp_path / "copy"
    with zipfile.ZipFile(backup.beside(copy), "w") as packed:
        packed.writestr(name, "x")
    with pytest.raises(FileError, match="is no part of a backup"):
        backup.restore(tmp_path / "config" / "webhooks.yml", tmp_path / "data", copy)
    assert [path.name for path in tmp_path.rglob("*")] == ["copy.hooks.zip"]
