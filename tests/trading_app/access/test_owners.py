"""What belongs to a caller: its Idempotency-Keys, and the accounts that its token is bound to. Both ways in."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service_kit.access.tokens import entry_text, mint, read_scopes
from service_kit.problems import Problem
from service_kit.settings import Environment
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, running
from trading_app.access.caller import Caller
from trading_app.environment import read_settings
from trading_app.intake.decode_batch import TradeColumns
from trading_app.ui import WebApp

Make = Callable[..., dict[str, Any]]
ONE, OTHER, BOUND, DESKS = mint(), mint(), mint(), mint()
INGEST = read_scopes(["ingest", "read"])
ENTRIES = [
    entry_text(ONE, INGEST),
    entry_text(OTHER, INGEST),
    entry_text(BOUND, INGEST, ["Main"]),
    entry_text(DESKS, INGEST, ["desk-1", "desk-2"]),
]
BOTH_WAYS = pytest.mark.parametrize("way", [{}, {"Content-Encoding": "identity"}], ids=["fast", "app"])


@pytest.fixture(scope="module")
def web_of_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running(tmp_path_factory.mktemp("owners"), WEBAPP_API_TOKENS=",".join(ENTRIES)) as app:
        yield app


def send(app: RunningApp, token: str, path: str, body: object, **headers: str) -> httpx.Response:
    credential = {"Authorization": f"Bearer {token}"} if token else {}
    return app.client.post(
        path, content=json.dumps(body), headers={"Content-Type": "application/json", **credential, **headers}
    )


def without_account(trade: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in trade.items() if name != "account"}


@BOTH_WAYS
@pytest.mark.parametrize("path", ["/trade", "/trades"])
def test_the_same_key_of_two_tokens_is_two_requests(
    web_of_tokens: RunningApp, path: str, way: dict[str, str], trade: Make
) -> None:
    body: object = trade() if path == "/trade" else [trade(), trade()]
    key = {"Idempotency-Key": f"k-{path}-{len(way)}", **way}
    first = send(web_of_tokens, ONE, path, body, **key)
    assert first.status_code == 201
    assert send(web_of_tokens, OTHER, path, body, **key).status_code == 201, "it has trades of its own"
    again = send(web_of_tokens, ONE, path, body, **key)
    assert again.status_code == 200
    assert again.json().get("seq") == first.json().get("seq")
    changed: object = trade(qty=7) if path == "/trade" else [trade(qty=7)]
    problem(send(web_of_tokens, ONE, path, changed, **key), "idempotency_key_conflict")


def test_a_key_outlives_a_restart_with_its_owner(tmp_path: Path, trade: Make) -> None:
    body, key = trade(), {"Idempotency-Key": "k-1"}
    for status in ((201, 201), (200, 200)):
        with running(tmp_path, WEBAPP_API_TOKENS=",".join(ENTRIES)) as app:
            assert (
                send(app, ONE, "/trade", body, **key).status_code,
                send(app, OTHER, "/trade", body, **key).status_code,
            ) == status


def test_a_key_that_was_used_before_there_were_tokens_still_gives_its_answer(tmp_path: Path, trade: Make) -> None:
    body, key = trade(), {"Idempotency-Key": "k-1"}
    with running(tmp_path) as app:
        sequence = send(app, "", "/trade", body, **key).json()["seq"]
    with running(tmp_path, WEBAPP_API_TOKENS=",".join(ENTRIES)) as app:
        again = send(app, ONE, "/trade", body, **key)
        assert (again.status_code, again.json()["seq"]) == (200, sequence)
        assert send(app, ONE, "/trade", trade(qty=9), **key).status_code == 201, "nobody's key locks nobody out"


@BOTH_WAYS
def test_a_bound_token_sends_trades_of_its_account_only(
    web_of_tokens: RunningApp, way: dict[str, str], trade: Make
) -> None:
    for _ in range(3):  # the second one's head is known on the connection
        answer = send(web_of_tokens, BOUND, "/trade", trade(account="main"), **way)
        assert "'main'" in problem(answer, "forbidden")["detail"]
        assert "Main" in problem(answer, "forbidden")["detail"]
    assert send(web_of_tokens, BOUND, "/trade", trade(account="Main"), **way).status_code == 201
    answer = send(web_of_tokens, BOUND, "/trades", [trade(account="Main"), trade(account="hedge")], **way)
    assert "'hedge'" in problem(answer, "forbidden")["detail"]
    assert send(web_of_tokens, DESKS, "/trades", [trade(account=f"desk-{n}") for n in (1, 2)], **way).status_code == 201
    problem(send(web_of_tokens, DESKS, "/trade", trade(), **way), "forbidden")


@BOTH_WAYS
def test_a_trade_without_account_gets_the_one_that_its_token_is_bound_to(
    web_of_tokens: RunningApp, way: dict[str, str], trade: Make
) -> None:
    bare = [without_account(trade()) for _ in range(4)]
    first = send(web_of_tokens, BOUND, "/trade", bare[0], **way).json()["seq"]
    named = trade(account="Main")
    assert send(web_of_tokens, BOUND, "/trades", [bare[1], named], **way).status_code == 201
    one_by_one = [bare[2], {**bare[3], "fee": None}]
    assert send(web_of_tokens, BOUND, "/trades", one_by_one, **way).status_code == 201
    problem(send(web_of_tokens, BOUND, "/trade", trade(account="default"), **way), "forbidden")
    stored = web_of_tokens.client.get(f"/trades?after={first - 1}", headers={"Authorization": f"Bearer {BOUND}"})
    assert [one["account"] for one in stored.json()["trades"]] == ["Main"] * 5


def test_callers_that_share_a_connection_are_kept_apart(web_of_tokens: RunningApp, trade: Make) -> None:
    for number in range(20):
        token = (ONE, BOUND)[number % 2]
        answer = send(web_of_tokens, token, "/trade", trade(account="hedge"))
        assert answer.status_code == (201, 403)[number % 2]


def test_the_accounts_of_a_batch_are_checked_without_an_event_for_each(tmp_path: Path, trade: Make) -> None:
    """To make the events takes half as long as to decode the batch."""
    app = WebApp(read_settings(Environment({}, tmp_path)), print)
    caller = Caller("", INGEST, accounts=frozenset({"main"}))
    lines = "\n".join(json.dumps(trade(account="main")) for _ in range(3)).encode()
    headers = {b"content-type": b"application/x-ndjson"}
    intended = app.intake.read(caller, "/trades", headers, lines, time.time_ns())
    assert isinstance(intended.events, TradeColumns)
    assert not intended.events.asked
    with pytest.raises(Problem, match="not of 'other'"):
        app.intake.read(caller, "/trades", headers, lines.replace(b"main", b"other"), time.time_ns())
