"""The second venue: what Coinbase Exchange sends, read, and the same feed in front of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_feed.market import Head, Item, Quote, Refusal, Subscriptions, Trade, Unreadable
from market_feed.simulator.tape import as_matches
from market_feed.venues.coinbase.frames import CoinbaseReader
from market_feed.venues.coinbase.venue import Coinbase
from market_feed.venues.venue import Wanted
from tests.market_feed import recordings
from tests.market_feed.running import journaled, parts, running_feed
from tests.support.examples import some_of
from tests.support.polling import eventually

NOW_US = 1_795_000_000_000_000
MATCH = {
    "type": "match", "trade_id": 10, "sequence": 50, "maker_order_id": "a", "taker_order_id": "b",
    "time": "2026-11-18T11:06:39.995007Z", "product_id": "BTC-USD", "size": "5.23512", "price": "400.23",
    "side": "sell",
}  # fmt: skip
VENUE = Coinbase("wss://feed.example", Wanted(("trade", "quote", "candle")))
TICKS = tuple(as_matches(recordings.cut(), "BTC-USDT"))


def read(*messages: dict[str, Any]) -> list[Item]:
    return CoinbaseReader().read([json.dumps(message).encode() for message in messages], NOW_US)


def test_a_match_names_the_maker_and_the_event_the_taker() -> None:
    sold, bought, unknown = read(MATCH, {**MATCH, "side": "buy", "type": "last_match"}, {**MATCH, "side": "both"})
    assert [item.side for item in (sold, bought, unknown) if isinstance(item, Trade)] == ["buy", "sell", "unknown"]
    assert isinstance(sold, Trade)
    assert (sold.id, sold.price, sold.qty, sold.ts) == (10, "400.23", "5.23512", "2026-11-18T11:06:39.995007Z")


def test_heartbeats_tickers_subscriptions_and_errors_are_read() -> None:
    ticker = {"type": "ticker", "sequence": 7, "product_id": "BTC-USD", "best_bid": "1", "best_bid_size": "2"}
    assert read(
        {"type": "heartbeat", "last_trade_id": 9, "product_id": "BTC-USD"},
        {**ticker, "best_ask": "3", "best_ask_size": "4"},
        {"type": "subscriptions", "channels": [{"name": "matches", "product_ids": ["BTC-USD"]}]},
        {"type": "error", "message": "Failed to subscribe", "reason": "NO-SUCH is not a valid product"},
        {"type": "status", "products": []},
    ) == [
        Head("BTC-USD", 9),
        Quote("BTC-USD", 7, "1", "2", "3", "4"),
        Subscriptions(("BTC-USD@matches",)),
        Refusal("Failed to subscribe: NO-SUCH is not a valid product"),
    ]


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("ids", {"trade_id": 0}),
        ("ids", {"product_id": ""}),
        ("number", {"price": "NaN"}),
        ("number", {"size": "-1"}),
        ("time", {"time": "1970-01-01T00:00:00Z"}),
        ("time", {"time": '2026-11-18T11:06:39Z","x":"'}),
    ],
)
def test_a_match_that_can_not_be_is_refused_by_name(reason: str, change: dict[str, Any]) -> None:
    [item] = read({**MATCH, **change, "new": 1})
    assert isinstance(item, Unreadable)
    assert (item.reason, json.loads(item.content)) == (reason, {**MATCH, **change, "new": 1})


@settings(max_examples=some_of(200))
@given(st.lists(st.binary(max_size=30) | st.sampled_from([json.dumps(MATCH).encode(), b"[]", b"{}", b"1"])))
def test_whatever_comes_nothing_is_raised(frames: list[bytes]) -> None:
    items = CoinbaseReader().read(frames, NOW_US)
    assert sum(isinstance(item, Trade) for item in items) == frames.count(json.dumps(MATCH).encode())


def test_what_is_subscribed_to_is_said_channel_by_channel() -> None:
    streams = [name for symbol in ("BTC-USD", "ETH-USD") for name in VENUE.streams(VENUE.instrument(symbol))]
    [message] = VENUE.subscribe(streams, 1)
    assert json.loads(message) == {
        "type": "subscribe",
        "channels": [
            {"name": name, "product_ids": ["BTC-USD", "ETH-USD"]} for name in ("matches", "heartbeat", "ticker")
        ],
    }


def test_a_page_from_an_id_on_ends_a_thousand_further() -> None:
    page = VENUE.page(VENUE.instrument("BTC-USD"), 5_000)
    assert (page.path, page.parameters) == ("/products/BTC-USD/trades", {"after": "6000", "limit": "1000"})
    [trade] = VENUE.read_page(VENUE.instrument("BTC-USD"), json.dumps([MATCH]).encode(), NOW_US)
    assert (trade.id, trade.side, trade.origin) == (10, "buy", "backfill")
    with pytest.raises(ValueError, match="not a trade"):
        VENUE.read_page(VENUE.instrument("BTC-USD"), json.dumps([{**MATCH, "price": "x"}]).encode(), NOW_US)


@pytest.mark.parametrize(
    ("product", "status"),
    [
        ({"status": "online"}, "trading"),
        ({"status": "online", "trading_disabled": True}, "halted"),
        ({"status": "offline"}, "halted"),
        ({"status": "delisted"}, "unlisted"),
    ],
    ids=["online", "disabled", "offline", "delisted"],
)
def test_whether_a_product_trades(product: dict[str, Any], status: str) -> None:
    page = VENUE.status_page([VENUE.instrument("BTC-USD")])
    assert page.path == "/products/BTC-USD"
    [found] = VENUE.read_statuses(json.dumps({"id": "BTC-USD", **product}).encode(), NOW_US)
    assert (found.code, found.status, found.detail) == ("BTC-USD", status, product["status"])
    assert VENUE.is_unlisted(404, b"")
    assert not VENUE.is_unlisted(400, b"")


def test_cut_and_killed_each_trade_is_journaled_once_in_the_order_of_its_id(tmp_path: Path) -> None:
    with running_feed(tmp_path, FEED_VENUES="coinbase") as feed:
        eventually(lambda: feed.exchange.do(lambda exchange: exchange.subscribers[0].streams))
        feed.exchange.play(TICKS[:50]).result(60)
        feed.wait_for_trade(50)
        for number, part in enumerate(parts(TICKS[50:-1], 1_000)):
            playing = feed.exchange.play(part)
            if number % 2:
                feed.kill()
                feed.start()
            else:
                feed.exchange.cut()
            playing.result(60)
        eventually(lambda: feed.exchange.do(lambda exchange: any(one.streams for one in exchange.subscribers)))
        feed.exchange.play(TICKS[-1:]).result(60)
        feed.wait_for_trade(len(TICKS))
        trades = feed.of_kind("trade")
        taken = [
            (one["trade_id"], one["price"], one["size"], "sell" if one["side"] == "buy" else "buy")
            for one in (tick.data for tick in TICKS)
        ]
        assert journaled(trades) == taken
        assert {one["venue"] for one in trades} == {"coinbase"}
        assert feed.of_kind("gap") == []
