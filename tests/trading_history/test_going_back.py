"""However changes came, the rows are those of a history that was made at once."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.support.ledger_builder import LedgerBuilder, minute
from tests.trading_history.figures import fold_at_once, fold_by_turns, rows_of, settle, take
from trading_history.writer import HistoryWriter


def assert_as_made_at_once(folder: Path, ledger: LedgerBuilder) -> None:
    fold_at_once(folder / "at_once", ledger.events)
    assert rows_of(folder / "changed") == rows_of(folder / "at_once")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("changed", "at_once"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_position_that_never_was_leaves_no_bar_to_the_next_one(folder: Path) -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "100", "BTC/USDT", ts=minute(0))
    ledger.void(ledger.buy("1", "100", "ETH/USDT", fee="1", ts=minute(0)))
    ledger.buy("1", "110", "BTC/USDT", ts=minute(5))
    ledger.buy("1", "100", "XRP/USDT", ts=minute(9))
    with closing(HistoryWriter(folder / "changed", with_figures=True)) as writer:
        for last in range(1, len(ledger.events) + 1):
            take(writer, ledger.events, last)
            assert writer.figures_are_settled, "the way back is in memory"
    assert_as_made_at_once(folder, ledger)


@pytest.mark.parametrize("multipliers", [("10", "2"), ("2", "10")])
def test_the_largest_multiplier_holds_after_a_restart(folder: Path, multipliers: tuple[str, str]) -> None:
    ledger = LedgerBuilder()
    for multiplier in multipliers:
        ledger.buy("1", "100", multiplier=multiplier)
    ledger.buy("1", "110")
    for last in (2, 3):
        with closing(HistoryWriter(folder / "changed", with_figures=True)) as writer:
            take(writer, ledger.events, last)
            settle(writer)
    assert_as_made_at_once(folder, ledger)


def test_a_multiplier_that_came_while_no_figures_were_kept_changes_what_was_before(folder: Path) -> None:
    ledger = LedgerBuilder()
    for price in ("100", "110", "105"):
        ledger.buy("1", price)
    ledger.sell("1", "110", multiplier="10")
    fold_by_turns(folder / "changed", ledger.events, 3)
    assert_as_made_at_once(folder, ledger)
