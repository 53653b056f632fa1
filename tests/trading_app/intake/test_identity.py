"""When two fills are the same one: account, venue, symbol, position side, side and trade id. Against the process."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from telemetry_stream.stores.sqlite.integrity import check_journal
from tests.trading_app.running import RunningApp, running
from trading_app.intake.identity import KEY_RULES

Make = Callable[..., dict[str, Any]]
GOLDEN = Path(__file__).parents[2] / "golden" / "ef86417"
JSON = {"Content-Type": "application/json"}
WAYS = pytest.mark.parametrize("way", ["single", "batch", "one by one"])


def send(client: httpx.Client, way: str, *trades: dict[str, Any]) -> list[int]:
    """The sequences of these trades, sent in this way."""
    if way == "single":
        answers = [client.post("/trade", json=one) for one in trades]
        assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
        return [answer.json()["seq"] for answer in answers]
    rows = [{**one, "fee": None} if way == "one by one" else one for one in trades]
    answer = client.post("/trades", json=rows)
    assert answer.status_code == 201, answer.text
    first, last = answer.json()["first_seq"], answer.json()["last_seq"]
    return list(range(first, last + 1))


@WAYS
@pytest.mark.parametrize(
    "other",
    [
        {"side": "sell"},
        {"symbol": "ETH/USDT"},
        {"venue": "kraken"},
        {"position_side": "short"},
        {"position_side": "long"},
        {"account": "another"},
        {"trade_id": "another"},
    ],
    ids=", ".join,
)
def test_fills_that_differ_in_their_identity_are_two(
    client: httpx.Client, trade: Make, way: str, other: dict[str, Any]
) -> None:
    """A fill against oneself has one trade id for both sides; venues number trades by symbol."""
    one = trade(trade_id=f"{way} {sorted(other.items())}", symbol="BTC/USDT", side="buy")
    first, second = send(client, way, one, {**one, **other})
    assert second == first + 1
    assert client.post("/trade", json={**one, **other}).json() == {
        "seq": second,
        "trade_id": {**one, **other}["trade_id"],
        "status": "duplicate",
    }


@WAYS
def test_a_symbol_in_another_case_is_the_same(client: httpx.Client, trade: Make, way: str) -> None:
    one = trade(trade_id=f"case {way}", symbol="kPEPE/usdt")
    [sequence] = send(client, way, one)
    for again in ("kPEPE/usdt", "KPEPE/USDT", "kpepe/usdt", "Kpepe/Usdt"):
        assert send(client, way, {**one, "symbol": again}) == [sequence]
    stored = client.get("/trades", params={"after": sequence - 1, "limit": 1}).json()["trades"]
    assert stored[0]["symbol"] == "kPEPE/usdt", "as it was sent first"


@pytest.fixture
def golden(tmp_path: Path) -> Iterator[RunningApp]:
    """The app, on a journal that ef86417 made."""
    (tmp_path / "data").mkdir()
    shutil.copy(GOLDEN / "journal.sqlite3", tmp_path / "data" / "journal.sqlite3")
    with running(tmp_path) as app:
        yield app


def test_what_ef86417_accepted_is_all_duplicates(golden: RunningApp) -> None:
    """Made ids too: its trades are sent again with the ids that they were given."""
    stored = json.loads((GOLDEN / "events.json").read_bytes())
    sent = [{name: value for name, value in event.items() if name != "seq"} for event in stored]
    count = len(sent)
    expected = {"accepted": 0, "duplicates": count, "first_seq": 1, "last_seq": count}
    for rows in (sent, [{**one, "symbol": one["symbol"].lower()} for one in sent], sent[::-1]):
        assert golden.client.post("/trades", json=rows).json() == expected
    mixed = [{**one, "symbol": one["symbol"].title()} for one in sent]
    assert golden.client.post("/trades", json=mixed).json() == expected, "ef86417 stored them in upper case"
    one = golden.client.post("/trade", json=sent[0]).json()
    assert (one["seq"], one["status"]) == (1, "duplicate")
    other_side = {**sent[0], "side": {"buy": "sell", "sell": "buy"}[sent[0]["side"]]}
    assert golden.client.post("/trade", json=other_side).json()["seq"] == count + 1


def test_the_keys_of_an_old_journal_are_checked_by_the_rule_that_made_them(tmp_path: Path) -> None:
    assert check_journal(GOLDEN / "journal.sqlite3", KEY_RULES).problems == []
    assert check_journal(GOLDEN / "journal.sqlite3", KEY_RULES[1:]).problems != []
    (tmp_path / "data").mkdir()
    shutil.copy(GOLDEN / "journal.sqlite3", tmp_path / "data" / "journal.sqlite3")
    with running(tmp_path) as app:
        file = app.data_folder / "journal.sqlite3"
        assert check_journal(file, KEY_RULES).problems == []
    assert check_journal(file, KEY_RULES[:1]).problems == [], "there is no rule to compare with"
    assert check_journal(file, (KEY_RULES[0], KEY_RULES[0])).problems != []
