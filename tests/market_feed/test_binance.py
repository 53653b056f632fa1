"""What Binance sends, read: frames, joined and broken ones, and pages. Numbers are rows of docs/market-data.md."""

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_feed.market import (
    Candle,
    Head,
    InstrumentStatus,
    Item,
    Quote,
    Refusal,
    ShutdownNotice,
    Subscriptions,
    Trade,
    Unreadable,
)
from market_feed.times import Unit
from market_feed.venues.binance.frames import BinanceReader
from market_feed.venues.binance.venue import Binance
from market_feed.venues.venue import Wanted
from tests.support.examples import some_of

NOW_US = 1_795_000_000_000_000
T = NOW_US - 5_000
AGGREGATE = {
    "e": "aggTrade", "E": T + 1_000, "s": "BTCUSDT", "a": 7, "p": "61837.63000000", "q": "0.02000000", "f": 100,
    "l": 101, "T": T, "m": True, "M": True,
}  # fmt: skip
QUOTE = {"u": 50, "s": "BTCUSDT", "b": "61837.63", "B": "3.7", "a": "61837.64", "A": "1.5"}
KLINE = {
    "e": "kline", "E": T, "s": "BTCUSDT", "k": {
        "t": 1_794_999_900_000_000, "T": 1, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 9, "o": "1", "c": "2", "h": "3",
        "l": "0.5", "v": "10", "n": 9, "x": True, "q": "0", "V": "0", "Q": "0", "B": "0",
    },
}  # fmt: skip
TICKER = {"e": "24hrTicker", "E": T, "s": "BTCUSDT", "p": "1", "l": "0.1", "a": "3", "A": "1", "b": "2", "L": 101}


def frame(data: Any, stream: str = "x") -> bytes:
    return json.dumps({"stream": stream, "data": data}).encode()


def read(*frames: bytes, unit: Unit = Unit.MICROSECOND) -> list[Item]:
    return BinanceReader(unit).read(frames, NOW_US)


def test_row_24_an_aggregate_keeps_every_digit_and_its_own_time() -> None:
    [trade] = read(frame(AGGREGATE))
    assert isinstance(trade, Trade)
    assert (trade.code, trade.id, trade.price, trade.qty) == ("BTCUSDT", 7, "61837.63000000", "0.02000000")
    assert (trade.side, trade.first_id, trade.last_id) == ("sell", 100, 101)
    assert (trade.ts, trade.event_ts) == ("2026-11-18T11:06:39.995000Z", "2026-11-18T11:06:39.996000Z")
    assert trade.time_us == T


def test_quotes_candles_and_the_venues_head_are_read() -> None:
    open_kline = {**KLINE, "k": {**KLINE["k"], "x": False}}  # type: ignore[dict-item]  # a dict
    quote, candle, head = read(frame(QUOTE), frame(open_kline), frame(KLINE), frame(TICKER))
    assert quote == Quote("BTCUSDT", 50, "61837.63", "3.7", "61837.64", "1.5")
    assert isinstance(candle, Candle)
    assert (candle.ts, candle.open, candle.high, candle.low, candle.close) == (
        "2026-11-18T11:05:00.000000Z", "1", "3", "0.5", "2"
    )  # fmt: skip
    assert head == Head("BTCUSDT", 101)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param({"i": "1h"}, [], id="not-asked-for"),
        pytest.param({"t": KLINE["k"]["t"] + 60_000_000}, ["time"], id="not-over"),  # type: ignore[index]  # a dict
        pytest.param({"t": KLINE["k"]["t"] - 1}, ["time"], id="no-minute"),  # type: ignore[index]  # a dict
        pytest.param({"n": -1}, ["number"], id="negative-count"),
    ],
)
def test_a_candle_that_was_not_asked_for_or_can_not_be_is_none(change: dict[str, Any], found: list[str]) -> None:
    """One of an hour would be numbered among minutes; one that is not over would stand for the whole minute."""
    items = read(frame({**KLINE, "k": {**KLINE["k"], **change}}))  # type: ignore[dict-item]  # a dict
    assert [item.reason for item in items if isinstance(item, Unreadable)] == found
    assert len(items) == len(found)


@pytest.mark.parametrize("member", ["result", "error", "data", "of-tomorrow"])
def test_no_depth_of_nesting_is_too_much(member: str) -> None:
    """Where reading just succeeds, writing it into a log line would need one level more than there is."""
    for depth in range(1, sys.getrecursionlimit() + 20):
        read(b'{"%b":%b%b}' % (member.encode(), b"[" * depth, b"]" * depth))


def test_row_7_both_shapes_of_the_shutdown_notice_are_read() -> None:
    notice = {"e": "serverShutdown", "E": T}
    assert read(json.dumps(notice).encode()) == [ShutdownNotice()]
    assert read(frame(notice, "!serverShutdown")) == [ShutdownNotice()]


