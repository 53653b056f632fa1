"""Windows of markets from trading-analytics in the web app: the newest, and as a stream of what changed."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from telemetry_stream.durable_log import DurableLog
from tests.support.apps import Apps
from tests.support.http import HTTP
from tests.support.polling import eventually
from tests.trading_analytics.market.market_stream import Event
from tests.trading_analytics.market.test_process import open_feed, put

SYMBOL = {"venue": "binance", "symbol": "BTC-USDT"}


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    apps = Apps(tmp_path_factory.mktemp("markets"), FEED_SYMBOLS="BTC-USDT", ANALYTICS_WINDOWS="10s,2m")
    apps.data.mkdir()
    yield apps
    apps.end()


def trades(first: int, prices: list[str], begin: datetime) -> list[Event]:
    """A trade a second."""
    times = [begin + timedelta(seconds=number) for number in range(len(prices))]
    return [
        {
            "kind": "trade", **SYMBOL, "trade_id": str(first + number), "price": price, "qty": "0.5", "origin": "live",
            "ts": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "received_at_ns": int(time.timestamp() * 1e9),
            "first_trade_id": "1", "last_trade_id": "1",
        }
        for number, (price, time) in enumerate(zip(prices, times, strict=True))
    ]  # fmt: skip


def latest(apps: Apps, **parameters: str) -> list[dict[str, Any]]:
    """The newest values; none while trading-analytics takes too long to answer the web app."""
    answer = HTTP.get(f"{apps.web_url}/api/metrics/latest", params=parameters, timeout=60)
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return []
    found: list[dict[str, Any]] = answer.raise_for_status().json()
    return found


def rows_of(lines: Iterator[str]) -> list[dict[str, Any]]:
    next(line for line in lines if line == "event: metrics")
    rows: list[dict[str, Any]] = json.loads(next(lines).removeprefix("data: "))
    return rows


@pytest.fixture(scope="module")
def feed(apps: Apps) -> Iterator[DurableLog]:
    with closing(open_feed(apps)) as feed:
        prices = [f"{100 - number % 3}" for number in range(60)]
        put(feed, trades(1, prices, datetime.now(UTC) - timedelta(seconds=60)))
        yield feed


def test_the_newest_values_are_there_and_changes_are_sent(apps: Apps, feed: DurableLog) -> None:
    apps.start("trading-app")
    apps.wait_for("trading-app")
    problem = HTTP.get(f"{apps.web_url}/api/metrics/latest")
    assert (problem.status_code, problem.json()["code"]) == (503, "analytics_unavailable")
    apps.start("trading-analytics")
    eventually(lambda: HTTP.get(f"{apps.web_url}/api/metrics/latest").status_code == httpx.codes.OK, what="analytics")
    rows = eventually(lambda: latest(apps, window="all"), what="readings")
    assert {row["window"] for row in rows} == {"10s", "2m"}

    def whole_window() -> list[dict[str, Any]]:
        return [row for row in latest(apps, window="10s") if row["max_drawdown_pct"] == -2]

    eventually(whole_window, what="the whole window")
    (row,) = eventually(lambda: latest(apps), what="readings of the first window")
    assert (row["symbol"], row["venue"], row["window"], row["unrealized_pnl"]) == ("BTC-USDT", "binance", "10s", None)
    assert row["volatility_pct"] > 0
    assert (row["peak"]["price"], row["trough"]["price"]) == (100, 98)
    assert row["peak"]["seq"] + 2 == row["trough"]["seq"]
    assert row["reasons"]["spread_bps"] == "undefined"
    assert latest(apps, symbol="ETH-USDT") == []

    def candles() -> dict[str, Any]:
        found: dict[str, Any] = HTTP.get(f"{apps.web_url}/api/candles?symbol=BTC/USDT&interval=1d").json()
        return found

    eventually(lambda: candles()["source"] == "market", what="candles")  # they are committed once a second
    found = candles()
    assert (found["venue"], found["as_of"]) == ("binance", None)
    assert sum(candle["trades"] for candle in found["candles"]) == 60

    with HTTP.stream("GET", f"{apps.web_url}/api/metrics/stream", timeout=60) as answer:
        lines = answer.iter_lines()
        assert [row["symbol"] for row in rows_of(lines)] == ["BTC-USDT"]
        # Values are of what no trade within the permitted lateness can change: later trades close the first ones.
        put(feed, trades(61, ["150"] * 8, datetime.now(UTC)))
        assert any(rows_of(lines)[0]["price"] == 150 for _ in range(20))
