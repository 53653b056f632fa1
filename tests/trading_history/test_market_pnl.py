"""P&L by periods with open positions marked by a followed market: random ledgers of weeks against fractions."""

import random
from collections.abc import Container
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.ledger_builder import LedgerBuilder
from tests.support.ledger_oracle import nanoseconds
from tests.support.market_candles import store_candles
from tests.trading_history.figures import ask, fold_at_once
from trading_history.candles.candle import Market
from trading_history.queries.market_equity import market_equity
from trading_history.queries.market_marks import MarketMarks
from trading_history.queries.pnl import Table, by_hour, by_period, by_weekday
from trading_history.queries.scope import EVERYTHING, Scope
from trading_history.reader import Snapshot
from trading_model.days import Calendar, DayBoundary
from trading_model.field_rules import format_timestamp

SECOND, MINUTE, HOUR, DAY = 10**9, 60 * 10**9, 3_600 * 10**9, 86_400 * 10**9
BEGAN = nanoseconds("2026-03-20T00:00:00Z")  # clocks change in Berlin in the second week
DAYS = 16
SYMBOLS = ("BTC/USDT", "ETH/USDT", "XRP/USDT")
BOUNDARIES = ("UTC", "Europe/Berlin", "09:30 Asia/Kolkata")


class Priced(NamedTuple):
    """A fill, or a price of the market, which has no account and no quantity."""

    time_ns: int
    symbol: str
    price: Fraction
    account: str = ""
    quantity: Fraction = Fraction()
    fee: Fraction = Fraction()


