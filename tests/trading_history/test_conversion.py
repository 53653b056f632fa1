"""Figures in a base currency: as the oracle has them with fractions, and exact where rates change at whole minutes."""

import random
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.ledger_builder import Event, LedgerBuilder, minute
from tests.support.ledger_oracle import nanoseconds
from tests.support.ledger_views import in_base
from tests.trading_history.figures import ask, closed_between, fold_at_once
from trading_history.queries import converted_equity as converted_equity_module
from trading_history.queries.conversion import Conversion, View
from trading_history.queries.converted_equity import converted_equity, converted_fall
from trading_history.queries.equity import Curve, drawdown_of
from trading_history.queries.performance import Performance, performance
from trading_history.queries.pnl import Table, by_hour, by_period
from trading_history.queries.round_trips import RoundTrip
from trading_history.queries.scope import EVERYTHING, Scope
from trading_history.reader import Snapshot
from trading_model.days import MIDNIGHT_UTC, Calendar
from trading_model.decimals import exactly

DAYS = 4
FROM, UNTIL = nanoseconds(minute(0)), nanoseconds(minute(DAYS * 1440))
CALENDAR = Calendar.of(MIDNIGHT_UTC, "day", FROM, UNTIL)
TOLERANCE = Fraction(1, 10**25)
SYMBOLS = ("BTC/USDT", "SAP/EUR", "ETH/BTC")


def in_three_currencies(seed: int, count: int = 60) -> list[Event]:
    """Fills of three symbols, funding, and rates in either direction at whole minutes, some short-lived."""
    chance, ledger = random.Random(seed), LedgerBuilder()
    ledger.say("rate", base="USDT", quote="EUR", rate="0.9", ts=minute(0))
    ledger.say("rate", base="EUR", quote="BTC", rate="0.00002", ts=minute(0))
    for at in chance.sample(range(1, DAYS * 1440), count):
        what, ts = chance.random(), minute(at)
        if what < 0.15:
            ledger.say("rate", base="USDT", quote="EUR", rate=f"0.{chance.randrange(80, 99)}", ts=ts)
        elif what < 0.25:
            ledger.say("rate", base="EUR", quote="BTC", rate=f"0.0000{chance.randrange(11, 33)}", ts=ts)
        else:
            side, price = chance.choice(["buy", "sell"]), f"{chance.randrange(90, 110)}.{chance.randrange(10)}"
            ledger.fill(side, "1.5", price, chance.choice(SYMBOLS), ts=minute(at + 0.25), fee="0.1")
    return ledger.events


def worth(events: list[Event], until: int, now: int, *, dated: bool) -> Fraction:
    """The net of what happened before a time, in euro."""
    known = [event for event in events if nanoseconds(event.get("rate", event)["ts"]) < until]
    if not dated:
        known = [event for event in events if "rate" in event or event in known]
    total = in_base(known, "EUR", now, dated=dated)
    assert not total.missing
    return total.net


def table_of(folder: Path, view: View, now: int = UNTIL, *, of_hours: bool = False) -> tuple[Table, Conversion]:
    def question(snapshot: Snapshot) -> tuple[Table, Conversion]:
        conversion = Conversion.of(snapshot, "EUR", view, now)
        if of_hours:
            (table,) = by_hour(snapshot, EVERYTHING, MIDNIGHT_UTC.zone, FROM, UNTIL, conversion)
        else:
            (table,) = by_period(snapshot, EVERYTHING, CALENDAR, conversion)
        return table, conversion

    found: tuple[Table, Conversion] = ask(folder, question)
    return found


def equity_of(
    snapshot: Snapshot, scope: Scope = EVERYTHING, start: int = FROM, span: int = 60, limit: int = 5_000
) -> Curve:
    conversion = Conversion.of(snapshot, "EUR", "dated", UNTIL)
    return converted_equity(snapshot, scope, conversion, (start, UNTIL), span, limit)


@pytest.mark.parametrize("view", ["dated", "at_current_rates"])
def test_days_are_the_oracles(tmp_path: Path, view: View) -> None:
    events = in_three_currencies(1)
    fold_at_once(tmp_path, events)
    table, conversion = table_of(tmp_path, view)
    dated = view == "dated"
    levels = [worth(events, at, at - 1 if dated else UNTIL, dated=dated) for at in CALENDAR.starts[1:]]
    for row, (before, after) in zip(table.rows, pairwise([Fraction(), *levels]), strict=True):
        assert abs(Fraction(row.marked) - (after - before)) < TOLERANCE
        assert row.is_whole
    assert table.exact
    assert conversion.missing == []
    assert [one.currency for one in conversion.current] == ["BTC", "EUR", "USDT"]
    hours, _ = table_of(tmp_path, view, of_hours=True)
    for name in ("marked", "settled", "fees"):
        total = sum((Fraction(getattr(row, name)) for row in table.rows), Fraction())
        assert abs(sum((Fraction(getattr(row, name)) for row in hours.rows), Fraction()) - total) < TOLERANCE


