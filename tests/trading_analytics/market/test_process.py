"""trading-analytics beside a market feed: candles are exact through a kill, windows are there again after a restart."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from telemetry_stream.backend import open_log
from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import Event as StreamEvent
from telemetry_stream.events import Submission
from telemetry_stream.place import Place
from telemetry_stream.topics import Deduplication, Topic
from tests.support.apps import Apps, samples_of
from tests.support.polling import eventually
from tests.support.programs import run_command
from tests.trading_analytics.market.market_stream import Event, candles_of, random_events
from trading_analytics import metrics
from trading_history.candles.candle import SPANS
from trading_history.candles.store import CANDLES, candles, markets
from trading_history.errors import StoreUnavailable
from trading_model.topics import MARKET_DATA, MARKET_DATA_FOLDER

ANALYTICS = "trading-analytics"
SYMBOLS = ("BTC-USDT", "ETH-USDT")


@pytest.fixture
def apps(tmp_path: Path) -> Iterator[Apps]:
    made = Apps(tmp_path, FEED_SYMBOLS=",".join(SYMBOLS), ANALYTICS_WINDOWS="10s,2m")
    made.data.mkdir()
    yield made
    made.end()


def open_feed(apps: Apps) -> DurableLog:
    """Stands for the market feed: journals market data and publishes it."""
    addresses = (apps.environment["FEED_ZMQ_ADDR"], apps.environment["FEED_REPLAY_ADDR"])
    topic = Topic(MARKET_DATA, Deduplication.IDS)
    place = Place(topic, apps.data / MARKET_DATA_FOLDER, *addresses)
    return open_log(place, lambda error: pytest.fail(repr(error)))


def put(feed: DurableLog, events: list[Event]) -> None:
    first = feed.head() + 1
    feed.append(
        [
            Submission([StreamEvent(f"feed#{first + number}", msgspec.json.encode(event))])
            for number, event in enumerate(events)
        ]
    )


def committed(apps: Apps) -> int:
    """The number of trades in the candles."""
    try:
        found = [candles(apps.data, market, 86_400, 0, 2**40) for market in markets(apps.data)]
    except StoreUnavailable:  # not there yet, or damaged still
        return 0
    return sum(candle.trades for some in found for _, candle in some)


def check(apps: Apps, *, code: int) -> str:
    done = run_command(ANALYTICS, "check", environment=apps.environment, folder=apps.folder)
    assert done.returncode == code, done.stderr
    return done.stdout


def trades_in(events: list[Event]) -> int:
    return sum(event["kind"] == "trade" for event in events)


def test_candles_are_exact_through_a_kill_and_windows_come_back(apps: Apps) -> None:
    # They end minutes from now: however slow this is, the feed does not count as silent.
    events = random_events(7, 400, datetime.now(UTC))
    with closing(open_feed(apps)) as feed:
        put(feed, events[:150])
        apps.start(ANALYTICS)
        put(feed, events[150:300])
        eventually(lambda: committed(apps) >= trades_in(events[:280]), what="candles")
        apps.kill(ANALYTICS)
        put(feed, events[300:])
        apps.start(ANALYTICS)
        eventually(lambda: committed(apps) == trades_in(events), what="all candles")
        for market in markets(apps.data):
            for span in SPANS:
                assert dict(candles(apps.data, market, span, 0, 2**40)) == candles_of(events, market.symbol, span)

        shown = samples_of(f"{apps.analytics_url}/metrics")
        assert shown["trading_market_head_sequence"] == shown["trading_market_applied_sequence"] == "400"
        whole = '{venue="binance",symbol="BTC-USDT",window="2m"}'
        assert float(shown[f"trading_market_coverage_ratio{whole}"]) > 0.6  # also of what came before the restart
        names = {name.partition("{")[0] for name in shown}
        assert names >= {one.name for one in metrics.ALL if one.name.startswith("trading_market_")}
        (apps.data / CANDLES.file_name).unlink()
        eventually(lambda: committed(apps) == trades_in(events), what="the candles, put back")
        assert apps.stop() == {ANALYTICS: 0}
        assert "back in their place if that is free" in apps.log(ANALYTICS).read_text()

        assert "candles of 2 markets, up to market event 400" in check(apps, code=0)
        file = apps.data / CANDLES.file_name
        file.write_bytes(file.read_bytes()[:8192] + b"\xff" * 8192)
        assert f"{file} is damaged" in check(apps, code=1)
        apps.start(ANALYTICS)
        eventually(lambda: committed(apps) == trades_in(events), what="candles of the feed's journal")
        assert samples_of(f"{apps.analytics_url}/metrics")["trading_market_failures_total"] == "1"
    assert "it is market.sqlite3.set-aside now" in apps.log(ANALYTICS).read_text()
