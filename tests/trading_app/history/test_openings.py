"""An opening after trades of its position: it would undo what they say, so it has to be meant."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.built_history import build_history
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp, running

TRADE = {"symbol": "BTC/USDT", "side": "buy", "price": "90", "qty": "3", "ts": "2026-01-02T10:00:00Z"}
OPENING = {"kind": "opening", "symbol": "btc/usdt", "quantity": "5", "average": "100", "ts": "2026-01-03T00:00:00Z"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running(tmp_path_factory.mktemp("openings")) as app:
        alias = {"kind": "instrument", "symbol": "BTC/USDT", "aliases": ["XBT/USDT"]}
        app.client.post("/events", json=alias).raise_for_status()
        other = {**TRADE, "symbol": "ETH/USDT"}
        app.client.post("/trades", json=[TRADE, other]).raise_for_status()
        app.client.post("/events", json={"kind": "void", "target": 3}).raise_for_status()
        yield app


@pytest.fixture(scope="module")
def api(app: RunningApp) -> httpx.Client:
    build_history(app.data_folder)
    return app.client


@pytest.mark.parametrize("symbol", ["btc/usdt", "XBT/USDT"])
def test_it_is_refused_with_what_to_do_and_nothing_is_taken(api: httpx.Client, symbol: str) -> None:
    refused = problem(api.post("/events", json=[{**OPENING, "symbol": symbol}]), "invalid_batch")
    (error,) = refused["errors"]
    assert error["pointer"] == "#/0/ts"
    assert "first at 2026-01-02T10:00:00Z" in error["detail"]
    assert "send `after_trades` true" in error["detail"]
    assert api.get("/events?kind=opening").json()["events"] == []


@pytest.mark.parametrize(
    "members",
    [
        {"ts": "2026-01-02T10:00:00Z"},
        {"strategy": "other"},
        {"position_side": "long"},
        {"symbol": "ETH/USDT"},
        {"after_trades": True},
    ],
    ids=["at the time of the first trade", "another strategy", "another side", "a void trade", "it is meant"],
)
def test_others_are_taken(api: httpx.Client, members: dict[str, object]) -> None:
    assert api.post("/events", json={**OPENING, "average": "101", **members}).status_code == 201
    last = api.get("/events?kind=opening").json()["events"][-1]
    assert "after_trades" not in last["opening"]


def test_the_same_again_is_a_repeat_and_a_sent_export_is_taken(api: httpx.Client) -> None:
    meant = {**OPENING, "id": "o-1", "after_trades": True}
    assert api.post("/events", json=meant).status_code == 201
    del meant["after_trades"]
    assert api.post("/events", json=meant).status_code == 200