def test_equity_ends_where_the_oracle_does_whatever_the_bars_are(tmp_path: Path) -> None:
    events = in_three_currencies(3)
    fold_at_once(tmp_path, events)
    middle = CALENDAR.starts[2]
    rest = [event for event in events if nanoseconds(event.get("rate", event)["ts"]) >= middle and "rate" not in event]
    inside = nanoseconds(rest[0]["ts"]) + 10**9
    last = worth(events, UNTIL, UNTIL - 1, dated=True)
    for span, limit in ((1, 5_000), (60, 5_000), (60, 3), (86_400, 5)):
        begun = ask(tmp_path, partial(equity_of, start=inside, span=span, limit=limit))
        assert abs(Fraction(begun.bars[-1].close) - last) < TOLERANCE, "a range may begin inside a minute"
        curve = ask(tmp_path, partial(equity_of, start=middle, span=span, limit=limit))
        assert (curve.span, curve.exact_inside) == (86_400 if limit < 100 else 60, False)
        assert abs(Fraction(curve.opening) - worth(events, middle, middle - 1, dated=True)) < TOLERANCE
        assert abs(Fraction(curve.bars[-1].close) - last) < TOLERANCE
        assert all(one.close == other.open for one, other in pairwise(curve.bars))


def test_cash_before_the_first_position_counts(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    ledger.say("rate", base="USD", quote="EUR", rate="0.5", ts=minute(0))
    ledger.say("cash", account="default", amount="8", currency="USD", reason="interest", ts=minute(1))
    ledger.buy("1", "100", "X/USD", ts=minute(3 * 1440))
    fold_at_once(tmp_path, ledger.events)
    curve = ask(tmp_path, partial(equity_of, start=CALENDAR.starts[1]))
    assert curve.opening == 4


def test_the_example_of_the_rule(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    for at, rate, gain in ((0, "0.90", "200"), (10, "0.95", "150")):
        ledger.say("rate", base="USD", quote="EUR", rate=rate, ts=minute(at))
        ledger.buy("1", "100", "X/USD", ts=minute(at + 1))
        ledger.sell("1", gain, "X/USD", ts=minute(at + 2))
    fold_at_once(tmp_path, ledger.events)
    assert [table_of(tmp_path, view)[0].rows[0].settled for view in ("dated", "at_current_rates")] == [
        Decimal("137.5"), Decimal("142.5"),
    ]  # fmt: skip
    (group,) = ask(
        tmp_path,
        lambda snapshot: performance(
            snapshot, EVERYTHING, FROM, UNTIL, conversion=Conversion.of(snapshot, "EUR", "dated", UNTIL)
        ),
    )
    assert (group.currency, group.net, group.trips, group.returns.total.reason) == ("EUR", 137.5, 2, "converted")


def test_what_has_no_rate_is_listed_and_in_no_sum(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    ledger.say("rate", base="USD", quote="EUR", rate="0.5", ts=minute(0), max_age=60)
    ledger.buy("1", "100", "X/USD", ts=minute(0.5), fee="2")
    ledger.sell("1", "110", "X/USD", ts=minute(5), fee="2")
    ledger.buy("1", "100", "Y/CHF", ts=minute(6))
    ledger.buy("1", "110", "Y/CHF", ts=minute(7), account="other")
    ledger.buy("1", "1", "MISC", ts=minute(8))
    ledger.sell("1", "3", "MISC", ts=minute(9))
    fold_at_once(tmp_path, ledger.events)
    table, conversion = table_of(tmp_path, "dated")
    assert [row.is_whole for row in table.rows] == [False, True, True, True]
    assert table.rows[0].settled == -1
    assert {(one.part, one.currency, one.amount, one.reason) for one in conversion.missing} == {
        ("realized", "USD", 10, "too_old"),
        ("fees", "USD", 2, "too_old"),
        ("unrealized", "CHF", 10, "no_rate"),
        ("round_trips", "USD", 6, "too_old"),
        ("round_trips", "", None, "currency_unknown"),
    }
    of_account = ask(tmp_path, partial(equity_of, scope=Scope(accounts=("other",))))
    assert [(bar.close, bar.fills) for bar in of_account.bars] == [(0, 1)]


def test_what_is_missing_is_listed_once_where_bars_become_coarser(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    for at in range(3):
        ledger.say("rate", base="USD", quote="EUR", rate=f"0.{at + 5}", ts=minute(600 * at + 300), max_age=60)
    ledger.buy("1", "100", "X/USD", ts=minute(1), fee="2")
    ledger.buy("1", "110", "X/USD", ts=minute(2))
    ledger.buy("1", "110", "X/USD", ts=minute(3 * 1440))
    fold_at_once(tmp_path, ledger.events)

    def question(snapshot: Snapshot) -> tuple[int, list[tuple[str, Decimal | None]]]:
        conversion = Conversion.of(snapshot, "EUR", "dated", UNTIL)
        curve = converted_equity(snapshot, EVERYTHING, conversion, (FROM, UNTIL), 60, 4)
        return curve.span, [(one.part, one.amount) for one in conversion.missing]

    assert ask(tmp_path, question) == (86_400, [("fees", 2), ("unrealized", 10)])


def test_a_rate_within_a_minute_that_has_amounts_is_not_exact(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    ledger.say("rate", base="USD", quote="EUR", rate="0.5", ts=minute(0))
    ledger.buy("1", "100", "X/USD", ts=minute(0.5), fee="2")
    ledger.say("rate", base="USD", quote="EUR", rate="1", ts=minute(0.75))
    fold_at_once(tmp_path, ledger.events)
    table, _ = table_of(tmp_path, "dated")
    assert not table.exact
    assert table.rows[0].fees == 2
    assert table_of(tmp_path, "at_current_rates")[0].exact


@pytest.mark.parametrize("view", ["dated", "at_current_rates"])
def test_round_trips_are_those_converted_one_by_one(tmp_path: Path, view: View) -> None:
    events = in_three_currencies(7, 300)
    fold_at_once(tmp_path, events)

    def question(snapshot: Snapshot) -> tuple[list[Performance], list[RoundTrip | None]]:
        conversion = Conversion.of(snapshot, "EUR", view, UNTIL)
        found = performance(snapshot, EVERYTHING, FROM, UNTIL, ("symbol",), conversion=conversion)
        found += performance(snapshot, EVERYTHING, FROM, UNTIL, conversion=conversion)
        alone = [exactly(conversion.trip)(trip) for trip in closed_between(snapshot, EVERYTHING, FROM, UNTIL)]
        assert conversion.missing == []
        return found, alone

    groups, converted = ask(tmp_path, question)
    assert len(groups) == len(SYMBOLS) + 1
    for group in groups:
        trips = [one for one in converted if group.group.get("symbol", one.symbol) == one.symbol]
        nets = [Fraction(one.net) for one in trips]
        assert (group.trips, group.wins, group.losses) == (
            len(nets),
            sum(net > 0 for net in nets),
            sum(net < 0 for net in nets),
        )
        signs = "".join("+" if net > 0 else "-" for net in nets if net)
        assert group.winning_streak == max(map(len, signs.split("-")))
        assert group.losing_streak == max(map(len, signs.split("+")))
        assert abs(Fraction(group.largest_win.value or 0) - max(Fraction(), *nets)) < TOLERANCE
        assert abs(Fraction(group.largest_loss.value or 0) - min(Fraction(), *nets)) < TOLERANCE
        for name in ("net", "gross", "fees", "turnover"):
            total = sum((Fraction(getattr(one, name)) for one in trips), Fraction())
            assert abs(Fraction(getattr(group, name)) - total) < TOLERANCE


def in_one_currency(seed: int) -> list[Event]:
    """Fills of three symbols at few times, so that several are at one."""
    chance, ledger = random.Random(seed), LedgerBuilder()
    for at in sorted(chance.choices(range(DAYS * 1440), k=60) * 2):
        side, price = chance.choice(["buy", "sell"]), f"{chance.randrange(90, 110)}.{chance.randrange(10)}"
        ledger.fill(side, "1.5", price, chance.choice(["A/EUR", "B/EUR", "C/EUR"]), ts=minute(at), fee="0.1")
    return ledger.events


@pytest.mark.parametrize("most", [0, 30, 8_000])
def test_what_is_in_the_base_currency_stays_as_it_is(
    tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converted_equity_module, "MAX_DRAWDOWN_BARS", most)
    fold_at_once(tmp_path, in_one_currency(3))
    start = FROM + 90 * 60 * 10**9

    def question(snapshot: Snapshot) -> None:
        conversion = Conversion.of(snapshot, "EUR", "dated", UNTIL)
        scope = Scope(accounts=("default",), strategies=("default",))  # without a stored sum
        curve = converted_equity(snapshot, scope, conversion, (start, UNTIL), max_bars=most)
        assert len(curve.bars) > 3
        assert converted_fall(snapshot, scope, conversion, (start, UNTIL)) == drawdown_of(curve, start, UNTIL).max
        assert by_period(snapshot, scope, CALENDAR, conversion) == by_period(snapshot, scope, CALENDAR)

    ask(tmp_path, question)
