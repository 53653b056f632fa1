"""A drawdown is the same from bars of minutes, hours and days, for any range: none of them has a part outside of it."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.trading_history.ledgers import Ledger, fold
from trading_history.queries import equity
from trading_history.queries.scope import EVERYTHING, Scope
from trading_history.reader import HistoryReader, Snapshot

BEGIN = datetime(2026, 3, 1, 7, 13, tzinfo=UTC)
MINUTE_NS = 60 * 10**9


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """Six days of two positions that go up and down, and are turned around."""
    chance, ledger, time = random.Random(11), Ledger(), BEGIN
    prices = {"BTC/USDT": Decimal(100), "ETH/USDT": Decimal(50)}
    for _ in range(240):
        time += timedelta(seconds=chance.randrange(15, 4_000))
        symbol = chance.choice([*prices])
        prices[symbol] += Decimal(chance.randrange(-300, 310)) / 100
        side, qty, price = chance.choice(["buy", "sell"]), str(chance.randrange(1, 4)), str(prices[symbol])
        ledger.fill(symbol=symbol, side=side, qty=qty, price=price, ts=f"{time:%Y-%m-%dT%H:%M:%SZ}", fee="0.01")
    folder = tmp_path_factory.mktemp("drawdown")
    fold(folder, ledger, with_figures=True)
    reader = HistoryReader(folder)
    with reader.snapshot() as snapshot:
        yield snapshot
    reader.close()


@pytest.mark.parametrize("seed", range(12))
def test_any_range_has_the_same_drawdown_from_bars_of_any_length(
    snapshot: Snapshot, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    minutes = sorted(chance.sample(range(-100, 6 * 1_440), 2))
    start, end = (int(BEGIN.timestamp()) * 10**9 + minute * MINUTE_NS for minute in minutes)
    scope = chance.choice([EVERYTHING, Scope(symbols=("BTC/USDT",)), Scope(("default",), ("default",), ("BTC/USDT",))])
    (by_minutes,) = equity.drawdown(snapshot, scope, start, end)
    assert by_minutes.span == 60
    monkeypatch.setattr(equity, "MAX_DRAWDOWN_BARS", chance.choice([0, 30]))  # as if the range were longer
    (coarse,) = equity.drawdown(snapshot, scope, start, end)
    values = ("currency", "max", "peak", "trough", "current", "current_peak", "exact_inside")
    assert [getattr(coarse, name) for name in values] == [getattr(by_minutes, name) for name in values]


@pytest.mark.parametrize(("most", "span"), [(0, 86_400), (10_000, 60)])
def test_where_bars_are_added_there_are_not_too_many_at_the_ends_of_a_range(
    snapshot: Snapshot, most: int, span: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand positions that trade every minute have 160,000 in the hours and minutes of two days."""
    monkeypatch.setattr(equity, "MAX_ADDED_BARS", most)
    start = int(BEGIN.timestamp()) * 10**9 + 61 * MINUTE_NS
    end = start + 4 * 1_440 * MINUTE_NS
    scope = Scope(("default",), ("default",))
    curves = equity.covering(snapshot, scope, start, end, 86_400)
    assert curves is not None
    starts = [bar.start_ns for curve in curves for bar in curve.bars]
    spans = [next(one for one in (86_400, 3_600, 60) if not start_ns % (one * 10**9)) for start_ns in starts]
    assert min(spans) == span
    (fall,) = equity.drawdown(snapshot, scope, start, end)
    assert equity.max_drawdown(snapshot, scope, start, end) == (fall.max, False)


def test_members_that_only_one_position_has_are_exact_inside_bars(snapshot: Snapshot) -> None:
    start, end = (int(BEGIN.timestamp()) * 10**9 + day * 1_440 * MINUTE_NS for day in (1, 4))
    whole, *others = (Scope(("default",), strategies, ("ETH/USDT",)) for strategies in (("default",), ()))
    for other in (*others, Scope(strategies=("default",), symbols=("ETH/USDT",), position_sides=("",))):
        assert equity.equity(snapshot, other, start, end) == equity.equity(snapshot, whole, start, end)
        assert equity.drawdown(snapshot, other, start, end) == equity.drawdown(snapshot, whole, start, end)
        assert equity.max_drawdown(snapshot, other, start, end) == equity.max_drawdown(snapshot, whole, start, end)
    (fall,) = equity.drawdown(snapshot, whole, start, end)
    assert fall.exact_inside
