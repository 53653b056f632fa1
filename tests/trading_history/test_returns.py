"""Daily returns: what is in the range alone, of all that accounts hold, also of those that never traded."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.ledger_oracle import nanoseconds
from tests.trading_history.figures import ask, fold_at_once
from trading_history.queries.performance import performance
from trading_history.queries.scope import EVERYTHING, Scope

HOUR = 60
DAY = 24 * HOUR
CAPITAL = {"a": {"USDT": Decimal(1000)}, "never": {"USDT": Decimal(500), "EUR": Decimal(7)}}


def the_returns(folder: Path, scope: Scope, first: float, until: float) -> list[Fraction]:
    """To 40 decimals."""
    times = nanoseconds(minute(first)), nanoseconds(minute(until))
    (found,) = ask(folder, lambda snapshot: performance(snapshot, scope, *times, capital=CAPITAL))
    return [round(Fraction(one), 40) for one in found.returns.daily]


def grown(after: int, before: int) -> Fraction:
    return round(Fraction(after, before) - 1, 40)


def ledger_of_two_days(folder: Path) -> None:
    """From the start on: 100 in the first hour, 50 less in the second; 20 more on the second day at noon."""
    ledger = LedgerBuilder()
    ledger.buy("1", "100", ts=minute(10), account="a")
    for price, at in (("200", 30), ("150", 90), ("170", DAY + 12 * HOUR)):
        ledger.say("price", symbol="BTC/USDT", price=price, ts=minute(at))
    ledger.sell("1", "170", ts=minute(2 * DAY), account="a")
    ledger.say("cash", currency="USDT", amount="500", reason="deposit", account="idle", ts=minute(DAY + 1))
    fold_at_once(folder, ledger.events)


def test_a_range_cuts_its_first_and_its_last_day(tmp_path: Path) -> None:
    ledger_of_two_days(tmp_path)
    scope = Scope(accounts=("a",))
    assert the_returns(tmp_path, scope, 0, 2 * DAY) == [grown(1050, 1000), grown(1070, 1050)]
    assert the_returns(tmp_path, scope, HOUR, DAY + 12 * HOUR) == [grown(1050, 1100), 0]


def test_equity_has_what_accounts_hold_that_never_traded(tmp_path: Path) -> None:
    ledger_of_two_days(tmp_path)
    assert the_returns(tmp_path, EVERYTHING, 0, 2 * DAY) == [grown(1550, 1500), grown(2070, 2050)]
