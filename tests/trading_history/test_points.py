"""Positions in points, or in an unknown currency, beside others: no sum adds their amounts to those of a currency."""

from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from tests.support.ledger_builder import LedgerBuilder
from tests.support.ledger_oracle import nanoseconds
from tests.trading_history.figures import ALWAYS, ask, fold_at_once
from trading_history.queries.equity import equity
from trading_history.queries.grouping import Member
from trading_history.queries.performance import performance
from trading_history.queries.pnl import by_period
from trading_history.queries.round_trips import closed
from trading_history.queries.scope import EVERYTHING, Scope
from trading_history.queries.trip_counts import trip_counts
from trading_model.days import MIDNIGHT_UTC, Calendar

START, END = nanoseconds("2026-01-01T00:00:00Z"), nanoseconds("2026-03-01T00:00:00Z")
DAYS = Calendar.of(MIDNIGHT_UTC, "day", START, END)
POINTS, UNKNOWN, SPOT = "ETH/USDT:USDT", "XBTUSD", "ETH/USDT"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A win of 10 in each symbol, one of them in USDT, by one account and strategy."""
    made = tmp_path_factory.mktemp("history")
    ledger = LedgerBuilder()
    for symbol in (POINTS, UNKNOWN, SPOT):
        ledger.buy("1", "100", symbol)
        ledger.sell("1", "110", symbol)
    fold_at_once(made, ledger.events)
    return made


@pytest.mark.parametrize("by", [(), ("account",), ("account", "strategy"), ("strategy", "position_side"), ("tag",)])
def test_no_group_of_several_symbols_has_them(folder: Path, by: tuple[Member, ...]) -> None:
    (one,) = ask(folder, partial(performance, scope=EVERYTHING, start_ns=None, end_ns=END, by=by))
    assert (one.currency, one.trips, one.net, one.max_drawdown in {None, 0}) == ("USDT", 1, 10, True)


def test_by_symbol_each_has_its_own_group_without_a_currency(folder: Path) -> None:
    found = ask(folder, partial(performance, scope=EVERYTHING, start_ns=None, end_ns=END, by=("symbol",)))
    expected = {(SPOT, "USDT", 10), (POINTS, "", 10), (UNKNOWN, "", 10)}
    assert {(one.group["symbol"], one.currency, one.net) for one in found} == expected


def test_round_trips_have_no_currency_and_are_found_by_that_of_the_prices(folder: Path) -> None:
    scope = Scope(symbols=(POINTS,), currencies=("USDT",))
    (trip,) = ask(folder, partial(closed, scope=scope, start_ns=ALWAYS[0], end_ns=END)).round_trips
    assert (trip.currency, trip.net) == ("", 10)


@pytest.mark.parametrize(
    "scope", [EVERYTHING, Scope(accounts=("default",)), Scope(accounts=("default",), strategies=("default",))]
)
def test_pnl_and_equity_have_those_of_the_currency(folder: Path, scope: Scope) -> None:
    (table,) = ask(folder, partial(by_period, scope=scope, calendar=DAYS))
    trips = [(row.trips, row.round_trips) for row in table.rows if row.trips]
    assert (table.currency, trips) == ("USDT", [(1, 10)])
    (curve,) = ask(folder, partial(equity, scope=scope, start_ns=START, end_ns=END))
    assert (curve.currency, curve.bars[-1].close) == ("USDT", 10)


def test_one_position_in_points_is_shown_without_a_currency(folder: Path) -> None:
    scope = Scope(("default",), ("default",), (POINTS,))
    (curve,) = ask(folder, partial(equity, scope=scope, start_ns=START, end_ns=END))
    (table,) = ask(folder, partial(by_period, scope=scope, calendar=DAYS))
    assert (curve.currency, curve.bars[-1].close) == ("", 10)
    assert (table.currency, sum(row.round_trips for row in table.rows)) == ("", Decimal(10))


@pytest.mark.parametrize(
    "scope", [EVERYTHING, Scope(accounts=("default",)), Scope(strategies=("default",)), Scope(symbols=(POINTS,))]
)
def test_the_sums_have_the_funding_of_a_position_in_points(tmp_path: Path, scope: Scope) -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "100", POINTS)
    funding = {"currency": "USDT", "reason": "funding", "symbol": POINTS, "account": "default", "strategy": "default"}
    ledger.say("cash", amount="-0.5", **funding)
    ledger.buy("1", "130", POINTS)
    fold_at_once(tmp_path, ledger.events)
    (table,) = ask(tmp_path, partial(by_period, scope=scope, calendar=DAYS))
    sums = [sum(values) for values in zip(*((row.marked, row.settled, row.cash) for row in table.rows), strict=True)]
    assert (table.currency, sums) == ("USDT", [Decimal("-0.5")] * 3)


def test_counted_round_trips_have_no_currency(folder: Path) -> None:
    found = {(one.currency, one.wins) for one in ask(folder, trip_counts)}
    assert found == {("", 2), ("USDT", 1)}
