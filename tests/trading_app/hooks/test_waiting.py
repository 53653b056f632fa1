"""A message that can be read while the journal takes nothing is kept, and taken in its turn once the journal does."""

import json
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.http import HTTP
from tests.support.polling import eventually
from tests.trading_app.hooks.conftest import Bot, Hooks, journal_locked
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, opened, opening, running
from trading_app.hooks.kept import FOLDER, WAITING_FOLDER, Arrived, CantKeep, KeptMessages
from trading_app.hooks.readings import Fill, Said

MAPPING = """
version: 1
numbers: {decimal: "."}
times: {zone: UTC}
rows:
  - when: {paid: {empty: false}}
    cash: {id: id, ts: at, amount: paid, currency: {value: USDT}, reason: {value: funding}}
  - fill: {trade_id: id, ts: at, symbol: {text: "{token}/USDT"}, side: side, qty: qty, price: price}
"""
BUY = {"id": "1", "at": "2026-10-25T20:00:00Z", "token": "ETH", "side": "buy", "qty": "2", "price": "100"}
SELL = {"id": "2", "at": "2026-10-25T20:00:01Z", "token": "ETH", "side": "sell", "qty": "1", "price": "110"}
FUNDING = {"id": "3", "at": "2026-10-25T20:00:02Z", "paid": "-0.5"}


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    (tmp_path / "mine.yml").write_text(MAPPING)
    made = Hooks(tmp_path)
    made.add("bot", "preset: generic", "map: mine.yml", "account: bot")
    return made


def nothing_waits(app: RunningApp) -> bool:
    (hook,) = app.client.get("/hooks").raise_for_status().json()["hooks"]
    return bool(hook["waiting"] == 0) and app.metric('trading_app_hook_waiting_messages{hook="bot"}') == 0


def traded(bot: Bot) -> list[tuple[str, str]]:
    return [(trade["trade_id"], trade["symbol"]) for trade in bot.trades()]


def test_messages_that_meet_a_lock_are_taken_in_their_order_once(tmp_path: Path, hooks: Hooks) -> None:
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        with journal_locked(app):
            answers = [bot.send(message) for message in (BUY, SELL, FUNDING, BUY)]
            assert [answer.status_code for answer in answers] == [202] * 4
            documents = [answer.json() for answer in answers]
            assert [document["status"] for document in documents] == ["waiting"] * 4
            assert documents[0]["reason"] == "the journal takes long", "its sender does not wait as long as the app"
            assert documents[3]["id"] == documents[0]["id"], "a repeated message is kept once"
            assert app.client.get("/hooks").json()["hooks"][0]["waiting"] == 3
            assert app.client.get("/hooks/bot/unread").json() == {"messages": [], "next_after": None, "waiting": 3}
            assert app.metric('trading_app_hook_waiting_messages{hook="bot"}') == 3
        eventually(lambda: nothing_waits(app), what="the messages in the journal")
        assert traded(bot) == [("1", "ETH/USDT"), ("2", "ETH/USDT")]
        assert [bot.send(message).json()["status"] for message in (BUY, SELL, FUNDING)] == ["known"] * 3
        assert app.client.get("/trades").json()["trades"][-1]["seq"] == 2
        assert bot.counted() == {"accepted": 0, "known": 3, "ignored": 0, "waiting": 4, "unread": 0, "refused": 0}
        (event,) = app.client.get("/events", params={"kind": "cash"}).json()["events"]
        assert (event["seq"], event["cash"]["amount"], event["cash"]["account"]) == (3, "-0.5", "bot")


def test_what_waits_outlives_a_kill_and_its_hook(tmp_path: Path, hooks: Hooks) -> None:
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app, journal_locked(app):
        assert Bot(app, hooks, "bot").send(BUY).json()["status"] == "waiting"
        app.end()
    hooks.file.write_text("hooks: []\n")
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        eventually(lambda: app.stored_trades() == 1, what="the message in the journal")
        trade = app.client.get("/trades/1").json()
        assert (trade["who"], trade["way"]) == ("hook bot", "webhook")
        eventually(lambda: not list((app.data_folder / WAITING_FOLDER).rglob("*.json")), what="its file gone")


