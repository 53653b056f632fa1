"""Marks by the market: which symbols they are for, and what is shown while they are fresh, stale or missing."""

import json
from typing import Any

import msgspec
import pytest

from metrics_sidecar.exposition.state_document import render_state
from service_kit.cooperative import run_at_once
from tests.metrics_sidecar.builders import STREAM, batch_of, samples
from tests.support.ledger_builder import LedgerBuilder
from trading_model.accounting.market_marks import MarketMark, with_market_marks
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.accounting.state import TradingState
from trading_model.field_rules import format_timestamp
from trading_model.market_prices import MarketPrices
from trading_model.timestamps import unix_ns

NOW_NS = unix_ns("2026-11-28T12:00:00Z")
SECOND = 1_000_000_000
BTC = {"symbol": "BTC/USDT", "mark": "market", "aliases": ["BTCUSDT"]}
MAX_AGE = 60


def ledger(instrument: dict[str, Any] | None, symbol: str = "BTC/USDT") -> TradingState:
    """Two bought at 100, the last of them a moment ago, after an instrument."""
    builder = LedgerBuilder()
    if instrument:
        builder.say("instrument", **instrument)
    builder.buy("1", "100", symbol, ts="2026-11-28T11:00:00Z")
    builder.buy("1", "100", symbol, ts="2026-11-28T11:59:59Z")
    state = TradingState(1_000, STREAM)
    state.apply(batch_of(builder.events))
    return state


def market(**prices: tuple[str, int]) -> MarketPrices:
    """The price of BTC-USDT at each venue, and its age in seconds."""
    known = MarketPrices()
    for venue, (price, age) in prices.items():
        ts = format_timestamp(NOW_NS - age * SECOND)
        event = {"kind": "trade", "venue": venue, "symbol": "BTC-USDT", "price": price, "ts": ts}
        known.take(json.dumps(event).encode())
    return known


def marked(state: TradingState, prices: MarketPrices, now_ns: int = NOW_NS) -> StateSnapshot:
    return run_at_once(with_market_marks(state.freeze(), prices, now_ns, MAX_AGE))


def shown(moment: StateSnapshot, symbol: str = "BTC/USDT") -> dict[str, Any]:
    """The mark as Prometheus has it, and the unrealised P&L as `/state` has it; both agree."""
    state = TradingState(1)
    document = msgspec.json.decode(b"".join(render_state({}, moment, state.rates, "2026-11-28T12:00:00Z")))
    (position,) = document["positions"]
    exposed = samples(moment)
    key = f'account="default",strategy="default",symbol="{symbol}"'
    assert exposed[f"trading_unrealized_pnl{{{key}}}"] == position["unrealized_pnl"]
    marks = {name: value for name, value in exposed.items() if name.startswith("trading_mark_price")}
    stale = exposed.get(f'trading_mark_stale{{symbol="{symbol}"}}')
    assert exposed[f'trading_last_price{{symbol="{symbol}"}}'] == document["symbols"][symbol]["last_price"] == "100"
    return {
        "pnl": position["unrealized_pnl"],
        "source": position.get("mark_source"),
        "marks": marks,
        "stale": stale,
        "flags": position["flags"],
    }


def test_a_recent_price_of_the_market_marks_positions_under_every_alias() -> None:
    for symbol in ("BTC/USDT", "BTCUSDT"):
        found = shown(marked(ledger(BTC, symbol), market(binance=("110.50", 5))))
        marks = {'trading_mark_price{symbol="BTC/USDT",source="binance"}': "110.5"}
        assert found == {"pnl": "21", "source": "binance", "marks": marks, "stale": "0", "flags": []}


