"""Restarts of the sidecar in the middle of corrections: what was found once, as the shortest ledger that shows it."""

import pytest

from tests.support import ledger_oracle
from tests.support.ledger_builder import LedgerBuilder
from tests.support.ledger_figures import differences
from tests.support.ledger_fold import (
    fold_between_restarts,
    fold_waiting,
    fold_with_one_restart,
    state_with_one_restart,
)


def assert_agrees(ledger: LedgerBuilder) -> None:
    """The fold, restarted behind each event, gives what the oracle gives, and each series once."""
    expected = ledger_oracle.figures(ledger.events)
    assert differences(expected, fold_between_restarts(ledger.events)) == []
    assert differences(expected, fold_waiting(ledger.events)) == []


def test_two_positions_that_an_instrument_changes(ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="TeSLa", currency="USD", mark="account")
    ledger.buy("5.6", "398.57", "TeSLa", strategy="default")
    ledger.buy("0.67", "405.023", "TeSLa", strategy="trend")
    ledger.say("instrument", symbol="TeSLa", currency="EUR", mark="last")
    assert_agrees(ledger)


def test_an_alias_taken_away(ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="ETH/BTC", aliases=["ALT"])
    ledger.buy("7.8", "0.0399", "ALT", fee="0.0041", fee_currency="BTC")
    ledger.buy("1", "0.05", "ETH/BTC")
    ledger.say("instrument", symbol="ETH/BTC", aliases=[])
    assert_agrees(ledger)


def test_the_first_fill_of_a_symbol_while_its_alias_is_taken_away(ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="ETH/BTC", aliases=["ALT"])
    ledger.buy("7.8", "0.0399", "ALT")
    ledger.say("instrument", symbol="ETH/BTC", aliases=[])
    ledger.buy("1", "0.05", "ETH/BTC")
    ledger.say("instrument", symbol="ETH/BTC", aliases=["ALT"])
    ledger.buy("2", "0.04", "ETH/BTC")
    assert_agrees(ledger)


def test_a_symbol_that_takes_the_key_that_another_leaves(ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="ETH/BTC", aliases=["ALT"])
    ledger.buy("7.8", "0.0399", "ALT")
    ledger.buy("3", "0.041", "OTHER")
    ledger.say("instrument", symbol="ETH/BTC", aliases=["OTHER"])
    ledger.buy("1", "0.05", "ETH/BTC")
    assert_agrees(ledger)


def test_income_that_comes_while_an_alias_is_away(ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="ETH/BTC", aliases=["ALT"])
    ledger.buy("7.8", "0.0399", "ALT")
    ledger.buy("1", "0.05", "ETH/BTC")
    ledger.say("instrument", symbol="ETH/BTC", aliases=[])
    ledger.say("cash", amount="-0.5", currency="BTC", reason="funding", symbol="ETH/BTC", strategy="default")
    ledger.say("instrument", symbol="ETH/BTC", aliases=["ALT"])
    assert_agrees(ledger)


def test_income_of_a_position_that_was_corrected_away(ledger: LedgerBuilder) -> None:
    fill = ledger.buy("2", "100", "BTC/USDT")
    ledger.say("cash", amount="0.5", currency="USDT", reason="funding", symbol="BTC/USDT", strategy="default")
    ledger.void(fill)
    assert_agrees(ledger)


def test_a_replacement_of_a_fill_that_came_late(ledger: LedgerBuilder) -> None:
    first = ledger.sell("0.02", "1.01", ts="2026-02-18T07:36:30Z")
    ledger.buy("8.8", "0.7", ts="2026-02-14T22:30:30Z")
    ledger.buy("5", "1.4", strategy="other")
    ledger.replace(first, price="0.79")
    assert_agrees(ledger)


def test_a_multiplier_that_only_the_fill_names(ledger: LedgerBuilder) -> None:
    ledger.sell("19", "42541.7", "BTC/USDT:USDT", multiplier="0.001", position_side="short", currency="USDT")
    ledger.sell("1", "42541.7", "BTC/USDT:USDT", multiplier="0.001", position_side="short", currency="USDT")
    assert_agrees(ledger)


