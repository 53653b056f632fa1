"""What one running feed makes of what its exchange does, each test with a market of its own; numbers are the rows of
docs/market-data.md. The exchange's clock is a minute ahead, and the first market is halted at the start.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from market_feed.simulator.tape import Tick
from tests.market_feed.recordings import cut, only
from tests.market_feed.running import RunningFeed, facts, journaled
from tests.support.fake_exchange import fake_exchange
from tests.support.polling import eventually

SKEW_MS = 60_000
MINUTE_MS = 60_000
TICKS = cut()[:1_000]
AGGREGATES = only(TICKS, "aggTrade")
MARKETS = ("HALTED", "SKEWED", "BURST", "FRAGMENTS", "WAITING", "CANDLES", "KEPT")


class Market:
    """One market of the shared feed, and the recording as if it were of it."""

    def __init__(self, feed: RunningFeed, base: str) -> None:
        self.feed = feed
        self.code = f"{base}USDT"
        self.stream = f"{self.code.lower()}@aggTrade"
        self._symbol = f"{base}-USDT"
        self._labels = f'venue="binance",symbol="{self._symbol}"'

    def ticks(self, ticks: Sequence[Tick] = TICKS) -> list[Tick]:
        """Ticks of this market."""
        return [self.tick(tick.data) for tick in ticks if tick.data["e"] == "aggTrade"]

    def tick(self, data: dict[str, Any]) -> Tick:
        """An aggregate of this market."""
        return Tick(0, self.stream, {**data, "s": self.code})

    def play(self, ticks: Sequence[Tick] = TICKS) -> None:
        """Publish them and wait for the last."""
        moved = self.ticks(ticks)
        self.feed.exchange.play(moved).result(60)
        self.wait_for(moved[-1].data["a"])

    def publish(self, tick: Tick) -> None:
        """Publish one."""
        self.feed.exchange.do(lambda exchange: exchange.publish(tick))

    def wait_for(self, number: int) -> None:
        """Wait until this trade is in the journal."""
        eventually(lambda: number in [int(one["trade_id"]) for one in self.of("trade")], what=f"trade {number}")

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Its events of a kind."""
        return [one for one in self.feed.of_kind(kind) if one["symbol"] == self._symbol]

    def sample(self, name: str, more: str = "") -> float:
        """A metric of it."""
        return self.feed.sample(name, self._labels + more)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFeed]:
    folder = tmp_path_factory.mktemp("shared")
    with fake_exchange() as exchange:
        exchange.exchange.faults.clock_skew_ms = SKEW_MS
        exchange.exchange.database.statuses = {"HALTEDUSDT": "BREAK"}
        symbols = ",".join(f"{base}-USDT" for base in MARKETS)
        limits = {"FEED_MAX_PENDING_EVENTS": "200", "FEED_STALE_SECONDS": "3600"}
        made = RunningFeed(folder, exchange, FEED_SYMBOLS=symbols, FEED_KINDS="trade,candle", **limits)
        try:
            made.start()
            yield made
        finally:
            made.apps.end()


def test_a_halted_market_is_said_and_so_is_its_end(feed: RunningFeed) -> None:
    market = Market(feed, "HALTED")
    eventually(lambda: market.of("status"), what="the status")
    assert market.sample("trading_feed_state", ',state="halted"') == 1
    feed.exchange.exchange.database.statuses = {}
    market.play(TICKS[:100])
    eventually(lambda: len(market.of("status")) == 2, what="asked again, since it trades")
    said = [(one["status"], one["detail"]) for one in market.of("status")]
    assert said == [("halted", "BREAK"), ("trading", "TRADING")]
    assert market.sample("trading_feed_state", ',state="halted"') == 0


def test_row_23_a_receipt_before_the_trade_is_kept_and_the_offset_is_shown(feed: RunningFeed) -> None:
    market = Market(feed, "SKEWED")
    market.play(TICKS[:100])
    last = market.ticks(TICKS[:100])[-1].data
    assert market.of("trade")[-1]["ts"].endswith(f"{(last['T'] + SKEW_MS) % 1_000:03d}000Z"), "as the venue wrote it"
    now_ms = time.time_ns() // 1_000_000
    market.publish(market.tick({**last, "a": last["a"] + 1, "T": now_ms, "E": now_ms}))
    market.wait_for(last["a"] + 1)
    assert market.of("trade")[-1]["received_at_ns"] < (now_ms + SKEW_MS) * 1_000_000
    assert market.sample("trading_feed_arrival_delay_seconds") < 0
    eventually(lambda: feed.sample("trading_feed_clock_offset_seconds", 'venue="binance"') > 0)