def test_its_time_is_the_venues() -> None:
    exposed = samples(marked(ledger(BTC), market(binance=("110", 5))))
    name = 'trading_mark_timestamp_seconds{symbol="BTC/USDT",source="binance"}'
    assert exposed[name] == str(NOW_NS // SECOND - 5)


def test_without_an_instrument_that_says_so_nothing_changes() -> None:
    state = ledger(None)
    assert not state.has_market_marks
    assert marked(state, market(binance=("110", 0))) == state.freeze()


@pytest.mark.parametrize(
    ("symbol", "instrument"),
    [
        ("BTC-USDT-SWAP", {"multiplier": "1"}),
        ("BTC/USDT:USDT", {"multiplier": "1"}),
        ("BTCUSDT", {"settlement": "linear", "multiplier": "1"}),
        ("BTC/USDT", {"settlement": "inverse", "multiplier": "1"}),
        ("BTCUSD", {}),
        ("ETH/USDT", {}),
    ],
    ids=["swap", "perpetual", "linear", "inverse", "unknown currency", "another base"],
)
def test_a_contract_or_another_pair_is_never_marked_by_a_spot_market(symbol: str, instrument: dict[str, str]) -> None:
    state = ledger({"symbol": symbol, "mark": "market", **instrument}, symbol)
    found = shown(marked(state, market(binance=("110", 0))), symbol)
    assert (found["source"], found["stale"]) == ("last", "1")
    assert "no_market_price" in found["flags"]


def test_while_the_market_is_missing_the_last_price_marks_and_says_so() -> None:
    found = shown(marked(ledger(BTC), MarketPrices()))
    marks = {'trading_mark_price{symbol="BTC/USDT",source="last"}': "100"}
    assert found == {"pnl": "0", "source": "last", "marks": marks, "stale": "1", "flags": ["no_market_price"]}


@pytest.mark.parametrize(("age", "stale"), [(60, "0"), (61, "1")])
def test_a_price_is_stale_beyond_the_setting(age: int, stale: str) -> None:
    assert shown(marked(ledger(BTC), market(binance=("110", age))))["stale"] == stale


def test_a_stale_price_gives_way_to_a_later_trade_of_the_ledger_only() -> None:
    """The ledger's last trade is a second old."""
    found = shown(marked(ledger(BTC), market(binance=("110", 61))))
    assert (found["pnl"], found["source"], found["flags"]) == ("0", "last", ["stale_mark"])
    found = shown(marked(ledger(BTC), market(binance=("110", -30)), NOW_NS + 100 * SECOND))
    assert (found["pnl"], found["source"], found["flags"]) == ("20", "binance", ["stale_mark"])


@pytest.mark.parametrize(
    ("binance", "coinbase", "source"),
    [
        (0, 59, "binance"),
        (59, 0, "binance"),
        (-1, 0, "coinbase"),
        (0, -1, "binance"),
    ],
    ids=["one minute", "one minute again", "a minute earlier", "a minute later"],
)
def test_of_several_venues_the_one_of_the_latest_minute_marks(binance: int, coinbase: int, source: str) -> None:
    """The seconds are from noon; the moments are at 12:01, and at 12:03, when no price is recent."""
    prices = market(coinbase=("120", -coinbase), binance=("110", -binance))
    for later, is_stale in ((60, False), (180, True)):
        mark = marked(ledger(BTC), prices, NOW_NS + later * SECOND).last["BTC/USDT"]
        assert isinstance(mark, MarketMark)
        assert (mark.source, mark.is_stale) == (source, is_stale)


def test_a_flat_position_has_no_flag_and_voiding_the_instrument_ends_it() -> None:
    builder = LedgerBuilder()
    told = builder.say("instrument", **BTC)
    builder.buy("1", "100")
    builder.sell("1", "100")
    state = TradingState(1_000, STREAM)
    state.apply(batch_of(builder.events))
    assert shown(marked(state, MarketPrices()))["flags"] == []
    assert TradingState.restored(state.freeze()).has_market_marks
    builder.void(told)
    state.apply(batch_of(builder.events[-1:]))
    assert not state.has_market_marks
    assert "trading_mark_price" not in str(samples(marked(state, market(binance=("1", 0)))))
