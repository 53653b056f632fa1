"""First and last in first out: as the oracle has them with fractions, and in total what average cost gives."""

from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest

from tests.support.ledger_builder import LedgerBuilder
from tests.support.ledger_views import realised_by_lots
from tests.support.random_ledger import random_ledger
from tests.trading_history.figures import ALWAYS, ask, fold_at_once
from tests.trading_history.test_figures_oracle import CALENDAR, one_position
from trading_history.queries.lots import bases, realized
from trading_history.queries.pnl import by_period
from trading_history.queries.position_fold import TooManyFills
from trading_history.queries.positions import positions
from trading_history.queries.scope import EVERYTHING, Scope
from trading_model.decimals import exactly

TOLERANCE = Fraction(1, 10**30)


@pytest.mark.parametrize("method", ["fifo", "lifo"])
def test_what_days_realised_is_the_oracles(tmp_path: Path, method: Literal["fifo", "lifo"]) -> None:
    events = one_position(3)
    fold_at_once(tmp_path, events)
    (table,) = ask(tmp_path, lambda snapshot: by_period(snapshot, EVERYTHING, CALENDAR, method))
    (average,) = ask(tmp_path, lambda snapshot: by_period(snapshot, EVERYTHING, CALENDAR))
    levels = [realised_by_lots(events, method, bound) for bound in CALENDAR.starts]
    for row, (before, after) in zip(table.rows, pairwise(levels), strict=True):
        assert abs(Fraction(row.realized) - (after - before)) < TOLERANCE
        assert row.settled == row.realized - row.fees + row.cash
    assert [row.marked for row in table.rows] == [row.marked for row in average.rows]
    assert [row.realized for row in table.rows] != [row.realized for row in average.rows]


def test_the_example_of_the_rule(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "100")
    ledger.buy("1", "120")
    ledger.sell("1", "130")
    fold_at_once(tmp_path, ledger.events)

    def figures(method: Literal["average", "fifo", "lifo"]) -> tuple[int, ...]:
        (one,) = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING, method))
        return int(one.realized), int(one.unrealized), int(one.average), int(one.net)

    assert figures("average") == (20, 20, 110, 40)
    assert figures("fifo") == (30, 10, 120, 40)
    assert figures("lifo") == (10, 30, 100, 40)


@exactly
def test_positions_with_steps_of_all_kinds_have_one_total_by_each_method(tmp_path: Path) -> None:
    fold_at_once(tmp_path, random_ledger(7, 300))
    stored = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
    folded = ask(tmp_path, lambda snapshot: bases(snapshot, EVERYTHING, "average"))
    assert len(stored) > 20
    open_ones, differing = 0, 0
    for one in stored:
        basis = folded[one.account, one.strategy, one.symbol, one.position_side, one.currency]
        assert abs(basis.realized - one.realized) < TOLERANCE, "the fold is that of the stored figures"
        assert basis.average is None or abs(basis.average - one.average) < TOLERANCE
    for method in ("fifo", "lifo"):
        for one, other in zip(stored, ask(tmp_path, partial(positions, scope=EVERYTHING, method=method)), strict=True):
            assert other.net == one.net
            assert (other.average is None) == (one.average is None) == (not one.quantity)
            if one.unrealized is not None:
                assert other.realized + other.unrealized == one.realized + one.unrealized
            if not one.quantity and not one.flags:
                assert abs(other.realized - one.realized) < TOLERANCE, (method, one)
            open_ones += bool(one.quantity)
            differing += abs(other.realized - one.realized) > TOLERANCE
    assert open_ones
    assert differing


def test_too_many_fills_are_refused_and_only_those_before_the_end_count(tmp_path: Path) -> None:
    fold_at_once(tmp_path, one_position(1))
    start, end = ALWAYS
    in_force = ask(tmp_path, lambda snapshot: sum(1 for _ in snapshot.fills(snapshot.known_keys())))
    count = in_force + 5  # with voided ones
    for scope, limit, until in ((EVERYTHING, count, end), (EVERYTHING, 0, CALENDAR.starts[0]), (Scope(("x",)), 0, end)):
        question = partial(realized, scope=scope, method="fifo", start_ns=start, end_ns=until, max_fills=limit)
        ask(tmp_path, question)
    with pytest.raises(TooManyFills):
        ask(tmp_path, lambda snapshot: realized(snapshot, EVERYTHING, "fifo", start, end, max_fills=count - 1))
