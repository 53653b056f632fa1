from collections import Counter, defaultdict
from decimal import Decimal
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from trading_app.client.market import INSTRUMENTS, DemoTrade, trades

BY_SYMBOL = {instrument.symbol: instrument for instrument in INSTRUMENTS}
seeds = st.integers(-(2**40), 2**40)


def made(seed: int, count: int) -> list[DemoTrade]:
    return list(islice(trades(seed), count))


@given(seed=seeds)
def test_a_seed_says_all(seed: int) -> None:
    assert made(seed, 60) == made(seed, 80)[:60]
    assert made(seed, 60) != made(seed + 1, 60)


@given(seed=seeds)
def test_amounts_are_exact_multiples_and_believable(seed: int) -> None:
    for trade in made(seed, 150):
        instrument = BY_SYMBOL[trade.symbol]
        assert trade.price % instrument.tick == trade.qty % instrument.lot == 0
        assert trade.qty > 0
        assert abs(trade.price - instrument.start) < instrument.start / 2
        assert all(len(format(amount, "f")) <= 30 for amount in (trade.price, trade.qty, trade.fee))


@given(seed=seeds)
def test_the_maker_earns_rebates_and_the_follower_pays(seed: int) -> None:
    for trade in made(seed, 150):
        quote = BY_SYMBOL[trade.symbol].quote
        if trade.strategy == "market-maker":
            assert trade.fee <= 0
            assert trade.fee_currency == quote
        else:
            assert trade.fee > 0
            assert trade.fee_currency in ("BNB", quote)


def test_positions_open_close_and_flip_in_both_strategies() -> None:
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    positions: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for trade in made(1, 1_200):  # what the demo sends without arguments
        before = positions[trade.strategy, trade.symbol]
        after = before + (trade.qty if trade.side == "buy" else -trade.qty)
        positions[trade.strategy, trade.symbol] = after
        seen[trade.strategy][trade.side] += 1
        seen[trade.strategy][_change(before, after)] += 1
        seen["fees in"][trade.fee_currency] += 1
        seen["symbols"][trade.symbol] += 1
    for strategy in ("market-maker", "trend-follower"):
        assert all(seen[strategy][what] >= 10 for what in ("buy", "sell", "opened", "closed", "flipped")), seen
    assert set(seen["symbols"]) == set(BY_SYMBOL)
    assert set(seen["fees in"]) == {"USDT", "ETH", "BNB"}


def test_the_first_trades_stay_what_they_are() -> None:
    """Another machine, or a later version, makes the same demo of the same seed."""
    first = [(trade.symbol, trade.side, str(trade.price), str(trade.qty), str(trade.fee)) for trade in made(1, 3)]
    assert first == [
        ("ETH/USDT", "sell", "3121.08", "1.6235", "-0.25335367"),
        ("BNB/USDT", "buy", "585.02", "0.233", "-0.00681548"),
        ("BNB/USDT", "buy", "584.82", "2.182", "-0.06380386"),
    ]


def _change(before: Decimal, after: Decimal) -> str:
    if before == 0:
        return "opened"
    if after == 0:
        return "closed"
    return "flipped" if before * after < 0 else "changed"