class Story(NamedTuple):
    """What happened, in the order of time."""

    folder: Path
    fills: list[Priced]
    marks: list[Priced]

    def level(self, time_ns: int, whose: Container[tuple[str, str]] | None = None) -> Fraction:
        """The net P&L at a time at which a minute begins: a position is worth the price of the market where its last
        minute with a trade is not before that of the last fill of the symbol.
        """
        level, held, last = Fraction(), dict[str, Fraction](), dict[str, tuple[int, bool, Fraction]]()
        for one in (*self.fills, *self.marks):
            if one.time_ns < time_ns:
                last[one.symbol] = max(
                    last.get(one.symbol, (-1, False, Fraction())), (one.time_ns // MINUTE, not one.account, one.price)
                )
                if one.account and (whose is None or (one.account, one.symbol) in whose):
                    level -= one.quantity * one.price + one.fee
                    held[one.symbol] = held.get(one.symbol, Fraction()) + one.quantity
        return level + sum((quantity * last[symbol][2] for symbol, quantity in held.items()), Fraction())


@pytest.fixture(scope="module", params=range(2))
def story(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Story:
    """Fills of three symbols, two of which have a market that is quiet for days at times; one at most in a minute."""
    chance, folder = random.Random(request.param), tmp_path_factory.mktemp("history")
    ledger = LedgerBuilder()
    for symbol in SYMBOLS[:2]:
        ledger.say("instrument", symbol=symbol, mark="market")
    minutes = iter(sorted(chance.sample(range(DAYS * 1_440), 200)))
    fills, marks = list[Priced](), list[Priced]()
    for _ in range(80):
        time_ns, symbol = BEGAN + next(minutes) * MINUTE + chance.randrange(60) * SECOND, chance.choice(SYMBOLS)
        account, side = chance.choice(["default", "second"]), chance.choice(["buy", "sell"])
        price, qty, fee = chance.randrange(50_000, 150_000), chance.randrange(1, 9), chance.randrange(100)
        ledger.fill(
            side, str(qty), f"{price}e-3", symbol, account=account, ts=format_timestamp(time_ns), fee=f"{fee}e-2",
            fee_currency="USDT",
        )  # fmt: skip
        signed = Fraction(qty if side == "buy" else -qty)
        fills.append(Priced(time_ns, symbol, Fraction(price, 1_000), account, signed, Fraction(fee, 100)))
    for symbol in SYMBOLS[:2]:
        quiet = {day for day in range(DAYS) if chance.random() < 0.4}
        for minute in sorted(chance.sample(range(DAYS * 1_440), 300)):
            if minute // 1_440 not in quiet:
                time_ns = BEGAN + minute * MINUTE + 59 * SECOND
                marks.append(Priced(time_ns, symbol, Fraction(chance.randrange(50_000, 150_000), 1_000)))
        own = [(one.time_ns, str(float(one.price)), "1") for one in marks if one.symbol == symbol]
        store_candles(folder, Market("binance", symbol.replace("/", "-")), own)
    fold_at_once(folder, ledger.events)
    return Story(folder, sorted(fills), sorted(marks))


WHOLE = BEGAN, BEGAN + DAYS * DAY
CUT = BEGAN + 2 * DAY + 5 * HOUR + 17 * MINUTE + 13 * SECOND, BEGAN + 12 * DAY + 7 * HOUR + 11 * MINUTE + 5 * SECOND
SCOPES: tuple[tuple[Scope, Container[tuple[str, str]] | None], ...] = (
    (EVERYTHING, None),
    (Scope(("second",), symbols=SYMBOLS[:1]), {("second", SYMBOLS[0])}),
    (Scope(("second",), ("default",)), {("second", symbol) for symbol in SYMBOLS}),
)


def whole_minute(time_ns: int, *, after: bool) -> int:
    return -(-time_ns // MINUTE) * MINUTE if after else time_ns // MINUTE * MINUTE


def marked(tables: list[Table]) -> list[Fraction]:
    (table,) = tables
    return [Fraction(row.marked) for row in table.rows]


@pytest.mark.parametrize("times", [WHOLE, CUT], ids=["whole", "cut"])
@pytest.mark.parametrize("words", BOUNDARIES)
def test_periods_have_the_changes_between_their_ends(story: Story, words: str, times: tuple[int, int]) -> None:
    boundary = DayBoundary.parse(words)
    days = Calendar.of(boundary, "day", *times).within(*times)
    starts = [whole_minute(start, after=place > 0) for place, start in enumerate(days.starts)]
    for scope, whose in SCOPES:
        levels = [story.level(start, whose) for start in starts]
        wanted = [after - before for before, after in pairwise(levels)]

        def question(snapshot: Snapshot, scope: Scope = scope) -> tuple[list[Table], list[Table], list[Table]]:
            marks = MarketMarks(snapshot, story.folder, scope, times[1])
            return (
                by_period(snapshot, scope, days, marks=marks),
                by_weekday(snapshot, scope, boundary, *times, marks=marks),
                by_hour(snapshot, scope, boundary.zone, *times, marks=marks),
            )

        by_days, weekdays, hours = ask(story.folder, question)
        assert marked(by_days) == wanted
        of_weekday = [Fraction()] * 7
        for name, change in zip(days.names, wanted, strict=True):
            of_weekday[name.weekday()] += change
        assert marked(weekdays) == of_weekday
        assert sum(marked(hours)) == sum(wanted)


@pytest.mark.parametrize("span", [60, 3_600, 86_400])
def test_bars_of_any_span_have_the_values_at_their_ends(story: Story, span: int) -> None:
    times = CUT if span > 60 else (CUT[0], CUT[0] + 2 * DAY)
    first, last = whole_minute(times[0], after=False), whole_minute(times[1], after=True)
    for scope, whose in SCOPES:
        question = partial(market_equity, folder=story.folder, scope=scope, times=times, span=span)
        (curve,) = ask(story.folder, question).curves
        assert (curve.span, Fraction(curve.opening)) == (span, story.level(first, whose))
        for bar in curve.bars:
            assert Fraction(bar.close) == story.level(min(bar.start_ns + span * SECOND, last), whose)
        assert Fraction(curve.bars[-1].close) == story.level(last, whose)


def test_an_hour_of_the_day_has_its_own_changes(story: Story) -> None:
    ends = range(WHOLE[0], WHOLE[1] + HOUR, HOUR)
    levels = [story.level(end) for end in ends]
    wanted = [Fraction()] * 24
    for place, (before, after) in enumerate(pairwise(levels)):
        wanted[place % 24] += after - before

    def question(snapshot: Snapshot) -> list[Table]:
        marks = MarketMarks(snapshot, story.folder, EVERYTHING, WHOLE[1])
        return by_hour(snapshot, EVERYTHING, DayBoundary.parse("UTC").zone, *WHOLE, marks=marks)

    assert marked(ask(story.folder, question)) == wanted
