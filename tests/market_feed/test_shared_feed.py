"""What one running feed makes of what its exchange does, test after test; numbers are the rows of docs/market-data.md.

The exchange's clock is a minute ahead from the start, and the market is halted.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from market_feed.simulator.tape import Tick
from tests.market_feed.recordings import cut, only
from tests.market_feed.running import RunningFeed, facts, journaled
from tests.support.fake_exchange import fake_exchange
from tests.support.polling import eventually

TICKS = cut()
PARTS = [TICKS[start : start + 1_000] for start in range(0, 6_000, 1_000)]
"""Each test that plays takes the next part, so that the ids go on."""

SKEW_MS = 60_000
MINUTE_MS = 60_000


def play(feed: RunningFeed, part: int) -> list[dict[str, Any]]:
    """Play a part and wait for its last aggregate; its aggregates."""
    feed.exchange.play(PARTS[part]).result(60)
    played = only(PARTS[part], "aggTrade")
    feed.wait_for_trade(played[-1]["a"])
    return played


def candle(number: int) -> Tick:
    """The closed candle of a minute."""
    start = number * MINUTE_MS
    kline = {
        "t": start, "T": start + MINUTE_MS - 1, "s": "BTCUSDT", "i": "1m", "o": "1", "h": "3", "l": "0.5", "c": "2",
        "v": "10", "n": number % 100, "x": True,
    }  # fmt: skip
    return Tick(0, "btcusdt@kline_1m", {"e": "kline", "E": start + MINUTE_MS, "s": "BTCUSDT", "k": kline})


def after(last: dict[str, Any]) -> Tick:
    """The trade after another one."""
    return Tick(0, "btcusdt@aggTrade", {**last, "a": last["a"] + 1, "f": last["l"] + 1, "l": last["l"] + 1})


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFeed]:
    folder = tmp_path_factory.mktemp("shared")
    with fake_exchange() as exchange:
        exchange.exchange.faults.clock_skew_ms = SKEW_MS
        exchange.exchange.database.statuses = {"BTCUSDT": "BREAK"}
        made = RunningFeed(
            folder, exchange, FEED_KINDS="trade,candle", FEED_MAX_PENDING_EVENTS="200", FEED_STALE_SECONDS="3600"
        )
        try:
            made.start()
            yield made
        finally:
            made.apps.end()


def test_a_halted_market_is_said_and_is_not_stale_and_so_is_its_end(feed: RunningFeed) -> None:
    eventually(lambda: feed.of_kind("status"), what="the status")
    assert feed.counter("trading_feed_state", state="halted") == 1
    feed.exchange.exchange.database.statuses = {}
    play(feed, 0)
    eventually(lambda: len(feed.of_kind("status")) == 2, what="asked again, since it trades")
    said = [(one["status"], one["detail"]) for one in feed.of_kind("status")]
    assert said == [("halted", "BREAK"), ("trading", "TRADING")]
    assert feed.counter("trading_feed_state", state="halted") == 0


def test_row_23_a_receipt_before_the_trade_is_kept_and_the_offset_is_shown(feed: RunningFeed) -> None:
    play(feed, 1)
    eventually(lambda: feed.sample("trading_feed_clock_offset_seconds", 'venue="binance"') > 0)
    last = feed.of_kind("trade")[-1]
    moved = only(PARTS[1], "aggTrade")[-1]["T"] + SKEW_MS
    assert last["ts"].endswith(f"{moved % 1_000:03d}000Z"), "as the venue wrote it"
    now_ms = time.time_ns() // 1_000_000
    data = {**only(PARTS[2], "aggTrade")[0], "T": now_ms, "E": now_ms}
    feed.exchange.do(lambda exchange: exchange.publish(Tick(0, "btcusdt@aggTrade", data)))
    feed.wait_for_trade(data["a"])
    ahead = feed.of_kind("trade")[-1]
    assert ahead["received_at_ns"] < (now_ms + SKEW_MS) * 1_000_000
    assert feed.ids() == sorted(feed.ids())
    assert feed.counter("trading_feed_arrival_delay_seconds") < 0


def test_row_8_a_burst_and_pings_end_no_connection_and_the_feed_sends_no_ping(feed: RunningFeed) -> None:
    playing = feed.exchange.play(PARTS[2][1:])
    feed.exchange.run(feed.exchange.exchange.ping())
    playing.result(60)
    feed.wait_for_trade(only(PARTS[2], "aggTrade")[-1]["a"])
    assert feed.exchange.do(lambda exchange: (exchange.connects, exchange.client_pings)) == (1, 0)


def test_fragments_are_joined(feed: RunningFeed) -> None:
    feed.exchange.exchange.faults.fragment_bytes = 50
    played = play(feed, 3)
    feed.exchange.exchange.faults.fragment_bytes = 0
    assert journaled(feed.of_kind("trade"))[-len(played) :] == facts(played)


def test_row_16_what_waits_for_the_journal_has_the_time_at_which_it_arrived(feed: RunningFeed) -> None:
    with feed.journal_locked():
        feed.exchange.play(PARTS[4]).result(60)
        feed.exchange.run(feed.exchange.exchange.ping())
        arrived_by_ns = time.time_ns()  # the pong comes after everything before it was read
    played = only(PARTS[4], "aggTrade")
    feed.wait_for_trade(played[-1]["a"])
    assert all(one["received_at_ns"] <= arrived_by_ns for one in feed.of_kind("trade"))
    assert feed.of_kind("gap") == []


def test_a_candle_that_was_missed_is_fetched(feed: RunningFeed) -> None:
    number = time.time_ns() // 1_000_000 // MINUTE_MS - 10
    feed.exchange.do(lambda exchange: exchange.publish(candle(number)))
    feed.exchange.do(lambda exchange: exchange.faults.mute.add("btcusdt@kline_1m"))
    for missed in (number + 1, number + 2):
        feed.exchange.do(lambda exchange: exchange.publish(candle(missed)))  # noqa: B023 -- called at once
    feed.exchange.do(lambda exchange: exchange.faults.mute.clear())
    feed.exchange.do(lambda exchange: exchange.publish(candle(number + 3)))
    eventually(lambda: len(feed.of_kind("candle")) == 4, what="the missed candles")
    found = {one["ts"]: (one["open"], one["trades"]) for one in feed.of_kind("candle")}
    assert sorted(found) == [
        time.strftime("%Y-%m-%dT%H:%M:00.000000Z", time.gmtime(one * 60)) for one in range(number, number + 4)
    ]
    assert {trades for _, trades in found.values()} == {one % 100 for one in range(number, number + 4)}


def test_row_19_what_the_venue_does_not_keep_any_more_is_said_once_and_asked_for_once(
    feed: RunningFeed,
) -> None:
    missed = only(PARTS[5], "aggTrade")
    kept = missed[len(missed) // 2]["a"]
    feed.exchange.exchange.database.oldest = kept
    feed.exchange.do(lambda exchange: exchange.faults.mute.add("btcusdt@aggTrade"))
    feed.exchange.play(PARTS[5]).result(60)
    feed.exchange.do(lambda exchange: exchange.faults.mute.clear())
    feed.exchange.do(lambda exchange: exchange.publish(after(missed[-1])))
    feed.wait_for_trade(missed[-1]["a"] + 1)
    gaps = [(int(one["from_id"]), int(one["to_id"]), one["reason"]) for one in feed.of_kind("gap")]
    assert gaps == [(missed[0]["a"], kept - 1, "absent_at_venue")]
    asked = [parameters["fromId"] for name, parameters in feed.exchange.exchange.database.asked if name == "aggTrades"]
    assert asked.count(str(missed[0]["a"])) == 1
