"""Marks by the market through the sidecar as a process: the stream comes, stands still, and is not there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry_stream.backend import open_log
from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import Event, Submission
from telemetry_stream.place import Place
from telemetry_stream.topics import Deduplication, Topic
from tests.metrics_sidecar.builders import event, trade
from tests.support.apps import Apps
from tests.support.polling import eventually
from tests.telemetry_stream.streams import open_stream
from trading_model.field_rules import format_timestamp
from trading_model.topics import MARKET_DATA

SIDECAR = "metrics-sidecar"
INSTRUMENT = {"kind": "instrument", "id": "i", "instrument": {"symbol": "BTC/USDT", "mark": "market"}}
LONG_AGO, FAR_AHEAD = "2020-01-01T00:00:00Z", "2035-01-01T00:00:00Z"


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    made = Apps(tmp_path, SIDECAR_SNAPSHOT_SECONDS="0.1", SIDECAR_MARK_SECONDS="1")
    yield made
    made.end()


def open_market(apps: Apps) -> DurableLog:
    """The writer of the market stream."""
    live, replay = apps.environment["FEED_ZMQ_ADDR"], apps.environment["FEED_REPLAY_ADDR"]
    topic = Topic(MARKET_DATA, Deduplication.IDS)
    return open_log(Place(topic, apps.folder / "market", live, replay), lambda error: pytest.fail(repr(error)))


def tick(number: int, price: str, ts: str) -> Submission:
    market = '"kind":"trade","venue":"binance","symbol":"BTC-USDT"'
    text = f'{{{market},"trade_id":"{number}","price":"{price}","ts":"{ts}"}}'
    return Submission([Event(f"binance:BTCUSDT:a#{number}", text.encode())])


def position(apps: Apps) -> dict[str, Any]:
    found: list[dict[str, Any]] = apps.state()["positions"]
    (only,) = found
    return only


def test_a_market_marks_while_it_is_there_and_never_holds_the_ledger_up(apps: Apps) -> None:
    ledger = open_stream(
        apps.folder / "ledger", apps.environment["WEBAPP_ZMQ_ADDR"], apps.environment["WEBAPP_REPLAY_ADDR"], print
    )
    events = [INSTRUMENT, trade("buy", "2", "100", symbol="BTC/USDT", ts=LONG_AGO)]
    payloads = [b"{" + event(number, given).split(b",", 1)[1] for number, given in enumerate(events, 1)]
    ledger.append([Submission([Event(str(number), payload) for number, payload in enumerate(payloads)])])
    market = open_market(apps)
    apps.start(SIDECAR)
    apps.wait_until_applied(2)
    assert (position(apps)["mark_source"], position(apps)["flags"]) == ("last", ["no_market_price"])
    market.append([tick(1, "110", format_timestamp(0)), tick(2, "111.5", FAR_AHEAD)])
    eventually(lambda: position(apps)["mark_source"] == "binance", what="the market's mark")
    assert (position(apps)["unrealized_pnl"], position(apps)["flags"]) == ("23", [])
    eventually(lambda: apps.samples()["trading_market_stream_caught_up"] == "1", what="caught up with the market")
    assert apps.samples()['trading_mark_price{symbol="BTC/USDT",source="binance"}'] == "111.5"

    market.append([tick(3, "112", "2026-01-01T00:00:00Z")])
    eventually(lambda: position(apps)["flags"] == ["stale_mark"], what="a stale mark")
    assert (position(apps)["mark_source"], position(apps)["unrealized_pnl"]) == ("binance", "24")
    market.close()
    apps.kill(SIDECAR)
    apps.start(SIDECAR)
    apps.wait_until_applied(2)
    restarted = position(apps)
    assert (restarted["mark_source"], restarted["flags"]) == ("last", ["no_market_price"])
    assert apps.samples()['trading_mark_stale{symbol="BTC/USDT"}'] == "1"
    assert apps.samples()["trading_market_stream_caught_up"] == "0"
    assert "error" not in apps.logged_levels(SIDECAR)
    ledger.close()