def test_what_waits_is_told_apart_by_what_is_blanked_and_a_contradiction_is_given_to_a_person(
    tmp_path: Path, hooks: Hooks
) -> None:
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        with journal_locked(app):
            for more in ({}, {"token": "BTC"}, {"price": "101"}):
                assert bot.send(BUY | {"passphrase": "hunter2"} | more).json()["status"] == "waiting"
        eventually(lambda: nothing_waits(app), what="the messages in the journal")
        assert traded(bot) == [("1", "ETH/USDT"), ("1", "BTC/USDT")]
        (kept,) = bot.unread()
        assert json.loads(kept["body"])["price"] == "101"
        assert "it differs in price" in kept["reason"]
        assert not any(b"hunter2" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_one_whose_commit_fails_is_in_the_journal_after_the_restart(tmp_path: Path, hooks: Hooks) -> None:
    """No file of the process may have more bytes than a message needs."""
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        assert bot.send(BUY).json()["status"] == "accepted"
        resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE, (4_000, 4_000))
        assert bot.send(SELL).json()["status"] == "waiting"
        assert app.wait() == 1
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        eventually(lambda: nothing_waits(app), what="the message in the journal")
        assert traded(bot) == [("1", "ETH/USDT"), ("2", "ETH/USDT")]
        assert bot.send(SELL).json()["status"] == "known"


def test_one_that_is_under_way_at_the_end_is_answered_and_in_the_journal_after_the_restart(
    tmp_path: Path, hooks: Hooks
) -> None:
    with (
        running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app,
        journal_locked(app),
        ThreadPoolExecutor(1) as sender,
    ):
        sent = sender.submit(HTTP.post, app.url + hooks.path("bot"), json=BUY)
        eventually(lambda: app.metric("trading_app_pending_trades") == 1, what="its commit under way")
        assert app.stop() == 0
        assert (sent.result().status_code, sent.result().json()["status"]) == (202, "waiting")
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        eventually(lambda: nothing_waits(app), what="the message in the journal")
        assert traded(Bot(app, hooks, "bot")) == [("1", "ETH/USDT")]


def test_what_cannot_be_kept_either_is_refused_as_before(tmp_path: Path, hooks: Hooks) -> None:
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        (app.data_folder / WAITING_FOLDER).write_text("no folder")
        with journal_locked(app):
            answer = bot.send(BUY)
            problem(answer, "store_busy")
            assert answer.headers["retry-after"] == "1"
        assert bot.counted()["refused"] == 1
        assert bot.send(BUY).json()["status"] == "accepted"


def test_messages_are_kept_while_the_journal_is_being_opened(tmp_path: Path, hooks: Hooks) -> None:
    with opening(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        bot = Bot(app, hooks, "bot")
        assert bot.send(BUY).json()["status"] == "waiting"
        assert bot.send("no trade").json()["status"] == "unread"
        problem(app.client.post("/hooks/bot/wrong", json=BUY), "unauthorized")
        for path in ("/hooks/bot/unread/x/take", "/hooks/bot/unread/x/drop", "/trade"):
            problem(app.client.post(path, json=BUY), "not_ready")
        problem(app.client.get("/hooks"), "not_ready")
        with opened(app):
            app.wait_until_ready()
            eventually(lambda: nothing_waits(app), what="the message in the journal")
            assert traded(bot) == [("1", "ETH/USDT")]
            assert len(bot.unread()) == 1


def test_a_file_that_can_not_be_read_back_holds_nothing_up(tmp_path: Path, hooks: Hooks) -> None:
    folder = tmp_path / "data" / WAITING_FOLDER
    said = Said([Fill({"account": "bot", **fill(BUY)})])
    sound = keep(folder, said, 2)
    torn = folder / "bot" / f"{1:016x}-{1:016x}.json"
    torn.write_bytes(b'{"id":')
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        eventually(lambda: nothing_waits(app), what="the sound message in the journal")
        assert traded(Bot(app, hooks, "bot")) == [("1", "ETH/USDT")]
        assert "a message that waited can't be read back" in app.log_text()
    assert [file.name for file in (folder / "bot").iterdir() if not file.name.startswith("draft")] == [
        f"{torn.stem}.damaged"
    ]
    assert sound != torn.stem


def fill(message: dict[str, Any]) -> dict[str, str]:
    members = {name: message[name] for name in ("side", "qty", "price")}
    return members | {"trade_id": message["id"], "ts": message["at"], "symbol": "ETH/USDT", "strategy": "default"}


def keep(folder: Path, said: Said, received_ns: int) -> str:
    files = KeptMessages(folder, lambda _text: False)
    return files.keep("bot", Arrived(b"{}", "application/json", received_ns), "why", said).id


def test_the_maximum_of_each_folder_is_its_own(tmp_path: Path) -> None:
    large = [Said([Fill({"trade_id": str(number), "qty": "1" * 60_000})]) for number in range(70)]
    for number, said in enumerate(large[:69]):
        keep(tmp_path / WAITING_FOLDER, said, number)
    with pytest.raises(CantKeep, match="the maximum is 1000, or 4 MiB"):
        keep(tmp_path / WAITING_FOLDER, large[69], 69)
    assert 4 * 2**20 - 61_000 < sum(file.stat().st_size for file in tmp_path.rglob("*.json")) <= 4 * 2**20
    keep(tmp_path / WAITING_FOLDER, large[0], 70)
    keep(tmp_path / FOLDER, large[69], 69)
