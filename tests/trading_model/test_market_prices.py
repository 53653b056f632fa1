"""The newest price of each market: from trades, else from quotes; nothing unreadable stops it."""

import json
from decimal import Decimal
from typing import Any

import pytest

from trading_model.market_prices import MarketPrices, Pair
from trading_model.timestamps import unix_ns

BTC = Pair("BTC", "USDT")


def trade(price: str, ts: str = "2026-11-28T12:00:00Z", **more: Any) -> dict[str, Any]:
    return {"kind": "trade", "venue": "binance", "symbol": "BTC-USDT", "price": price, "ts": ts, **more}


def quote(bid: str, ask: str, **more: Any) -> dict[str, Any]:
    market = {"kind": "quote", "venue": "binance", "symbol": "BTC-USDT", "received_at_ns": 1_795_867_200_000_000_000}
    return {**market, "bid": bid, "ask": ask, **more}


def prices_of(*events: Any) -> dict[str, Decimal]:
    """The price of BTC in USDT, by venue."""
    prices = MarketPrices()
    for event in events:
        prices.take(json.dumps(event).encode() if isinstance(event, dict) else event)
    one = prices.of(BTC)
    return {one.venue: one.price} if one else {}


def test_it_is_the_last_trade_with_its_digits_and_its_time() -> None:
    prices = MarketPrices()
    events = [trade("1.10", seq=1), trade("64250.12000000", "2026-11-28T12:00:01.5Z")]
    prices.take(",".join(map(json.dumps, events)).encode())
    price = prices.of(BTC)
    assert price is not None
    assert (str(price.price), price.ts, price.venue) == ("64250.12000000", "2026-11-28T12:00:01.5Z", "binance")
    assert price.at_ns == unix_ns("2026-11-28T12:00:00Z") + 1_500_000_000
    prices.forget()
    assert prices.of(BTC) is None


def test_of_several_venues_it_is_the_one_that_traded_last_by_the_minute() -> None:
    other = trade("2", "2026-11-28T12:00:59.9Z", venue="another")
    assert prices_of(trade("1"), other) == {"another": 2}
    assert prices_of(trade("1", "2026-11-28T12:00:59.99Z"), other) == {"another": 2}, "the first by name"
    assert prices_of(trade("1", "2026-11-28T12:01:00Z"), other) == {"binance": 1}
    assert prices_of(quote("3", "5", venue="another"), trade("1", "2026-11-27T12:00:00Z")) == {"binance": 1}


def test_a_late_trade_and_events_of_other_kinds_move_nothing() -> None:
    others = [trade("9", late=True), {**trade("9"), "kind": "gap"}, {**trade("9"), "kind": "candle"}, quote("1", "3")]
    assert prices_of(trade("5"), *others) == {"binance": 5}


def test_a_market_of_quotes_alone_has_the_exact_middle() -> None:
    assert prices_of(quote("0.00000001", "0.00000002")) == {"binance": Decimal("0.000000015")}


@pytest.mark.parametrize(
    "symbol", ["BTCUSDT", "BTC-USDT-SWAP", "-USDT", "BTC-", "", "BTC/USDT"], ids=lambda symbol: symbol or "empty"
)
def test_only_base_and_quote_name_a_spot_market(symbol: str) -> None:
    prices = MarketPrices()
    prices.take(json.dumps(trade("5", symbol=symbol)).encode())
    assert not any(prices.of(Pair(*pair)) for pair in (BTC, ("BTC", ""), ("", "USDT"), ("", ""), ("BTC", "USDT-SWAP")))


def test_currencies_are_known_by_their_plain_codes() -> None:
    assert prices_of(trade("5", symbol="XBT-USDT")) == {"binance": 5}


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "1e5", "1" * 39, ""], ids=lambda price: price[:5] or "empty")
def test_what_is_no_price_is_none(price: str) -> None:
    assert prices_of(trade(price)) == {}


def test_what_cannot_be_read_is_passed_over_alone() -> None:
    odd = json.dumps({**trade("9"), "kind": "book", "bid": ["9"]}).encode()
    good = json.dumps(trade("5")).encode()
    assert prices_of(b"%b,%b,%b" % (odd, good, odd), b"\xff{", trade("7", ts="noon")) == {}
    assert prices_of(b"%b,%b,%b" % (odd, good, odd), b"\xff{", b"[" * 5_000) == {"binance": 5}
