"""Shares of equity and the distance to the floor count what was put in until then."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.ledger_oracle import nanoseconds
from tests.trading_history.figures import ask, fold_at_once
from trading_app.history.accounts import Accounts
from trading_app.history.drawdown import drawdown_row
from trading_history.queries.equity import drawdown
from trading_history.queries.scope import EVERYTHING, Scope

NONE = Accounts()
WITH_CAPITAL = Accounts({"a": {"USDT": Decimal(1000)}}, {"a": {"USDT": Decimal(900)}})
FLOOR_ONLY = Accounts({}, {"a": {"USDT": Decimal(400)}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Account a: 500 come before the peak of 100, 200 go after it, then 60 are lost. Account b has another deposit."""
    made = tmp_path_factory.mktemp("history")
    ledger = LedgerBuilder()
    ledger.fill("buy", "10", "100", ts=minute(1), account="a")
    ledger.say("cash", ts=minute(2), currency="USDT", amount="500", reason="deposit", account="a")
    ledger.say("cash", ts=minute(2), currency="EUR", amount="9", reason="deposit", account="a")
    ledger.say("cash", ts=minute(2), currency="USDT", amount="7", reason="deposit", account="b")
    ledger.say("price", ts=minute(3), symbol="BTC/USDT", price="110")
    ledger.say("cash", ts=minute(4), currency="USDT", amount="-200", reason="withdrawal", account="a")
    ledger.say("price", ts=minute(5), symbol="BTC/USDT", price="104")
    fold_at_once(made, ledger.events)
    return made


@pytest.mark.parametrize(
    ("accounts", "scope", "capital", "share", "above"),
    [
        (WITH_CAPITAL, Scope(accounts=("a",)), "1300", Decimal(60) / 1400, "440"),
        (FLOOR_ONLY, Scope(accounts=("a",)), "300", Decimal(60) / 400, "-60"),
        (NONE, Scope(accounts=("a",)), "300", Decimal(60) / 400, None),
        (WITH_CAPITAL, EVERYTHING, "1307", Decimal(60) / 1407, "447"),
        (WITH_CAPITAL, Scope(accounts=("a",), strategies=("default",)), None, None, None),
    ],
    ids=["capital", "floor only", "deposits only", "all accounts", "a strategy"],
)
def test_equity_has_the_deposits_until_then(
    folder: Path, accounts: Accounts, scope: Scope, capital: str | None, share: Decimal | None, above: str | None
) -> None:
    end_ns = nanoseconds(minute(6))
    [fall] = ask(folder, lambda snapshot: drawdown(snapshot, scope, nanoseconds(minute(0)), end_ns))
    row = ask(folder, lambda snapshot: drawdown_row(snapshot, fall, end_ns, scope, accounts))
    assert (row.max, row.capital, row.above_floor) == ("60", capital, above)
    assert row.max_share == row.current_share
    assert (row.max_share is None) == (share is None)
    assert abs(Decimal(row.max_share or 0) - (share or 0)) < Decimal("1e-20")
