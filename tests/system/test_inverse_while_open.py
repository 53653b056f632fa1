"""An instrument that would turn an open position into an inverse contract needs a second thought."""

from pathlib import Path

from tests.support.apps import Apps, running_apps
from tests.support.http import open_client
from tests.support.polling import eventually
from tests.trading_app.problem_documents import problem

POLLS = 'trading_app_sidecar_polls_total{outcome="answered"}'


def wait_until_read(apps: Apps, sequence: int) -> None:
    """Until the web app has read a state of the sidecar that has all up to a sequence."""
    apps.wait_until_applied(sequence)
    before = float(apps.web_samples()[POLLS])
    eventually(lambda: float(apps.web_samples()[POLLS]) >= before + 2)


def test_an_open_position_becomes_inverse_only_on_demand(tmp_path: Path) -> None:
    with running_apps(tmp_path) as apps:
        client = open_client(apps.web_url)
        trade = {"symbol": "BTCUSD", "price": 100, "qty": 3, "side": "buy", "account": "main"}
        client.post("/trade", json=trade).raise_for_status()
        client.post("/trade", json={**trade, "symbol": "ETHUSD"}).raise_for_status()
        client.post("/trade", json={**trade, "symbol": "ETHUSD", "side": "sell"}).raise_for_status()
        wait_until_read(apps, 3)
        inverse = {"kind": "instrument", "settlement": "inverse", "multiplier": 1}
        for said in ({"symbol": "btcusd"}, {"pattern": "BTC*"}):
            refused = problem(client.post("/events", json={**inverse, **said}), "invalid_event")
            assert refused["errors"][0]["pointer"] == "#/settlement"
            assert "account main holds 3" in refused["detail"]
        linear = {**inverse, "settlement": "linear", "symbol": "BTCUSD"}
        assert client.post("/events", json=linear).status_code == 201
        assert client.post("/events", json={**inverse, "symbol": "ETHUSD"}).status_code == 201, "it is flat"
        taken = client.post("/events", json={**inverse, "symbol": "BTCUSD", "while_open": True})
        assert taken.status_code == 201
        [event] = client.get("/events", params={"after": taken.json()["seq"] - 1}).json()["events"]
        assert event["instrument"] == {"symbol": "BTCUSD", "multiplier": "1", "settlement": "inverse"}
        assert "account main holds 3" in problem(client.post("/events", json=linear), "invalid_event")["detail"]
        client.close()
