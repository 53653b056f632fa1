"""What traders complained about in other programs, each by its number in the research: what this one does."""

from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.ledger_oracle import nanoseconds
from tests.trading_history.figures import ask, fold_at_once, settle, take
from trading_history.queries.equity import Drawdown, drawdown, equity
from trading_history.queries.performance import Performance, performance
from trading_history.queries.pnl import by_period
from trading_history.queries.positions import positions
from trading_history.queries.scope import EVERYTHING
from trading_history.writer import HistoryWriter
from trading_model.days import MIDNIGHT_UTC, Calendar

DAY = 24 * 60
FROM, UNTIL = nanoseconds(minute(0)), nanoseconds(minute(40 * DAY))


@pytest.fixture
def ledger() -> LedgerBuilder:
    return LedgerBuilder()


def the_drawdown(folder: Path, ledger: LedgerBuilder, until: float = 40 * DAY) -> Drawdown:
    fold_at_once(folder, ledger.events)
    times = (FROM, nanoseconds(minute(until)))
    (found,) = ask(folder, lambda snapshot: drawdown(snapshot, EVERYTHING, *times))
    assert isinstance(found, Drawdown)
    return found


def the_performance(folder: Path, ledger: LedgerBuilder, **more: Any) -> Performance:
    fold_at_once(folder, ledger.events)
    (found,) = ask(folder, lambda snapshot: performance(snapshot, EVERYTHING, FROM, UNTIL, **more))
    assert isinstance(found, Performance)
    return found