def test_the_cost_that_a_move_carries_follows_an_instrument(ledger: LedgerBuilder) -> None:
    ledger.say("instrument", symbol="BTC/USDT:USDT", multiplier="0.001")
    ledger.sell("17", "88912.12", "BTC/USDT:USDT", strategy="trend")
    changed = ledger.say("instrument", symbol="BTC/USDT:USDT", multiplier="0.01")
    holder = {"symbol": "BTC/USDT:USDT", "account": "default", "quantity": "-0.27"}
    ledger.say("move", reason="transfer", source=holder | {"strategy": "trend"}, sink=holder | {"strategy": "default"})
    ledger.void(changed)
    assert_agrees(ledger)


def test_a_fill_after_its_import_was_voided(ledger: LedgerBuilder) -> None:
    imported = ledger.say("import", id="file-1", name="fills.csv", digest="00", rows=2, taken=2, skipped=0)
    ledger.buy("1", "100", import_id="file-1")
    void = ledger.void(imported)
    ledger.buy("2", "110", import_id="file-1")
    assert_agrees(ledger)
    ledger.void(void)
    assert_agrees(ledger)


@pytest.mark.parametrize(
    "said",
    ["back void", "void back", "back void undo", "back restore void", "back restore replace", "back void restore",
     "back void restore undo replace", "replace back void restore", "back restore replace void"],
)  # fmt: skip
def test_corrections_while_the_void_of_an_import_waits_for_the_store(ledger: LedgerBuilder, said: str) -> None:
    """What is removed and added counts by what was in force when the import was taken back, or restored."""
    imported = ledger.say("import", id="file-1", name="fills.csv", digest="00", rows=2, taken=2, skipped=0)
    first, second = ledger.buy("1", "100", import_id="file-1"), ledger.sell("3", "110", import_id="file-1")
    ledger.replace(second, qty="2")
    restart, voids = len(ledger.events), {"back": imported, "void": first}
    for word in said.split():
        match word:
            case "back" | "void":
                voids[word] = ledger.void(voids[word])
            case "restore":
                ledger.void(voids["back"])
            case "undo":
                ledger.void(voids["void"])
            case "replace":
                ledger.replace(second, qty="5")
    assert differences(ledger_oracle.figures(ledger.events), fold_with_one_restart(ledger.events, restart)) == []


@pytest.mark.parametrize("said", ["void", "void undo", "replace", "back", "back restore", "void back restore"])
@pytest.mark.parametrize("restart", [False, True])
def test_the_multiplier_of_a_fill_that_is_not_in_force_counts_for_nothing(
    ledger: LedgerBuilder, said: str, restart: bool
) -> None:
    """Without it the position is in points, and two multipliers differ only while both fills are in force."""
    contract = "BTC/USDT:USDT"
    imported = ledger.say("import", id="file-1", name="fills.csv", digest="00", rows=1, taken=1, skipped=0)
    fill = ledger.buy("7", "100", contract, multiplier="0.001", import_id="file-1")
    two = [ledger.buy("1", "100", "SOL/USDT:USDT", multiplier=multiplier) for multiplier in ("1", "10")]
    applied, voids = len(ledger.events) if restart else 0, {"back": imported, "void": fill}
    ledger.buy("3", "120", contract)
    for word in said.split():
        match word:
            case "back" | "void":
                voids[word] = ledger.void(voids[word])
            case "restore":
                ledger.void(voids["back"])
            case "undo":
                ledger.void(voids["void"])
            case "replace":
                ledger.replace(fill, multiplier="0.01")
    assert differ(ledger, applied) == {contract: False, "SOL/USDT:USDT": True}
    ledger.void(two[1])
    assert differ(ledger, applied) == {contract: False, "SOL/USDT:USDT": False}
    assert differences(ledger_oracle.figures(ledger.events), fold_with_one_restart(ledger.events, applied)) == []


def differ(ledger: LedgerBuilder, applied: int) -> dict[str, bool]:
    """Which positions are flagged because their fills name several multipliers."""
    state = state_with_one_restart(ledger.events, applied)
    return {held.key.symbol: held.multipliers_differ for held in state.freeze().positions}
