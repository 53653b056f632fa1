"""Fees that no rate values, of round trips: by quantity where one turns the position around, and in sums of groups."""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from tests.support.ledger_builder import LedgerBuilder
from tests.support.ledger_oracle import nanoseconds
from tests.trading_history.figures import ALWAYS, ask, closed_between, fold_at_once
from trading_history.figures import trip_blocks
from trading_history.queries import closed_trips, round_trips
from trading_history.queries.grouping import Member
from trading_history.queries.performance import performance
from trading_history.queries.round_trips import still_open
from trading_history.queries.scope import EVERYTHING
from trading_model.decimals import show

END = nanoseconds("2026-03-01T00:00:00Z")


def ledger() -> LedgerBuilder:
    """Two round trips and an open one in each of two symbols: the second fill turns the position around."""
    made = LedgerBuilder()
    for symbol in ("A/USDT", "B/USDT"):
        made.buy("1", "100", symbol, fee="0.01", fee_currency="BNB", tags=["in"])
        made.sell("4", "110", symbol, fee="0.08", fee_currency="BNB")
        made.buy("3", "105", symbol, fee="0.3", fee_currency="EUR")
        made.buy("1", "100", symbol)
    return made


def amounts(outside: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: show(amount) for currency, amount in outside.items()}


def test_a_fill_that_turns_the_position_around_divides_its_fee(tmp_path: Path) -> None:
    fold_at_once(tmp_path, ledger().events)
    trips = ask(tmp_path, lambda snapshot: closed_between(snapshot, EVERYTHING, *ALWAYS))
    expected = [{"BNB": "0.03"}, {"BNB": "0.06", "EUR": "0.3"}]
    assert [amounts(one.fees_outside) for one in trips if one.symbol == "A/USDT"] == expected
    assert [one.flags for one in trips] == [("fee_outside",)] * 4
    opened = ask(tmp_path, lambda snapshot: still_open(snapshot, EVERYTHING))
    assert [(one.fees_outside, one.flags) for one in opened] == [({}, ())] * 2, "its own fills had none"


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ((), [{"BNB": "0.18", "EUR": "0.6"}]),
        (("symbol",), [{"BNB": "0.09", "EUR": "0.3"}] * 2),
        (("tag",), [{"BNB": "0.12", "EUR": "0.6"}, {"BNB": "0.06"}]),
    ],
)
def test_sums_of_groups_have_them_from_rows_and_from_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: tuple[Member, ...], expected: list[dict[str, str]], few: bool
) -> None:
    monkeypatch.setattr(trip_blocks, "SIZE", 2)
    monkeypatch.setattr(closed_trips, "BATCH", 1)
    if not few:
        monkeypatch.setattr(round_trips, "MAX_ROWS", 0)
    fold_at_once(tmp_path, ledger().events)
    found = ask(tmp_path, partial(performance, scope=EVERYTHING, start_ns=None, end_ns=END, by=by))
    assert [amounts(one.fees_outside) for one in found] == expected