def test_answers_to_our_messages_are_read() -> None:
    listed = b'{"result":["btcusdt@aggTrade"],"id":3}'
    refused = b'{"code":2,"msg":"Invalid request","id":1}'
    assert read(b'{"result":null,"id":1}', listed) == [Subscriptions(("btcusdt@aggTrade",))]
    assert [type(item) for item in read(refused)] == [Refusal]


def test_row_26_every_element_of_a_frame_is_taken() -> None:
    second = {**AGGREGATE, "a": 8}
    joined = b"[" + frame(AGGREGATE) + b"," + frame(second) + b"]"
    assert [item.id for item in read(joined) if isinstance(item, Trade)] == [7, 8]
    assert [item.id for item in read(frame([AGGREGATE, second])) if isinstance(item, Trade)] == [7, 8]


def test_row_17_unknown_members_and_events_are_passed_over_and_a_broken_trade_hides_no_other() -> None:
    odd = {**AGGREGATE, "st": 3, "new": {"e": "x"}}
    broken = b'{"stream":"x","data":{"e":"aggTrade","a":"seven"'
    items = read(frame({"e": "outboundX", "Z": 1}), frame(odd), broken, frame({**AGGREGATE, "a": 8}))
    assert [type(item) for item in items] == [Trade, Unreadable, Trade]
    assert items[1] == Unreadable("malformed", broken)


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("number", {"p": "1e5"}),
        ("number", {"q": "-1"}),
        ("number", {"p": ""}),
        ("number", {"p": '1","x":"'}),
        ("ids", {"a": 0}),
        ("ids", {"a": 10**18}),
        ("ids", {"f": 5, "l": 4}),
        ("ids", {"s": ""}),
        ("time", {"T": 0}),
        ("time", {"T": 2**62}),
    ],
)
def test_a_trade_that_can_not_be_is_refused_by_name(reason: str, change: dict[str, Any]) -> None:
    sound, broken = ([frame({**one, "a": 8 + n}) for n in range(40)] for one in (AGGREGATE, {**AGGREGATE, "new": 1}))
    broken[20] = frame({**AGGREGATE, "new": 1, **change})
    for frames in (broken[20:21], broken, [*sound[:20], broken[20], *sound[20:]]):
        found = [item for item in read(*frames) if isinstance(item, Unreadable)]
        assert found == [Unreadable(reason, broken[20])], "with the bytes that came"


