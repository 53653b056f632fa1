"""What open positions are worth: of each position as the sidecar has it, and of groups."""

from decimal import Decimal
from pathlib import Path

from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.ledger_oracle import nanoseconds
from tests.trading_history.figures import ask, fold_at_once
from trading_history.queries.grouping import Member
from trading_history.queries.performance import performance
from trading_history.queries.positions import positions
from trading_history.queries.scope import EVERYTHING
from trading_history.queries.value import Value

TIMES = nanoseconds(minute(0)), nanoseconds(minute(1_000))


def build(folder: Path) -> None:
    """Long 2 of a multiplier of 50 and short 300 of another currency's, an inverse contract, one without a price."""
    ledger = LedgerBuilder()
    ledger.say("instrument", symbol="ESX", currency="USD", multiplier="50", settlement="linear")
    ledger.say("instrument", symbol="XBTUSD", currency="BTC", multiplier="1", settlement="inverse")
    ledger.buy("2", "100", "ESX", account="a", tags=["t"])
    ledger.sell("3", "10", "ACME/USD", account="b")
    ledger.sell("5000", "10000", "XBTUSD", account="b")
    ledger.say("price", symbol="ESX", price="110")
    ledger.say("price", symbol="XBTUSD", price="20000")
    ledger.buy("1", "7", "FLAT/USD", account="b")
    ledger.sell("1", "8", "FLAT/USD", account="b")
    ledger.say("opening", symbol="DARK/EUR", quantity="1", average="5", account="c", strategy="default")
    fold_at_once(folder, ledger.events)


def test_a_position_has_its_exposure(tmp_path: Path) -> None:
    build(tmp_path)
    held = {one.symbol: one.exposure for one in ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))}
    assert held == {"ESX": 11000, "ACME/USD": 30, "XBTUSD": Decimal("0.25"), "FLAT/USD": 0, "DARK/EUR": None}


def test_groups_have_their_gross_and_their_net_exposure(tmp_path: Path) -> None:
    build(tmp_path)

    def by(*members: Member) -> dict[tuple[str, ...], tuple[Value, Value]]:
        found = ask(tmp_path, lambda snapshot: performance(snapshot, EVERYTHING, *TIMES, members))
        return {(*one.group.values(), one.currency): (one.exposure, one.net_exposure) for one in found}

    no_mark = Value(None, "no_mark")
    assert by() == {
        ("USD",): (Value(Decimal(11030)), Value(Decimal(10970))),
        ("BTC",): (Value(Decimal("0.25")), Value(Decimal("-0.25"))),
        ("EUR",): (no_mark, no_mark),
    }
    assert by("account")["b", "USD"] == (Value(Decimal(30)), Value(Decimal(-30)))
    assert by("symbol")["FLAT/USD", "USD"] == (Value(Decimal(0)), Value(Decimal(0)))
    assert by("tag")["t", "USD"] == (Value(None, "by_tag"), Value(None, "by_tag"))
