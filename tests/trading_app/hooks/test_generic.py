"""A sender of any other kind: the user's own mapping reads its messages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trading_app.hooks.conftest import Bot, Hooks
from tests.trading_app.running import RunningApp, running
from trading_app.hooks.file import read_hooks
from trading_app.hooks.mappings import parse_mapping
from trading_app.yaml_nodes import FileError

MAPPING = """
version: 1
numbers: {decimal: "."}
times: {zone: UTC}
fields: {ts: at, account: book}
rows:
  - {when: {event: [heartbeat]}, skip: heartbeat}
  - when: {event: [funding]}
    cash:
      amount: data.paid
      currency: {value: USDT}
      reason: {value: funding}
      symbol: data.market
      id: id
  - fill:
      trade_id: data.id
      symbol: {column: data.market, words: {"*-PERP": ""}}
      side: {sign_of: data.delta}
      qty: {column: data.delta, absolute: true}
      price: data.px
"""
FILL = {
    "event": "fill",
    "at": "2026-10-25 20:00:00",
    "data": {"id": 41, "market": "ETH/USDT", "delta": -0.50, "px": 2000.25},
}
FUNDING = {"event": "funding", "at": "2026-10-25T20:00:00Z", "data": {"market": "ETH/USDT:USDT", "paid": -0.125}}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Hooks:
    folder = tmp_path_factory.mktemp("hooks")
    (folder / "mine.yml").write_text(MAPPING)
    made = Hooks(folder)
    made.add("own", "preset: generic", "map: mine.yml", "account: own", "symbols: {ETH/USDT: ETHUSDT}")
    made.add("other", "preset: generic", "map: mine.yml", "account: other")
    return made


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, hooks: Hooks) -> Iterator[Bot]:
    with running(tmp_path_factory.mktemp("generic"), WEBAPP_HOOKS_FILE=str(hooks.file)) as app:
        yield Bot(app, hooks, "own")


def test_a_fill_under_the_ledgers_name_of_its_symbol(bot: Bot) -> None:
    first, again = bot.send(FILL), bot.send(FILL, "raw")
    assert (first.json()["status"], again.json()["status"]) == ("accepted", "known")
    (trade,) = bot.trades()
    assert {name: trade[name] for name in ("trade_id", "symbol", "side", "qty", "price", "ts")} == {
        "trade_id": "41", "symbol": "ETHUSDT", "side": "sell", "qty": "0.5", "price": "2000.25",
        "ts": "2026-10-25T20:00:00Z",
    }  # fmt: skip


def test_money_without_a_trade(bot: Bot) -> None:
    first, again = bot.send(FUNDING).json(), bot.send(FUNDING).json()
    assert (first["status"], again["status"], again["first_seq"]) == ("accepted", "known", first["first_seq"])
    (event,) = bot.app.client.get("/events", params={"after": first["first_seq"] - 1}).json()["events"]
    assert event["cash"] == {
        "amount": "-0.125", "currency": "USDT", "reason": "funding", "symbol": "ETH/USDT:USDT", "account": "own",
        "strategy": "default", "ts": "2026-10-25T20:00:00Z",
    }  # fmt: skip


def test_money_without_a_time_of_its_own_is_known_again(bot: Bot) -> None:
    """Its time is that of its arrival, which is another one the second time."""
    paid = {"event": "funding", "id": "f-1", "data": {"paid": "1.5", "market": "ETH/USDT"}}
    first, again = bot.send(paid).json(), bot.send(paid).json()
    assert (first["status"], again["status"], again["first_seq"]) == ("accepted", "known", first["first_seq"])
    other = bot.send(paid | {"data": {"paid": "1.6"}}).json()
    assert (other["status"], "differs in amount" in other["reason"]) == ("unread", True)
    (event,) = bot.app.client.get("/events", params={"after": first["first_seq"] - 1}).json()["events"]
    assert event["cash"]["symbol"] == "ETHUSDT", "the ledger's name"


def test_the_same_money_of_two_accounts_is_there_twice(bot: Bot, hooks: Hooks) -> None:
    other = Bot(bot.app, hooks, "other")
    messages = FUNDING | {"at": "2026-10-25T21:00:00Z"}, {"event": "funding", "id": "f-2", "data": {"paid": "2"}}
    for message in messages:
        first, second = bot.send(message).json(), other.send(message).json()
        assert (first["status"], second["status"]) == ("accepted", "accepted")
        for sender, taken in ((other, second), (bot, first)):
            again = sender.send(message).json()
            assert (again["status"], again["first_seq"]) == ("known", taken["first_seq"])
        (event,) = bot.app.client.get("/events", params={"after": second["first_seq"] - 1}).json()["events"]
        assert event["cash"]["account"] == "other"


def test_what_it_skips_and_what_it_has_no_value_for(bot: Bot) -> None:
    assert bot.send({"event": "heartbeat"}).json() == {"hook": "own", "status": "ignored", "reason": "heartbeat"}
    kept = bot.send({**FILL, "data": {"id": 42, "market": "ETH/USDT", "px": 1}})
    assert kept.status_code == 202
    assert "data.delta" in kept.json()["reason"]


@pytest.mark.parametrize(
    ("lines", "line", "detail"),
    [
        ("  - name: a\n    preset: freqtrad\n    secrets: [{entry}]", 4, "preset is not known; do you mean freqtrade?"),
        ("  - name: a\n    presett: freqtrade", 4, "presett is not known; do you mean preset?"),
        ("  - name: A b\n    preset: freqtrade\n    secrets: [{entry}]", 3, "name must be 1 to 32 of a-z 0-9 _ -"),
        ("  - name: a\n    preset: freqtrade\n    secrets: [plain-secret]", 5, "write sha256: and 64"),
        ("  - name: a\n    preset: freqtrade", 3, "secrets is missing"),
        ("  - name: a\n    preset: generic\n    secrets: [{entry}]", 3, "map is missing"),
        ("  - name: a\n    preset: generic\n    map: no.yml\n    secrets: [{entry}]", 5, "no such file"),
        ("  - name: a\n    preset: generic\n    map: bad.yml\n    secrets: [{entry}]", 5, "do you mean fields?"),
        ("  - name: a\n    preset: freqtrade\n    secret_in: header\n    secrets: [{entry}]", 5, "secret_in can't be"),
        ("  - name: a\n    preset: freqtrade\n    currency: '$'\n    secrets: [{entry}]", 5, "must be 1 to 16 of A-Z"),
        ("  - name: a\n    preset: freqtrade\n    secrets: [{entry}, {entry}]", 5, "another hook's, or there twice"),
        ("  - name: a\n    preset: freqtrade\n    secrets: ['{entry} until soon']", 5, "not valid"),
        ("  - name: a\n    preset: freqtrade\n    symbols: [x]\n    secrets: [{entry}]", 5, "symbols must be lines"),
    ],
)
def test_errors_of_the_file_have_their_line(tmp_path: Path, lines: str, line: int, detail: str) -> None:
    (tmp_path / "bad.yml").write_text("version: 1\nfeilds: {symbol: a}\n")
    text = "version: 1\nhooks:\n" + lines.format(entry="sha256:" + "0" * 64) + "\n"
    hooks, problems, *_ = read_hooks(text, tmp_path)
    assert any(at == line and detail in said for at, said in problems), problems
    assert all("plain-secret" not in said for _, said in problems)
    assert not hooks


def test_the_app_does_not_start_with_errors_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "webhooks.yml").write_text("hooks:\n  - name: a\n")
    app = RunningApp(tmp_path, WEBAPP_HOOKS_FILE=str(tmp_path / "webhooks.yml"))
    assert app.wait() == 2
    assert "webhooks.yml:2: preset is missing" in app.log_text()
    app.end()


def test_a_mapping_of_rows_that_belong_together_is_for_files_alone() -> None:
    text = 'numbers: {decimal: "."}\ngroup: {by: a, coin: b, amount: c}\n'
    fields = "fields: {ts: t, symbol: s, side: x, qty: q, price: p}\n"
    with pytest.raises(FileError, match="a message is one row"):
        parse_mapping(text + fields, "mine.yml")
