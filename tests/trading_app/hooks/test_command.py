"""`trading-app hook try`, `list`, `unread`, `take` and `drop`, as a user runs them."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import run_command
from tests.trading_app.hooks.conftest import FIELD_CASE, Bot, Hooks
from tests.trading_app.hooks.test_unread import DOCS_TEMPLATE, ENTRY
from tests.trading_app.running import running


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    made = Hooks(tmp_path_factory.mktemp("hooks"))
    made.add("bot", "preset: freqtrade", "account: bot", "strategy: scalper")
    return made


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, hooks: Hooks) -> Iterator[Bot]:
    with running(tmp_path_factory.mktemp("app"), WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        yield Bot(app, hooks, "bot")


def hook(hooks: Hooks, *words: str | Path, given: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "WEBAPP_HOOKS_FILE": str(hooks.file), **settings}
    return run_command("trading-app", "hook", *words, environment=environment, given=given)


def test_an_array_of_messages_is_tried_without_an_app(hooks: Hooks) -> None:
    done = hook(hooks, "try", "bot", FIELD_CASE, "--json")
    assert done.returncode == 0
    trials = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["status"] for one in trials] == ["accepted"] * 7
    assert trials[3]["trades"][0].items() >= {
        "symbol": "UNFI/USDT:USDT", "side": "buy", "price": "8.297", "qty": "13.3", "account": "bot",
        "strategy": "scalper", "position_side": "short",
    }.items()  # fmt: skip


def test_one_message_of_standard_input_for_a_preset(hooks: Hooks) -> None:
    done = hook(hooks, "try", "freqtrade", "-", given="type=status&status=running")
    assert (done.returncode, done.stdout) == (0, "1: ignored: status\n")
    done = hook(hooks, "try", "freqtrade", "-", given="value1=Buy&value2=4")
    assert done.returncode == 1
    assert '"open_date": "{open_date}"' in done.stdout


def test_what_is_not_there_is_said(hooks: Hooks) -> None:
    for words, said in (
        (("try", "nobody", "-"), "has no hook nobody: it has bot"),
        (("try", "bot", "/no/such/file"), "No such file"),
        (("rotate", "nobody"), "has no hook nobody"),
        (("add", "Bad Name", "--preset", "freqtrade"), "name must be 1 to 32 of a-z 0-9"),
        (("add", "own", "--preset", "generic"), "map is missing"),
    ):
        done = hook(hooks, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_the_hooks_are_listed_without_secrets(hooks: Hooks) -> None:
    done = hook(hooks, "list")
    assert done.stdout == "bot: freqtrade, account bot, strategy scalper, 1 secret\n"


def test_kept_messages_are_shown_taken_and_dropped(bot: Bot, hooks: Hooks) -> None:
    first = bot.send(DOCS_TEMPLATE, "form").json()["id"]
    second = bot.send({**ENTRY, "type": "entry_fil"}).json()["id"]
    at = ("--url", bot.app.url)
    shown = hook(hooks, "unread", "bot", *at)
    assert shown.returncode == 0
    assert f"{first}  " in shown.stdout
    assert "add to the template:" in shown.stdout
    as_json = json.loads(hook(hooks, "unread", "bot", "--json", *at).stdout)
    assert [one["id"] for one in as_json] == [first, second]
    taken = hook(hooks, "take", "bot", "all", *at)
    assert taken.returncode == 1
    assert "type is 'entry_fil', for which the mapping has no rule" in taken.stderr
    members = [f"{name}={ENTRY[name]}" for name in ENTRY if name != "exchange"]
    assert hook(hooks, "take", "bot", first, "amount", *at).returncode == 2
    taken = hook(hooks, "take", "bot", first, *members, *at)
    assert (taken.returncode, json.loads(taken.stdout.partition(": ")[2])["status"]) == (0, "accepted"), taken.stderr
    (trade,) = bot.trades()
    assert (trade["symbol"], trade["qty"], trade["price"]) == ("ETH/EUR", "0.25", "2000.5")
    other = bot.send({"what": "sold", "coin": "SOL/USDT", "much": "2", "at": "150.5", "when": "2026-07-08"}).json()[
        "id"
    ]
    mapping = hooks.file.with_name("once.yml")
    mapping.write_text(
        "times: {zone: UTC}\nfields: {symbol: coin, side: what, qty: much, price: at, ts: when}\nrows: [fill: {}]"
    )
    assert hook(hooks, "take", "bot", other, "--map", str(mapping), "qty=1", *at).returncode == 2
    taken = hook(hooks, "take", "bot", other, "--map", str(mapping), *at)
    assert (taken.returncode, json.loads(taken.stdout.partition(": ")[2])["status"]) == (0, "accepted"), taken.stderr
    assert [(one["symbol"], one["side"], one["qty"]) for one in bot.trades()][1:] == [("SOL/USDT", "sell", "2")]
    first = bot.send("BTC crossing 5", "raw").json()["id"]
    assert hook(hooks, "drop", "bot", first, *at).stdout == f"{first}: dropped\n"
    assert hook(hooks, "drop", "bot", "all", *at).stdout == f"{second}: dropped\n"
    assert bot.unread() == []