def test_1_a_first_loss_is_a_drawdown(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    ledger.sell("1", "90", fee="1")
    assert the_drawdown(tmp_path, ledger).max == 11


def test_2_the_dip_of_an_open_position_shows(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    ledger.say("price", symbol="BTC/USDT", price="80")
    found = the_drawdown(tmp_path, ledger)
    assert found.max == found.current == 20


def test_4_a_fall_is_divided_by_the_peak_of_its_moment(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    for day, price in enumerate(("1100", "600", "10000"), 1):
        ledger.say("price", symbol="BTC/USDT", price=price, ts=minute(day * DAY))
    found = the_performance(tmp_path, ledger, capital={"default": {"USDT": Decimal(0)}})
    assert found.returns.max_drawdown.value is None  # no capital: no percentage
    found = the_performance(tmp_path, ledger, capital={"default": {"USDT": Decimal(100)}})
    fall = found.returns.max_drawdown.value
    assert fall is not None
    assert abs(fall - Decimal(500) / Decimal(1100)) < Decimal("1E-20")


def test_4_peak_and_trough_of_a_fall_inside_a_bar_are_levels_that_were(tmp_path: Path, ledger: LedgerBuilder) -> None:
    """The lowest level of the bar, -50, came before its peak."""
    ledger.buy("1", "100", ts=minute(1))
    for second, price in enumerate(("50", "200", "120", "180"), 1):
        ledger.say("price", symbol="BTC/USDT", price=price, ts=minute(1 + second / 60))
    ledger.say("price", symbol="BTC/USDT", price="170", ts=minute(90))
    ledger.say("price", symbol="BTC/USDT", price="150", ts=minute(30 * DAY))  # seconds of the first day are not kept
    fold_at_once(tmp_path, ledger.events)
    for span in (60, 3_600, 86_400):
        (found,) = ask(tmp_path, partial(drawdown, scope=EVERYTHING, start_ns=FROM, end_ns=UNTIL, span=span))
        assert (found.max, found.peak, found.trough) == (80, 100, 20)


def test_5_and_8_returns_need_capital_and_thirty_days(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    ledger.sell("1", "110")
    assert the_performance(tmp_path, ledger).returns.sharpe.reason == "no_capital"
    capital = {"default": {"USDT": Decimal(1000)}}
    times = (FROM, nanoseconds(minute(29 * DAY)))
    (found,) = ask(tmp_path, lambda snapshot: performance(snapshot, EVERYTHING, *times, capital=capital))
    assert (found.returns.days, found.returns.sharpe.reason) == (29, "too_few_days")
    assert the_performance(tmp_path, ledger, capital=capital).returns.sharpe.value is not None


def test_6_an_open_drawdown_counts_until_now(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", ts=minute(0))
    ledger.say("price", symbol="BTC/USDT", price="80", ts=minute(60))
    found = the_drawdown(tmp_path, ledger, until=10 * DAY)
    assert found.is_open
    assert found.under_water_ns == nanoseconds(minute(10 * DAY)) - nanoseconds(minute(60))


def test_7_a_daily_bar_has_the_low_of_the_day(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    ledger.say("price", symbol="BTC/USDT", price="10")
    ledger.say("price", symbol="BTC/USDT", price="101")
    fold_at_once(tmp_path, ledger.events)
    for span in (60, 3_600, 86_400):
        (found,) = ask(tmp_path, partial(drawdown, scope=EVERYTHING, start_ns=FROM, end_ns=UNTIL, span=span))
        assert found.max == 90
        assert found.current == 0


def test_9_open_round_trips_are_beside_the_win_rate(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    found = the_performance(tmp_path, ledger)
    assert (found.trips, found.open_trips) == (0, 1)
    assert (found.win_rate.value, found.win_rate.reason) == (None, "no_round_trips")


def test_10_fees_are_taken_once(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", fee="0.5")
    ledger.sell("2", "110", fee="1")
    ledger.buy("1", "120", fee="-0.25")
    found = the_performance(tmp_path, ledger)
    assert (found.gross, found.fees, found.net) == (Decimal(0), Decimal("1.25"), Decimal("-1.25"))
    (held,) = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
    assert (held.net, held.fees, held.realized) == (found.net, found.fees, found.gross)


def test_11_and_12_a_kill_neither_breaks_the_curve_nor_begins_the_day_again(
    tmp_path: Path, ledger: LedgerBuilder
) -> None:
    for number in range(20):
        ledger.fill("buy" if number % 3 else "sell", "1", str(100 + number))
    for last in range(1, 21):  # dropped without a close of its own: what is committed is all there is
        writer = HistoryWriter(tmp_path / "killed", with_figures=True)
        settle(writer)
        take(writer, ledger.events, last)
        writer.close()
    fold_at_once(tmp_path / "unbroken", ledger.events)
    day = Calendar.of(MIDNIGHT_UTC, "day", FROM, FROM + 1)
    for question in (
        lambda snapshot: equity(snapshot, EVERYTHING, FROM, UNTIL),
        lambda snapshot: by_period(snapshot, EVERYTHING, day),
    ):
        assert ask(tmp_path / "killed", question) == ask(tmp_path / "unbroken", question)


def test_13_and_3_all_questions_have_one_source(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("2", "100", fee="1")
    ledger.sell("1", "130", fee="1")
    fold_at_once(tmp_path, ledger.events)
    (curve,) = ask(tmp_path, lambda snapshot: equity(snapshot, EVERYTHING, FROM, UNTIL))
    (held,) = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
    day = Calendar.of(MIDNIGHT_UTC, "day", FROM, FROM + 1)
    (table,) = ask(tmp_path, lambda snapshot: by_period(snapshot, EVERYTHING, day))
    assert curve.bars[-1].close == held.net == table.rows[0].marked == 58


def test_14_and_15_figures_name_their_currency_and_the_age_of_their_mark(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", "BTC/USDT", ts=minute(1))
    ledger.buy("1", "100", "BTC/EUR", ts=minute(2))
    fold_at_once(tmp_path, ledger.events)
    held = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
    assert {one.currency: one.mark_ns for one in held} == {
        "USDT": nanoseconds(minute(1)),
        "EUR": nanoseconds(minute(2)),
    }
    curves = ask(tmp_path, lambda snapshot: equity(snapshot, EVERYTHING, FROM, UNTIL))
    assert sorted(curve.currency for curve in curves) == ["EUR", "USDT"]


def test_a_late_fill_and_a_void_restate_the_past_with_a_revision(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100", ts=minute(10))
    ledger.sell("1", "110", ts=minute(20))
    with closing(HistoryWriter(tmp_path, with_figures=True)) as writer:
        take(writer, ledger.events, 2)
        late = ledger.buy("1", "90", ts=minute(5))
        take(writer, ledger.events, 3)
        settle(writer)
        (held,) = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
        assert (held.quantity, held.realized, held.revision) == (1, 15, late)
        void = ledger.void(late)
        take(writer, ledger.events, 4)
        settle(writer)
    (held,) = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
    assert (held.quantity, held.realized, held.revision) == (0, 10, void)


@pytest.mark.parametrize(
    ("account", "void", "mark"),
    [(None, False, 100), ("default", False, 400), (None, True, 400), ("default", True, 400)],
)
def test_a_position_that_begins_after_a_split_is_marked_at_the_price_of_after_it(
    tmp_path: Path, ledger: LedgerBuilder, account: str | None, void: bool, mark: int
) -> None:
    """A split in one account only, or one that is void, changes no price."""
    ledger.buy("1", "400", "ACME/USD")
    ledger.sell("1", "400", "ACME/USD")
    split = ledger.say("split", symbol="ACME/USD", n=4, d=1, **({"account": account} if account else {}))
    if void:
        ledger.void(split)
    ledger.say("opening", symbol="ACME/USD", quantity="8", average="90", account="other", strategy="default")
    fold_at_once(tmp_path, ledger.events)
    flat, held = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
    assert (held.mark, held.unrealized) == (mark, 8 * (mark - 90))
    assert flat.last_ns == nanoseconds(ledger.events[1]["ts"]), "a flat position has no step by a split"


def test_a_fill_whose_fee_no_trade_can_have_is_in_no_figure(tmp_path: Path, ledger: LedgerBuilder) -> None:
    ledger.buy("1", "100")
    ledger.buy("1", "100", fee="1" + "0" * 38)
    fold_at_once(tmp_path, ledger.events)
    (held,) = ask(tmp_path, lambda snapshot: positions(snapshot, EVERYTHING))
    assert (held.quantity, held.fees) == (1, 0)
