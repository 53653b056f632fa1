"""A message of a sender that never repeats is taken or kept, whatever is wrong with it, the app or its pace."""

import asyncio
import gzip
from pathlib import Path
from typing import cast

import pytest

from service_kit.settings import Environment
from tests.support.polling import eventually
from tests.trading_app.hooks.conftest import Bot, Hooks
from tests.trading_app.hooks.test_unread import ENTRY
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import running
from trading_app.context import Context
from trading_app.environment import read_settings
from trading_app.hooks import reader
from trading_app.hooks.commit import HookCommits
from trading_app.hooks.gate import caller_of
from trading_app.hooks.hook import Hook
from trading_app.hooks.intake import HookIntake
from trading_app.hooks.kept import FOLDER, WAITING_FOLDER, KeptMessages
from trading_app.hooks.waiting import no_pace
from trading_app.intake.service import Intake
from trading_app.ledger.intake import LedgerIntake


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    made = Hooks(tmp_path)
    made.add("bot", "preset: freqtrade", "account: bot")
    return made


def entry(number: int) -> dict[str, str]:
    return ENTRY | {"trade_id": str(number), "amount": f"0.{number + 1:02}"}


def test_a_burst_above_the_rate_is_taken_as_the_rate_allows(tmp_path: Path, hooks: Hooks) -> None:
    settings = {"WEBAPP_HOOKS_FILE": str(hooks.file), "WEBAPP_RATE_LIMIT": "4 per 1 second"}
    with running(tmp_path, **settings) as app:
        bot = Bot(app, hooks, "bot")
        answers = [bot.send(entry(number)) for number in range(12)]
        assert {answer.status_code for answer in answers} == {200, 202}
        waited = [answer.json()["reason"] for answer in answers if answer.status_code == 202]
        assert waited[0].startswith("above the rate (WEBAPP_RATE_LIMIT): the maximum is 4 per 1 second")
        eventually(lambda: not list((app.data_folder / WAITING_FOLDER).rglob("*-*.json")), what="all of them taken")
        trades = eventually(lambda: app.client.get("/trades", params={"account": "bot"}).json().get("trades"))
        assert [trade["qty"] for trade in trades or ()] == [f"0.{number + 1:02}" for number in range(12)]


def test_each_hook_has_a_rate_of_its_own_and_what_waits_is_taken_after_a_restart(tmp_path: Path, hooks: Hooks) -> None:
    hooks.add("other", "preset: freqtrade", "account: other")
    settings = {"WEBAPP_HOOKS_FILE": str(hooks.file), "WEBAPP_RATE_LIMIT": "2/hour"}
    with running(tmp_path, **settings) as app:
        bots = [Bot(app, hooks, name) for name in ("bot", "other")]
        for _ in range(2):
            app.client.get("/trades").raise_for_status()
        problem(app.client.get("/trades"), "rate_limited")
        sent = [[bot.send(entry(number)).json()["status"] for number in range(3)] for bot in bots]
        assert sent == [["accepted", "accepted", "waiting"]] * 2
        problem(app.client.post("/hooks/bot/wrong", json=ENTRY), "unauthorized")
        assert app.stop() == 0
    with running(tmp_path, WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        eventually(lambda: app.stored_trades() == 6, what="what waited in the journal")


def test_without_hooks_their_paths_have_the_rate_of_all_others(tmp_path: Path) -> None:
    with running(tmp_path, WEBAPP_RATE_LIMIT="2/hour") as app:
        for _ in range(2):
            problem(app.client.post("/hooks/bot/secret", json=ENTRY), "not_found")
        problem(app.client.post("/hooks/bot/secret", json=ENTRY), "rate_limited")


def test_a_message_that_is_too_large_or_badly_packed_is_kept_for_a_person(bot: Bot) -> None:
    def send(body: bytes, **headers: str) -> None:
        answer = bot.app.client.post(bot.path, content=body, headers={"Content-Type": "text/plain", **headers})
        assert (answer.status_code, answer.json()["status"]) == (202, "unread")

    send(b"x" * 100_000)
    send(b"y" * 65_536)
    send(gzip.compress(b"z" * 100_000), **{"Content-Encoding": "gzip"})
    send(b"no gzip", **{"Content-Encoding": "gzip"})
    send(b"odd", **{"Content-Encoding": "br"})
    kept = bot.unread()
    assert [one["reason"].partition(":")[0] for one in kept] == [
        "it has more than 65536 bytes; only its first 1024 are kept",
        "the message is plain text; write a JSON object, as docs/webhooks.md shows for each sender",
        "a body has at most 65536 bytes, decompressed",
        "the body is not gzip",
        "Content-Encoding 'br' is not supported",
    ]
    assert [one["body"] for one in kept][0::3] == ["x" * 1_024, "no gzip"]
    taken = bot.app.client.post(f"/hooks/bot/unread/{kept[0]['id']}/take", json=ENTRY)
    assert taken.json()["status"] == "accepted"
    assert bot.counted()["unread"] == 5


def test_a_message_that_the_app_fails_to_read_is_kept_and_read_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer of 500 would lose it."""
    hook = Hook.of_preset("freqtrade")
    kept, waiting = (KeptMessages(tmp_path / name, lambda _text: False) for name in (FOLDER, WAITING_FOLDER))
    context = Context(read_settings(Environment({}, tmp_path)))
    commits = HookCommits(context, cast(Intake, None), cast(LedgerIntake, None))  # nothing of it is to be committed
    intake = HookIntake([hook], context, commits, kept, waiting, lambda: 1, no_pace)

    def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    async def run() -> None:
        caller = caller_of(hook.name)
        with monkeypatch.context() as broken:
            broken.setattr(reader, "read_record", fail)
            outcome = await intake.take(hook, caller, b'{"type": "status"}', "application/json")
            assert (outcome.status, outcome.reason) == ("unread", "the app failed to read it; its log says why")
        (message,), _ = await intake.unread(hook, "", 10)
        assert message.body == '{"type": "status"}'
        assert (await intake.take_kept(hook, caller, message.id, {})).status == "ignored"

    asyncio.run(run())
    assert "a fault of ours" in capsys.readouterr().out