def test_row_8_a_burst_and_pings_end_no_connection_and_the_feed_sends_no_ping(feed: RunningFeed) -> None:
    market = Market(feed, "BURST")
    connects = feed.exchange.connects
    playing = feed.exchange.play(market.ticks())
    feed.exchange.run(feed.exchange.exchange.ping())
    playing.result(60)
    market.wait_for(AGGREGATES[-1]["a"])
    assert journaled(market.of("trade")) == facts(AGGREGATES)
    assert feed.exchange.do(lambda exchange: (exchange.connects, exchange.client_pings)) == (connects, 0)


def test_fragments_are_joined(feed: RunningFeed) -> None:
    market = Market(feed, "FRAGMENTS")
    feed.exchange.exchange.faults.fragment_bytes = 50
    market.play()
    feed.exchange.exchange.faults.fragment_bytes = 0
    assert journaled(market.of("trade")) == facts(AGGREGATES)


def test_row_16_what_waits_for_the_journal_has_the_time_at_which_it_arrived(feed: RunningFeed) -> None:
    market = Market(feed, "WAITING")
    market.play(TICKS[:100])
    with feed.journal_locked():
        feed.exchange.play(market.ticks(TICKS[100:])).result(60)
        feed.exchange.run(feed.exchange.exchange.ping())
        arrived_by_ns = time.time_ns()  # the pong comes after everything before it was read
    market.wait_for(AGGREGATES[-1]["a"])
    assert all(one["received_at_ns"] <= arrived_by_ns for one in market.of("trade"))
    assert journaled(market.of("trade")) == facts(AGGREGATES)


def candle(market: Market, number: int) -> Tick:
    """The closed candle of a minute."""
    start = number * MINUTE_MS
    kline = {
        "t": start, "T": start + MINUTE_MS - 1, "s": market.code, "i": "1m", "o": "1", "h": "3", "l": "0.5", "c": "2",
        "v": "10", "n": number % 100, "x": True,
    }  # fmt: skip
    data = {"e": "kline", "E": start + MINUTE_MS, "s": market.code, "k": kline}
    return Tick(0, f"{market.code.lower()}@kline_1m", data)


def test_a_candle_that_was_missed_is_fetched(feed: RunningFeed) -> None:
    market = Market(feed, "CANDLES")
    number = time.time_ns() // 1_000_000 // MINUTE_MS - 10
    market.publish(candle(market, number))
    eventually(lambda: market.of("candle"), what="the first candle")
    for missed in (number + 1, number + 2):
        feed.exchange.exchange.database.add(candle(market, missed).data)
    market.publish(candle(market, number + 3))
    eventually(lambda: len(market.of("candle")) == 4, what="the missed candles")
    found = {one["ts"]: one["trades"] for one in market.of("candle")}
    assert found == {
        time.strftime("%Y-%m-%dT%H:%M:00.000000Z", time.gmtime(one * 60)): one % 100
        for one in range(number, number + 4)
    }


def test_row_19_what_the_venue_does_not_keep_any_more_is_said_once_and_asked_for_once(feed: RunningFeed) -> None:
    market = Market(feed, "KEPT")
    first, *missed, last = market.ticks()
    # Without the venue's word of its last trade the hole shows by the trade after it only.
    feed.exchange.do(lambda exchange: exchange.faults.mute.add(f"{market.code.lower()}@ticker"))
    market.publish(first)
    market.wait_for(first.data["a"])
    for tick in missed[len(missed) // 2 :]:
        feed.exchange.exchange.database.add(tick.data)
    market.publish(last)
    market.wait_for(last.data["a"])
    kept = missed[len(missed) // 2].data["a"]
    gaps = [(int(one["from_id"]), int(one["to_id"]), one["reason"]) for one in market.of("gap")]
    assert gaps == [(missed[0].data["a"], kept - 1, "absent_at_venue")]
    asked = [one["fromId"] for name, one in feed.exchange.exchange.database.asked if one.get("symbol") == market.code]
    assert asked.count(str(missed[0].data["a"])) == 1