def test_row_22_a_time_in_another_unit_is_refused_once_the_connections_unit_is_known() -> None:
    reader = BinanceReader(Unit.MICROSECOND)
    in_ms = {**AGGREGATE, "a": 8, "T": T // 1_000}
    first, second = reader.read([frame(AGGREGATE), frame(in_ms)], NOW_US)
    assert isinstance(first, Trade)
    assert isinstance(second, Unreadable)
    assert second.reason == "time"


def test_a_venue_that_ignores_the_unit_is_understood_from_its_first_time() -> None:
    in_ms = {**AGGREGATE, "T": T // 1_000, "E": T // 1_000}
    [trade] = read(frame(in_ms))
    assert isinstance(trade, Trade)
    assert (trade.ts, trade.time_us) == ("2026-11-18T11:06:39.995Z", T)


@settings(max_examples=some_of(300))
@given(st.lists(st.binary(max_size=40) | st.sampled_from([frame(AGGREGATE), frame(QUOTE), b"[]", b"null", b"{}"])))
def test_whatever_comes_nothing_is_raised_and_sound_trades_are_read(frames: list[bytes]) -> None:
    items = BinanceReader(Unit.MICROSECOND).read(frames, NOW_US)
    assert sum(isinstance(item, Trade) for item in items) == frames.count(frame(AGGREGATE))


BINANCE = Binance("wss://data-stream.example", Unit.MICROSECOND, Wanted(("trade", "quote", "candle")))


def test_streams_are_named_in_the_url_in_lower_case() -> None:
    instrument = BINANCE.instrument("BTC-USDT")
    assert instrument.code == "BTCUSDT"
    url, others = BINANCE.url(BINANCE.streams(instrument))
    assert url == (
        "wss://data-stream.example/stream?streams=btcusdt@aggTrade/btcusdt@ticker/btcusdt@bookTicker/btcusdt@kline_1m"
        "&timeUnit=MICROSECOND"
    )
    assert others == []


def test_row_13_no_url_and_no_message_is_too_long_for_the_venue() -> None:
    names = [f"symbol{number}usdt@aggTrade" for number in range(1_000)]
    url, others = BINANCE.url(names)
    assert len(url) < 8_004
    messages = [json.loads(message) for message in BINANCE.subscribe(others, 1)]
    assert all(len(message["params"]) <= 200 for message in messages)
    assert [name for message in messages for name in message["params"]] == names[100:]
    assert [message["id"] for message in messages] == [1, 2, 3, 4, 5]


def test_pages_are_asked_for_by_id_and_read_in_either_unit() -> None:
    instrument = BINANCE.instrument("BTC-USDT")
    page = BINANCE.page(instrument, 42)
    assert (page.path, page.weight) == ("/api/v3/aggTrades", 4)
    assert page.parameters == {"symbol": "BTCUSDT", "fromId": "42", "limit": "1000"}
    item = {"a": 42, "p": "1.50", "q": "2", "f": 5, "l": 6, "T": T, "m": False, "M": True}
    for time, ts in ((T, "2026-11-18T11:06:39.995000Z"), (T // 1_000, "2026-11-18T11:06:39.995Z")):
        [trade] = BINANCE.read_page(instrument, json.dumps([{**item, "T": time}]).encode(), NOW_US)
        assert (trade.id, trade.price, trade.side, trade.ts, trade.origin) == (42, "1.50", "buy", ts, "backfill")


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"code":-1003,"msg":"x"}', b'[{"a":1}]', b'[{"a":1,"p":"x","q":"1","f":1,"l":1,"T":1}]']
)
def test_a_page_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        BINANCE.read_page(BINANCE.instrument("BTC-USDT"), body, NOW_US)


MINUTE = T // 60_000_000


@pytest.mark.parametrize(
    "change",
    [{"p": "NaN"}, {"q": 5}, {"f": -1, "l": -1}, {"a": 0}, {"T": 1}, {"T": T // 1_000}, {"m": []}],
    ids=["price", "type", "single-ids", "id", "time", "unit", "side"],
)
def test_one_trade_of_a_page_that_can_not_be_read_takes_no_other_with_it(change: dict[str, Any]) -> None:
    items = [{"a": 42 + n, "p": "1.50", "q": "2", "f": 5, "l": 6, "T": T, "m": False} for n in range(5)]
    items[2] |= change
    found = BINANCE.read_page(BINANCE.instrument("BTC-USDT"), json.dumps(items).encode(), NOW_US)
    assert [trade.id for trade in found] == [42, 43, 45, 46]


KLINE_ITEM = [MINUTE * 60_000, "1", "3", "0.5", "2", "10", MINUTE * 60_000 + 59_999, "20", 9, "5", "10", "0"]


def test_missed_candles_are_asked_for_by_their_start() -> None:
    page = BINANCE.candle_page(BINANCE.instrument("BTC-USDT"), 29_000_000)
    assert (page.path, page.weight, page.parameters["startTime"]) == ("/api/v3/klines", 2, "1740000000000")
    [candle] = BINANCE.read_candles(BINANCE.instrument("BTC-USDT"), json.dumps([KLINE_ITEM]).encode(), NOW_US)
    assert (candle.open, candle.high, candle.low, candle.close) == ("1", "3", "0.5", "2")
    assert (candle.volume, candle.trades, candle.number) == ("10", 9, MINUTE)
    for place, wrong in ((1, "x"), (0, MINUTE * 60_000 + 1), (8, -1)):
        item = [*KLINE_ITEM[:place], wrong, *KLINE_ITEM[place + 1 :]]
        with pytest.raises(ValueError, match="not a candle"):
            BINANCE.read_candles(BINANCE.instrument("BTC-USDT"), json.dumps([item]).encode(), NOW_US)


def test_the_status_of_many_instruments_is_asked_for_at_once() -> None:
    page = BINANCE.status_page([BINANCE.instrument(symbol) for symbol in ("BTC-USDT", "ETH-USDT")])
    assert (page.path, page.weight) == ("/api/v3/exchangeInfo", 20)
    assert page.parameters["symbols"] == '["BTCUSDT","ETHUSDT"]'
    body = b'{"symbols":[{"symbol":"BTCUSDT","status":"TRADING"},{"symbol":"ETHUSDT","status":"HALT"}],"x":1}'
    assert BINANCE.read_statuses(body, NOW_US) == [
        InstrumentStatus("BTCUSDT", "trading", "TRADING"),
        InstrumentStatus("ETHUSDT", "halted", "HALT"),
    ]


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"code":-1121}', True),
        (400, b'{"code":-1100}', False),
        (400, b"x", False),
        (429, b'{"code":-1121}', False),
    ],
    ids=["unknown-symbol", "other-code", "no-json", "other-status"],
)
def test_an_instrument_that_the_venue_does_not_list_is_recognised(status: int, body: bytes, expected: bool) -> None:
    assert BINANCE.is_unlisted(status, body) is expected
