"""The made-up market: endless, the same for the same seed, with closed candles that hold its trades."""

from decimal import Decimal
from itertools import islice, pairwise

from market_feed.simulator.random_market import random_ticks
from market_feed.simulator.tape import Tick

START_NS = 1_795_867_230_000_000_000


def ticks(count: int) -> list[Tick]:
    return list(islice(random_ticks(["BTC-USDT", "ETH-USDT"], 20, START_NS, 1), count))


def test_the_same_seed_makes_the_same_market() -> None:
    assert ticks(100) == ticks(100)


def test_a_closed_candle_holds_the_trades_of_its_minute() -> None:
    made = ticks(20_000)
    candles = [tick.data["k"] for tick in made if tick.stream == "btcusdt@kline_1m"]
    assert len(candles) > 2
    assert {two["t"] - one["t"] for one, two in pairwise(candles)} == {60_000}
    candle = candles[1]
    trades = [tick.data for tick in made if tick.stream == "btcusdt@aggTrade"]
    own = [trade for trade in trades if candle["t"] <= trade["T"] <= candle["T"]]
    prices = [Decimal(trade["p"]) for trade in own]
    assert [Decimal(candle[key]) for key in "ohlc"] == [prices[0], max(prices), min(prices), prices[-1]]
    assert Decimal(candle["v"]) == sum(Decimal(trade["q"]) for trade in own)
    assert candle["n"] == len(own)
