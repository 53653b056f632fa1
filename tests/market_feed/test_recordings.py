"""Whole recordings of Binance Spot, where MARKET_RECORDINGS names a folder with them: cut, doubled, rotated, killed."""

import os
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.market_feed import recordings
from tests.market_feed.recordings import only
from tests.market_feed.running import RunningFeed, facts, journaled, parts, running_feed
from tests.support.polling import eventually

FILES = {
    "BTC-USDT": ("binance-spot-btcusdt_20240808.ws.gz", "binance-spot-btcusdt_20240809.ws.gz"),
    "ETH-USDT": ("binance-spot-ethusdt_20240808.ws.gz",),
}
SEED = 20_261_128
pytestmark = pytest.mark.skipif(not os.environ.get("MARKET_RECORDINGS"), reason="MARKET_RECORDINGS names no folder")


@pytest.mark.parametrize("trades", ["aggregate", "single"])
def test_cut_doubled_rotated_and_killed_each_trade_is_journaled_once_to_the_digit(tmp_path: Path, trades: str) -> None:
    chance = random.Random(SEED)
    kind, key = ("aggTrade", "a") if trades == "aggregate" else ("trade", "t")
    ticks = {symbol: recordings.whole(*names) for symbol, names in FILES.items()}
    merged = sorted((tick for some in ticks.values() for tick in some), key=lambda tick: tick.at_ns)
    symbols = ",".join(FILES)
    with running_feed(tmp_path, FEED_SYMBOLS=symbols, FEED_TRADES=trades, FEED_KINDS="trade,quote") as feed:
        feed.exchange.play(merged[:2_000]).result(60)
        eventually(lambda: {one["symbol"] for one in feed.of_kind("trade")} == set(FILES))
        feed.exchange.exchange.faults.doubled = 0.05
        for number, part in enumerate(parts(merged[2_000:], 6_000)):
            playing = feed.exchange.play(part, speed=20)
            if number % 4 == 1:
                feed.kill()
                feed.start()
            elif number % 4 == 3:
                feed.exchange.announce_shutdown()
            else:
                how = chance.choice(["abort", "1001", "1008", "mid_frame"])
                feed.exchange.cut(how)
            playing.result(120)
        for symbol in FILES:
            expected = facts(only(ticks[symbol], kind), key)
            eventually(partial(_has, feed, symbol, len(expected)))
            assert journaled(_trades(feed, symbol)) == expected
        assert feed.of_kind("gap") == []


def _has(feed: RunningFeed, symbol: str, count: int) -> bool:
    return len(_trades(feed, symbol)) == count


def _trades(feed: RunningFeed, symbol: str) -> list[dict[str, Any]]:
    return [one for one in feed.of_kind("trade") if one["symbol"] == symbol]
