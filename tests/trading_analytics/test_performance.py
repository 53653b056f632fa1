"""The figures of performance in the metrics: by hand, and the same as the equity that the history has."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.trading_history.ledgers import Ledger, fold
from trading_analytics.performance import Group, read_figures
from trading_history.errors import StoreMissing
from trading_model.days import DayBoundary

NOON = 1_767_700_800 * 10**9
"""2026-01-06T12:00:00Z."""


def two_days() -> Ledger:
    """A first loss of 10, then a win of 4; another strategy breaks even and holds a position of 1 at 90, marked 94."""
    ledger = Ledger()
    fill = {"symbol": "BTC/USDT", "account": "a", "strategy": "grid", "qty": "1"}
    ledger.fill(**fill, side="buy", price="100", ts="2026-01-05T10:00:00Z")
    ledger.fill(**fill, side="sell", price="90", ts="2026-01-05T11:00:00Z")
    ledger.fill(**fill | {"strategy": "trend"}, side="buy", price="90", ts="2026-01-05T12:00:00Z")
    ledger.fill(**fill | {"strategy": "trend"}, side="sell", price="90", ts="2026-01-05T12:00:01Z")
    ledger.fill(**fill | {"strategy": "trend"}, side="buy", price="90", ts="2026-01-05T12:00:02Z")
    ledger.fill(**fill, side="buy", price="90", ts="2026-01-06T10:00:00Z")
    ledger.fill(**fill, side="sell", price="94", ts="2026-01-06T11:00:00Z")
    ledger.fill(**fill | {"symbol": "MISC"}, side="sell", price="94", ts="2026-01-06T11:00:00Z")
    return ledger


def amounts(*numbers: int) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, numbers))


def test_figures_by_hand(tmp_path: Path) -> None:
    fold(tmp_path, two_days(), with_figures=True)
    figures = read_figures(tmp_path, DayBoundary.parse("00:00 UTC"), NOON)
    assert figures is not None
    assert (figures.applied, figures.omitted) == (8, 0)
    total = figures.groups[Group("total", "", "USDT")]
    assert (total.net, total.today, total.drawdown, total.max_drawdown) == amounts(-2, 8, 2, 10)
    assert total.trips == {"win": 1, "loss": 1, "break_even": 1}
    trend = figures.groups[Group("strategy", "trend", "USDT")]
    assert (trend.net, trend.today) == amounts(4, 4)
    assert trend.trips == {"win": 0, "loss": 0, "break_even": 1}
    grid = figures.groups[Group("strategy", "grid", "USDT")]
    assert (grid.net, grid.max_drawdown) == amounts(-6, 10)
    assert grid.trips == {"win": 1, "loss": 1, "break_even": 0}
    assert figures.groups[Group("account", "a", "USDT")] == total
    assert {day: net for (day, currency), net in figures.days.items() if net and currency == "USDT"} == {
        "2026-01-05": Decimal(-10),
        "2026-01-06": Decimal(8),
    }
    assert len(figures.days) == 31
    assert {group.currency for group in figures.groups} == {"USDT"}, "an unknown currency is in no sum"


def test_days_begin_where_the_setting_says(tmp_path: Path) -> None:
    fold(tmp_path, two_days(), with_figures=True)
    figures = read_figures(tmp_path, DayBoundary.parse("10:30 UTC"), NOON)
    assert figures is not None
    assert figures.groups[Group("total", "", "USDT")].today == 8
    assert figures.days["2026-01-05", "USDT"] == -10


def test_without_a_history_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing):
        read_figures(tmp_path, DayBoundary.parse("00:00 UTC"), NOON)
    fold(tmp_path, Ledger([{"kind": "note", "id": "n", "aside": True, "note": {}}]), with_figures=True)
    figures = read_figures(tmp_path, DayBoundary.parse("00:00 UTC"), NOON)
    assert figures is not None
    assert not figures.groups
