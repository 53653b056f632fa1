"""Slippage against the market's average price in the three minutes around a fill: by hand, with fractions."""

from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.ledger_oracle import nanoseconds
from tests.support.market_candles import store_candles
from tests.trading_history.figures import ask, fold_at_once
from trading_history.candles.candle import Market
from trading_history.queries import slippage
from trading_history.queries.scope import EVERYTHING, Scope
from trading_history.queries.slippage import Traded, group_slippage, slippages

BTC = Market("binance", "BTC-USDT")
LATER = nanoseconds(minute(1_000))
TRADES = ((9.0, "1000", "1"), (10.5, "99", "2"), (10.9, "102", "1"), (11.5, "101", "1"), (12.0, "5", "9"))
"""Minute, price and quantity in the market. Those of the minutes 9 to 11 count for a fill in minute 10."""

REFERENCE = Fraction(1000 + 2 * 99 + 102 + 101, 5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store_candles(tmp_path, BTC, [(nanoseconds(minute(at)), price, qty) for at, price, qty in TRADES])
    return tmp_path


def a_trade(side: str = "buy", price: str = "101", symbol: str = "BTC/USDT", venue: str | None = None) -> Traded:
    return Traded(symbol, venue, side, Decimal(price), Decimal(2), nanoseconds(minute(10.25)))


def test_a_worse_price_is_a_cost_for_either_side(folder: Path) -> None:
    bought, sold = slippages(folder, [a_trade("buy", "300"), a_trade("sell", "300", venue="Binance")], LATER)
    assert bought.reference is not None
    assert bought.share is not None
    assert sold.share == bought.share.copy_negate()
    assert abs(Fraction(bought.reference) - REFERENCE) < Fraction(1, 10**40)
    assert abs(Fraction(bought.share) - (300 - REFERENCE) / REFERENCE) < Fraction(1, 10**40)
    assert bought.share > 0


def test_what_is_unknown_has_a_reason(folder: Path) -> None:
    fills = {
        "no_market": a_trade(symbol="BTC/USDT:USDT"),
        "settlement": a_trade(price="0"),
        "no_candles": a_trade()._replace(ts_ns=nanoseconds(minute(500))),
        "too_recent": a_trade()._replace(ts_ns=LATER),
    }
    assert [one.reason for one in slippages(folder, list(fills.values()), LATER)] == list(fills)
    assert slippages(folder, [a_trade(venue="kraken")], LATER)[0].reason == "no_market"
    assert slippages(folder / "none", [a_trade()], LATER)[0].reason == "no_market"


def test_groups_have_the_cost_of_all_their_fills(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = LedgerBuilder()
    ledger.buy("2", "300", ts=minute(10.25), tags=["a", "b"])
    ledger.sell("1", "290", ts=minute(10.5), strategy="other")
    ledger.sell("1", "290", ts=minute(500))
    void = ledger.buy("7", "9", ts=minute(10.5))
    ledger.void(void)
    ledger.buy("1", "9", "ETH/USDT", ts=minute(10.5))
    fold_at_once(folder, ledger.events)
    question = partial(group_slippage, folder=folder, times=(0, LATER), now_ns=LATER)
    groups, _ = ask(folder, partial(question, scope=EVERYTHING, by=()))
    ((_, currency), whole), *others = groups.items()
    assert (others, currency, whole.fills) == ([], "USDT", 2)
    cost = 2 * (300 - REFERENCE) - (290 - REFERENCE)
    assert abs(Fraction(whole.cost.value) - cost) < Fraction(1, 10**40)
    assert abs(Fraction(whole.share.value) - cost / (3 * REFERENCE)) < Fraction(1, 10**40)
    by_tag, _ = ask(folder, partial(question, scope=EVERYTHING, by=("tag",)))
    assert {names: one.fills for (names, _), one in by_tag.items()} == {
        (("tag", ""),): 1, (("tag", "a"),): 1, (("tag", "b"),): 1,
    }  # fmt: skip
    of_tag, _ = ask(folder, partial(question, scope=Scope(tags=("b",)), by=("strategy",)))
    assert {names: one.fills for (names, _), one in of_tag.items()} == {(("strategy", "default"),): 1}
    assert ask(folder, partial(question, scope=Scope(symbols=("ETH/USDT",)), by=())) == ({}, "no_market")
    monkeypatch.setattr(slippage, "MAX_FILLS", 2)
    assert ask(folder, partial(question, scope=EVERYTHING, by=())) == ({}, "too_many_trades")
