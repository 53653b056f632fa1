"""Both apps under the demo's load, once for all tests here; and a Prometheus that scrapes them."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from market_feed.simulator.random_market import random_ticks
from tests.infra.checkout import Checkout
from tests.infra.prometheus import Prometheus
from tests.support.apps import BIN, Apps
from tests.support.fake_exchange import FakeExchange, fake_exchange
from tests.support.http import HTTP, open_client
from tests.support.ports import free_port

TOKEN = "token-of-the-tests"
SYMBOLS = ("BTC-USDT", "ETH-USDT")

# Of this package, for which it has to be one (`__init__.py`), and not of the session: the load would take a tenth of a
# processor from all tests that come after.


@pytest.fixture(scope="package")
def market() -> Iterator[FakeExchange]:
    """An exchange on which two markets move."""
    with fake_exchange() as exchange:
        exchange.play(random_ticks(SYMBOLS, 50, time.time_ns(), 1), speed=1)
        yield exchange


@pytest.fixture(scope="package")
def apps(market: FakeExchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    """The apps, and trades coming in meanwhile. The web app asks for a token, the sidecar does not."""
    settings = {
        "WEBAPP_API_TOKENS": f"{TOKEN},another-token-of-the-tests",
        "SIDECAR_SNAPSHOT_SECONDS": "0.5",
        "BASE_CURRENCY": "EUR",
    }
    settings |= {"FEED_SYMBOLS": ",".join(SYMBOLS), "FEED_KINDS": "trade,quote", **market.settings}
    settings |= {"ANALYTICS_WINDOWS": "5s,1m"}  # half of the first is known soon
    running = Apps(tmp_path_factory.mktemp("apps"), **settings)
    running.start("market-feed")
    running.start("trading-analytics")
    running.start_both()
    running.wait_for("trading-analytics")
    running.wait_for("market-feed")
    arguments = ["--rate", "50", "--seconds", "0", "--url", running.web_url, "--token", TOKEN]
    command = [str(BIN / "trading-app"), "demo", *arguments]
    demo = subprocess.Popen(command, env=running.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        make_refusals(running)
        make_corrections(running)
        yield running
    finally:
        demo.terminate()
        demo.wait(timeout=60)
        assert set(running.stop().values()) == {0}


def make_refusals(apps: Apps) -> None:
    """What goes wrong now and then: a request without JSON, and a replay request that is none."""
    answer = HTTP.post(f"{apps.web_url}/trade", content=b"{", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code >= 400
    with zmq.Context() as context, context.socket(zmq.DEALER) as replay:
        replay.connect(apps.environment["WEBAPP_REPLAY_ADDR"])
        replay.send(b"no request")
        replay.poll(5_000)


def make_corrections(apps: Apps) -> None:
    """What the demo does not send: both sides of a hedge, a fee in a third currency, a currency of the fill's own, a
    late trade, a void, cash, an account whose own prices mark its positions, a symbol that the market marks, contracts.
    """
    fill = {"symbol": "SOL/USDT", "side": "buy", "qty": "1", "price": "150"}
    fill |= {"account": "demo", "strategy": "trend-follower"}
    contract = {"symbol": "QQZ/USDT:USDT", "qty": "3", "price": "20", "strategy": "trend-follower", "account": "demo"}
    fills = [
        {**contract, "side": "sell", "multiplier": "0.01"},
        {**contract, "side": "buy", "symbol": "QQI/USD:BTC"},
        {**fill, "position_side": "long", "fee": "0.01", "fee_currency": "BNB"},
        {**fill, "position_side": "short", "side": "sell"},
        {**fill, "ts": "2026-01-31T12:00:00Z", "position_side": "long"},
        {**fill, "symbol": "QQC-PERP", "currency": "EUR"},
        {**fill, "symbol": "QQM/USDT", "account": "marked"},
        {**fill, "position_side": "long"},
    ]
    with open_client(apps.web_url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        last = client.post("/trades", json=fills).raise_for_status().json()["last_seq"]
        events = [
            {"kind": "void", "target": last},
            {"kind": "cash", "account": "demo", "amount": "-0.25", "currency": "USDT", "reason": "funding"},
            {"kind": "instrument", "symbol": "QQM/USDT", "mark": "account"},
            {"kind": "instrument", "symbol": "BTC/USDT", "mark": "market"},
            {"kind": "instrument", "symbol": "QQI/USD:BTC", "multiplier": "100", "settlement": "inverse"},
        ]
        client.post("/events", json=events).raise_for_status()
        client.post("/trade", json=fills[-2]).raise_for_status()


@pytest.fixture(scope="package")
def prometheus(apps: Apps, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that `infra-up` started, on a port of its own."""
    port = free_port()
    shared = (
        *("WEBAPP_HTTP_PORT", "WEBAPP_API_TOKENS", "SIDECAR_HTTP_PORT", "ANALYTICS_HTTP_PORT"),
        *("FEED_HTTP_PORT", "FEED_SYMBOLS"),
    )
    settings = {key: apps.environment[key] for key in shared}
    folder: Path = tmp_path_factory.mktemp("checkout")
    checkout = Checkout(folder, "prometheus", **settings, PROMETHEUS_HTTP_PORT=str(port), ENVIRONMENT="development")
    started = checkout.run("up")
    assert started.returncode == 0, started.stderr
    server = Prometheus(f"http://127.0.0.1:{port}")
    try:
        yield server
    finally:
        server.close()
        assert checkout.run("down").returncode == 0
