"""The share of a range in which a position was open, whatever was open before, after and all the while."""

from fractions import Fraction
from itertools import count
from pathlib import Path

import pytest

from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.ledger_oracle import nanoseconds
from tests.trading_history.figures import ask, fold_at_once
from trading_history.queries import round_trips
from trading_history.queries.grouping import Member
from trading_history.queries.performance import Performance, performance
from trading_history.queries.scope import EVERYTHING, Scope
from trading_history.reader import Snapshot


def day(number: int) -> str:
    return f"2026-01-{number:02}T00:00:00Z"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Account a: in the market from the 3rd to the 7th, from the 11th to the 21st, and from the 25th on."""
    made = tmp_path_factory.mktemp("history")
    ledger = LedgerBuilder()
    ledger.fill("buy", "1", "100", ts=day(1), account="another")
    for number, side in ((3, "buy"), (7, "sell"), (11, "sell"), (21, "buy"), (25, "buy")):
        ledger.fill(side, "1", "100", ts=day(number), account="a", strategy="b" if number > 7 else "a")
    fold_at_once(made, ledger.events)
    return made


def ask_performance(folder: Path, scope: Scope, first: int | None, until: int, *by: Member) -> list[Performance]:
    start = None if first is None else nanoseconds(day(first))
    found: list[Performance] = ask(
        folder, lambda snapshot: performance(snapshot, scope, start, nanoseconds(day(until)), by)
    )
    return found


@pytest.mark.parametrize(
    ("first", "until", "days", "of"),
    [
        (1, 6, 3, 5),  # a trip that closed later
        (1, 11, 4, 10),  # others began later, or are open now
        (5, 15, 6, 10),
        (12, 20, 8, 8),  # one trip all the while
        (21, 25, 0, 4),
        (1, 31, 20, 30),
        (None, 13, 6, 10),  # since the first trade of the account
    ],
)
def test_time_in_market_is_a_share_of_the_range(
    folder: Path, first: int | None, until: int, days: int, of: int
) -> None:
    found = ask_performance(folder, Scope(accounts=("a",)), first, until)
    shares = [Fraction(one.time_in_market.value or 0).limit_denominator(1_000) for one in found]
    assert shares == [Fraction(days, of)]


def test_what_others_did_before_does_not_change_a_group(folder: Path) -> None:
    for account, strategy in (("a", "a"), ("a", "b"), ("another", "default")):
        (alone,) = ask_performance(folder, Scope(accounts=(account,), strategies=(strategy,)), None, 31)
        groups = ask_performance(folder, EVERYTHING, None, 31, "account", "strategy")
        (grouped,) = (one for one in groups if one.group == {"account": account, "strategy": strategy})
        assert grouped.time_in_market == alone.time_in_market
        assert grouped.max_drawdown == alone.max_drawdown


def test_a_group_that_began_after_the_range_has_no_share_of_it(folder: Path) -> None:
    found = ask_performance(folder, EVERYTHING, None, 2, "account")
    assert [(one.group["account"], one.trips, one.time_in_market.value) for one in found] == [
        ("a", 0, None),
        ("another", 0, 1),
    ]


def test_what_closed_later_is_not_looked_for_among_what_closed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_trips, "MAX_ROWS", 0)  # as if there were many

    def steps(trips: int) -> int:
        """Instructions of SQLite, in tens."""
        folder, ledger, counted = tmp_path / str(trips), LedgerBuilder(), count()
        for number in range(trips):
            for side in ("buy", "sell"):
                ledger.fill(side, "1", "100", ts=minute(number), account="a")
        fold_at_once(folder, ledger.events)

        def question(snapshot: Snapshot) -> None:
            snapshot.connection.set_progress_handler(lambda: next(counted) < 0, 10)
            assert not round_trips.closed_later(snapshot, EVERYTHING, nanoseconds(minute(trips)))

        ask(folder, question)
        return next(counted)

    assert steps(200) == steps(20)
