"""Divisions that do not end: wherever they come from, amounts are shown with 34 decimals, and said to be rounded."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.ledger_builder import LedgerBuilder
from tests.trading_history.figures import ask, fold_at_once, rows_of
from trading_history.queries.positions import positions
from trading_history.queries.scope import EVERYTHING
from trading_history.schema import EQUITY, ROUND_TRIPS, SERIES
from trading_model.decimals import exactly

MOST_DECIMALS = 34


def moved_cost() -> LedgerBuilder:
    """328 × 3 / 7 goes along."""
    ledger = LedgerBuilder()
    ledger.buy("3", "100")
    ledger.buy("4", "7")
    owner = {"symbol": "BTC/USDT", "quantity": "3"}
    ledger.say("move", reason="transfer", source=owner, sink=owner | {"account": "cold", "strategy": "default"})
    ledger.sell("3", "50", account="cold")
    ledger.sell("4", "50")
    return ledger


def opening_after_a_partial_close() -> LedgerBuilder:
    """What the opening replaces has cost 100 × 2 / 3."""
    ledger = LedgerBuilder()
    ledger.buy("3", "33.333333")
    ledger.buy("4", "7")
    ledger.sell("3", "50")
    owner = {"symbol": "BTC/USDT", "account": "default", "strategy": "default"}
    ledger.say("opening", **owner, quantity="5", average="100")
    ledger.sell("5", "50")
    return ledger


def fees_by_a_rate_of_the_other_direction() -> LedgerBuilder:
    """A fee of 0.01 BNB is worth 0.01 / 0.0017; the second one is split by a flip."""
    ledger = LedgerBuilder()
    ledger.say("rate", base="USDT", quote="BNB", rate="0.0017")
    ledger.buy("2", "100", fee="0.01", fee_currency="BNB")
    ledger.sell("3", "110", fee="0.01", fee_currency="BNB")
    ledger.buy("1", "90")
    return ledger


def amounts_of(folder: Path, table: str, *names: str) -> list[Decimal]:
    columns = (*SERIES, *{"equity": EQUITY, "round_trips": ROUND_TRIPS}[table][1:])
    return [Decimal(row[columns.index(name)]) for row in rows_of(folder)[table] for name in names]


@pytest.mark.parametrize("build", [moved_cost, opening_after_a_partial_close, fees_by_a_rate_of_the_other_direction])
def test_what_a_division_is_in_has_34_decimals_and_is_said_to_be_rounded(
    tmp_path: Path, build: Callable[[], LedgerBuilder]
) -> None:
    fold_at_once(tmp_path, build().events)
    held = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
    assert all(one.rounded and one.quantity == 0 for one in held)
    amounts = [amount for one in held for amount in (one.realized, one.fees, one.net)]
    amounts += amounts_of(tmp_path, "equity", "open", "high", "low", "close", "drawdown", "realized", "fees")
    amounts += amounts_of(tmp_path, "round_trips", "gross", "fees", "net", "mae", "mfe")
    assert max(-int(amount.as_tuple().exponent) for amount in amounts) == MOST_DECIMALS


@exactly
def test_the_parts_of_a_fee_are_the_fee(tmp_path: Path) -> None:
    fold_at_once(tmp_path, fees_by_a_rate_of_the_other_direction().events)
    (held,) = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
    assert sum(amounts_of(tmp_path, "round_trips", "fees")) == held.fees
