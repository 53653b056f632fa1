"""Figures of the history: those of the sidecar to the digit, and however the ledger came those of a rebuild."""

import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from tests.support.ledger_builder import Event, LedgerBuilder, minute
from tests.support.ledger_fold import MAX_POSITIONS, STREAM, batch_of
from tests.support.ledger_oracle import figures as oracle_figures
from tests.support.random_ledger import random_ledger
from tests.trading_history.figures import ask, fold_at_once, fold_by_turns, fold_in_parts, rows_of
from trading_history.figures import keeper
from trading_history.queries.equity import equity
from trading_history.queries.positions import Position, positions
from trading_history.queries.scope import EVERYTHING
from trading_model.accounting.figures import figures, mark_of
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.accounting.state import TradingState
from trading_model.decimals import exactly, show

EVENTS = 250
YEARS = (0, 4_000_000_000 * 10**9)


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_those_of_a_rebuild_however_the_ledger_came(tmp_path: Path, seed: int) -> None:
    events = random_ledger(seed, EVENTS)
    fold_at_once(tmp_path / "whole", events)
    fold_in_parts(tmp_path / "parts", events, random.Random(seed))
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")


def test_a_correction_between_fills_of_one_transaction_leaves_them_in_the_order_of_trading(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "100", ts=minute(10))
    ledger.void(ledger.say("cash", currency="USDT", amount="7", reason="funding", account="default", ts=minute(1)))
    ledger.buy("1", "90", ts=minute(5))
    ledger.sell("3", "110", ts=minute(20))
    fold_at_once(tmp_path / "whole", ledger.events)
    fold_by_turns(tmp_path / "turns", ledger.events, 1)
    assert rows_of(tmp_path / "turns") == rows_of(tmp_path / "whole")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20, 23))
def test_rows_are_those_of_a_rebuild_where_the_fold_goes_back_to_checkpoints(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = random_ledger(seed, EVENTS)
    fold_at_once(tmp_path / "whole", events)
    for name, value in (("PIECE", 3), ("CHECKPOINT_SECONDS", 0.0), ("CHECKPOINT_SHARE", 0)):
        monkeypatch.setattr(keeper, name, value)
    fold_in_parts(tmp_path / "parts", events, random.Random(seed))
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole")


def test_a_price_by_hand_moves_all_accounts_at_once(tmp_path: Path) -> None:
    """Where each account has a mark of its own too: between two of them the sum was never anything."""
    ledger = LedgerBuilder()
    ledger.say("instrument", symbol="TSLA", currency="USD", multiplier="1", mark="account")
    ledger.buy("1", "100", "TSLA", account="main", ts=minute(1))
    ledger.sell("1", "100", "TSLA", account="hedge", ts=minute(2))
    ledger.say("price", symbol="TSLA", price="150", ts=minute(10))
    fold_at_once(tmp_path, ledger.events)
    (total,) = ask(tmp_path, lambda snapshot: equity(snapshot, EVERYTHING, *YEARS))
    assert {(bar.open, bar.high, bar.low, bar.close, bar.drawdown) for bar in total.bars} == {(0, 0, 0, 0, 0)}


def test_what_a_writer_without_figures_changed_of_the_past_is_folded_by_the_next(tmp_path: Path) -> None:
    """The sidecar is such a writer, while trading-analytics does not run."""
    ledger = LedgerBuilder()
    ledger.buy("1", "100", ts=minute(10))
    ledger.sell("1", "110", ts=minute(20))
    ledger.buy("1", "90", ts=minute(5))
    fold_by_turns(tmp_path / "turns", ledger.events, 2)
    fold_at_once(tmp_path / "whole", ledger.events)
    assert rows_of(tmp_path / "turns") == rows_of(tmp_path / "whole")


def test_a_multiplier_that_a_writer_without_figures_took_in_holds_for_all_fills(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "100", "ETH/USDT:USDT")
    ledger.sell("1", "110", "ETH/USDT:USDT", multiplier="10")
    fold_by_turns(tmp_path / "turns", ledger.events, 1)
    fold_at_once(tmp_path / "whole", ledger.events)
    assert rows_of(tmp_path / "turns") == rows_of(tmp_path / "whole")


@pytest.mark.parametrize("seed", range(3, 6))
def test_positions_and_equity_are_the_sidecars_to_the_digit(tmp_path: Path, seed: int) -> None:
    events = random_ledger(seed, EVENTS)
    fold_at_once(tmp_path, events)
    held = {(one.account, one.strategy, one.symbol, one.position_side, one.currency): one for one in _held(tmp_path)}
    sidecar = shown_by_the_sidecar(events)
    assert held.keys() <= sidecar.keys()
    for key, shown in sidecar.items():
        if key in held:
            assert digits(held[key]) == shown
        else:
            assert shown == ("0", "0", "0", "0", "0", "0")  # all its fills are void


def test_cash_in_xbt_and_a_fill_of_no_worth_are_in_the_history_as_in_the_sidecar(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    ledger.buy("5", "9000", "XBTUSD", account="another")
    ledger.buy("100", "10000", "XBTUSD")
    ledger.sell("10", "0", "XBTUSD")
    ledger.say("instrument", symbol="XBTUSD", currency="BTC", multiplier="1", settlement="inverse")
    of = {"account": "default", "strategy": "default", "symbol": "XBTUSD"}
    ledger.say("cash", currency="XBT", amount="0.01", reason="funding", **of)
    fold_at_once(tmp_path, ledger.events)
    another, held = _held(tmp_path)
    assert [digits(another), digits(held)] == list(shown_by_the_sidecar(ledger.events).values())
    assert (held.quantity, held.cash, held.flags) == (Decimal(100), Decimal("0.01"), ("basis_unknown",))


@pytest.mark.parametrize("seed", range(6, 9))
def test_the_last_bar_of_all_closes_with_the_oracles_net(tmp_path: Path, seed: int) -> None:
    events = random_ledger(seed, EVENTS)
    fold_at_once(tmp_path, events)
    curves = ask(tmp_path, lambda snapshot: equity(snapshot, EVERYTHING, *YEARS, span=86_400))
    closes = {curve.currency: Fraction(curve.bars[-1].close) for curve in curves}
    for currency, total in oracle_figures(events).totals.items():
        if total.net is not None:
            assert abs(closes.get(currency, 0) - total.net) < Fraction(1, 10**30), currency


def _held(folder: Path) -> list[Position]:
    found: list[Position] = ask(folder, lambda snapshot: positions(snapshot, EVERYTHING))
    return found


def digits(one: Position) -> tuple[str | None, ...]:
    amounts = (one.quantity, one.realized, one.unrealized, one.fees, one.cash, one.net)
    return tuple(None if amount is None else show(amount) for amount in amounts)


@exactly
def shown_by_the_sidecar(events: list[Event]) -> dict[tuple[str, ...], tuple[str | None, ...]]:
    state = TradingState(MAX_POSITIONS, STREAM)
    for event in events:
        state.apply(batch_of([event]))
    moment: StateSnapshot = state.freeze()
    shown = {}
    for held in moment.positions:
        found = figures(held, mark_of(held, moment.last[held.market]))
        amounts = (
            held.state.quantity, found.realized_pnl, found.unrealized_pnl, found.fees, found.cash, found.net_pnl,
        )  # fmt: skip
        shown[tuple(held.key)] = tuple(None if amount is None else show(amount) for amount in amounts)
    return shown
