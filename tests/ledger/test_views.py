"""The examples of the accounting rules about views: base currency, days, round trips, lots."""

from fractions import Fraction

from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.ledger_oracle import figures, nanoseconds
from tests.support.ledger_views import in_base, marked_days, realised_by_lots, round_trips, settled_days

DAY = 24 * 60
NOW = nanoseconds(minute(10 * DAY))


def test_rule_2_the_fee_of_a_flip_goes_by_quantity(ledger: LedgerBuilder) -> None:
    ledger.buy("2", "100")
    ledger.sell("5", "110", fee="1")
    closed, still_open = round_trips(ledger.events)
    assert (closed.gross, closed.fees, still_open.fees) == (Fraction(20), Fraction("0.4"), Fraction("0.6"))


def test_rule_15_dust_ends_a_round_trip(ledger: LedgerBuilder) -> None:
    ledger.buy("0.999", "100")
    ledger.sell("0.99", "110")
    (trip,) = round_trips(ledger.events, lot=Fraction("0.01"))
    assert trip.closed is not None
    assert trip.gross == Fraction("9.9")


def test_rule_21_dated_and_at_todays_rates(ledger: LedgerBuilder) -> None:
    ledger.say("rate", base="USD", quote="EUR", rate="0.90", max_age=3600)
    ledger.buy("1", "100", "BTC/USD")
    ledger.sell("1", "200", "BTC/USD")
    ledger.say("rate", base="USD", quote="EUR", rate="0.95", max_age=30 * 86_400)
    ledger.buy("1", "100", "BTC/USD")
    ledger.sell("1", "150", "BTC/USD")
    assert in_base(ledger.events, "EUR", NOW).net == Fraction("137.5")
    assert in_base(ledger.events, "EUR", NOW, dated=False).net == Fraction("142.5")


def test_rule_21_principal(ledger: LedgerBuilder) -> None:
    ledger.sell("1000", "1.10", "EUR/USD")
    ledger.say("price", symbol="EUR/USD", price="1.25")
    ledger.say("rate", base="EUR", quote="USD", rate="1.25", max_age=30 * 86_400)
    (position,) = figures(ledger.events).positions.values()
    assert position.net == -150
    assert in_base(ledger.events, "EUR", NOW).net == -120


def test_rule_21_no_future_rates_and_what_is_missing(ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", "BTC/USDT")
    ledger.sell("1", "200", "BTC/USDT")
    ledger.say("rate", base="USDT", quote="EUR", rate="0.9", max_age=30 * 86_400)
    assert in_base(ledger.events, "EUR", NOW).missing == {"USDT"}
    assert in_base(ledger.events, "EUR", NOW, dated=False).net == 90
    assert in_base(ledger.events, "USD", NOW, dated=False).missing == {"USDT"}


def test_rule_22_three_views_of_days(ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", fee="1")
    ledger.say("price", symbol="BTC/USDT", price="105")
    ledger.sell("1", "103", fee="1", ts=minute(DAY + 1))
    bounds = [nanoseconds(minute(DAY * day)) for day in range(3)]
    assert marked_days(ledger.events, bounds) == [4, -3]
    assert settled_days(ledger.events, bounds) == [-1, 2]
    (trip,) = round_trips(ledger.events)
    assert trip.closed is not None
    assert bounds[1] <= trip.closed < bounds[2]
    assert trip.gross - trip.fees == 1


def test_rule_23_lots(ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    ledger.buy("1", "120")
    ledger.sell("1", "130")
    (position,) = figures(ledger.events).positions.values()
    assert realised_by_lots(ledger.events, "fifo") == 30
    assert realised_by_lots(ledger.events, "lifo") == 10
    assert position.realised == 20
    ledger.sell("1", "90")
    (position,) = figures(ledger.events).positions.values()
    assert {realised_by_lots(ledger.events, "fifo"), realised_by_lots(ledger.events, "lifo")} == {position.realised}
