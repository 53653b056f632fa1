"""Round trips, days and drawdown of random ledgers, as the oracle has them with fractions; it shares no code."""

import random
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.ledger_builder import Event, LedgerBuilder, minute
from tests.support.ledger_oracle import Ledger, nanoseconds
from tests.support.ledger_views import marked_days, round_trips, settled_days
from tests.support.random_ledger import MINUTES, random_ledger
from tests.trading_history.figures import ask, closed_between, fold_at_once
from trading_history.queries.equity import LONGEST, drawdown, equity, max_drawdown
from trading_history.queries.pnl import by_period
from trading_history.queries.round_trips import still_open
from trading_history.queries.scope import EVERYTHING, Scope, books
from trading_history.reader import Snapshot
from trading_model.days import MIDNIGHT_UTC, Calendar

DAY_MINUTES = 24 * 60
DAYS = 4
FROM, UNTIL = nanoseconds(minute(0)), nanoseconds(minute(DAYS * DAY_MINUTES))
CALENDAR = Calendar.of(MIDNIGHT_UTC, "day", FROM, UNTIL)


def one_position(seed: int, count: int = 60) -> list[Event]:
    """Fills of one position, in any order of arrival, some void: flips, and fees that flips part."""
    chance, ledger = random.Random(seed), LedgerBuilder()
    for at in chance.sample(range(DAYS * DAY_MINUTES), count):
        fees = {"fee": f"0.{chance.randrange(100):02}"} if chance.random() < 0.7 else {}
        price = f"{chance.randrange(9_000, 11_000)}.{chance.randrange(100):02}"
        ledger.fill(chance.choice(["buy", "sell"]), str(chance.randrange(1, 4)), price, ts=minute(at), **fees)
    for target in chance.sample(range(1, count), 5):
        ledger.void(target)
    return ledger.events


def several_positions(seed: int, count: int = 40) -> list[Event]:
    """Fills of two symbols by three accounts, with prices by hand and funding; each price moves several positions.

    Funding comes after the first fill of its position: the oracle has no position before.
    """
    chance, ledger = random.Random(seed), LedgerBuilder()
    began: dict[tuple[str, str], int] = {}
    for at in chance.sample(range(DAYS * DAY_MINUTES), count):
        symbol, account = chance.choice(["BTC/USDT", "ETH/USDT"]), f"a{chance.randrange(3)}"
        what, price = chance.random(), f"{chance.randrange(90, 110)}.{chance.randrange(10)}"
        if what < 0.15:
            ledger.say("price", symbol=symbol, price=price, ts=minute(at))
        elif what < 0.3 and began.get((account, symbol), at) < at:
            more = {"account": account, "strategy": "default", "symbol": symbol, "ts": minute(at)}
            ledger.say("cash", amount=f"-0.{chance.randrange(10)}", currency="USDT", reason="funding", **more)
        else:
            began[account, symbol] = min(at, began.get((account, symbol), at))
            ledger.fill(chance.choice(["buy", "sell"]), "1.5", price, symbol, ts=minute(at), account=account, fee="0.1")
    return ledger.events


@pytest.mark.parametrize("seed", range(4))
def test_round_trips_are_the_oracles(tmp_path: Path, seed: int) -> None:
    events = one_position(seed)
    fold_at_once(tmp_path, events)
    trips = ask(tmp_path, lambda snapshot: closed_between(snapshot, EVERYTHING, FROM, UNTIL))
    opened = ask(tmp_path, lambda snapshot: still_open(snapshot, EVERYTHING))
    found = [(one.opened_ns, one.closed_ns, Fraction(one.gross), Fraction(one.fees)) for one in [*trips, *opened]]
    expected = round_trips(events)
    assert len(found) == len(expected)
    for (opened_ns, closed_ns, gross, fees), trip in zip(found, expected, strict=True):
        assert (opened_ns, closed_ns) == (trip.opened, trip.closed)
        assert abs(gross - trip.gross) < Fraction(1, 10**30)
        assert abs(fees - trip.fees) < Fraction(1, 10**30)
    assert all(one.net == one.gross - one.fees + one.cash for one in trips)
    assert all(one.mae <= min(one.gross, 0) <= max(one.gross, 0) <= one.mfe for one in trips)


@pytest.mark.parametrize("seed", range(4))
def test_days_are_the_oracles_and_the_views_have_one_sum(tmp_path: Path, seed: int) -> None:
    events = several_positions(seed)
    fold_at_once(tmp_path, events)
    (table,) = ask(tmp_path, lambda snapshot: by_period(snapshot, EVERYTHING, CALENDAR))
    assert [Fraction(row.marked) for row in table.rows] == marked_days(events, CALENDAR.starts)
    settled = [Fraction(row.settled) for row in table.rows]
    for found, expected in zip(settled, settled_days(events, CALENDAR.starts), strict=True):
        assert abs(found - expected) < Fraction(1, 10**30)


@pytest.mark.parametrize("seed", range(4))
def test_the_drawdown_of_sums_is_exact_inside_bars(tmp_path: Path, seed: int) -> None:
    events = several_positions(seed)
    fold_at_once(tmp_path, events)
    for scope, accounts in ((EVERYTHING, ("a0", "a1", "a2")), (Scope(accounts=("a1",)), ("a1",))):
        worst = drawdown_of(events, accounts)
        for span in (60, 86_400):
            found = ask(tmp_path, partial(drawdown, scope=scope, start_ns=FROM, end_ns=UNTIL, span=span))
            assert [Fraction(one.max) for one in found] == [worst]
            assert all(one.exact_inside for one in found)


def test_the_largest_fall_is_the_same_from_the_longest_bars(tmp_path: Path) -> None:
    fold_at_once(tmp_path, random_ledger(0, 200))
    day = 86_400 * 10**9

    def question(snapshot: Snapshot) -> None:
        scopes = [EVERYTHING, Scope(accounts=("a",)), Scope(accounts=("a",), strategies=("s",))]
        owned = books(snapshot, EVERYTHING)
        scopes += [Scope((one.account,), (one.strategy,), currencies=(one.currency,)) for one in owned[:6]]
        for scope in scopes:
            for currency in {one.currency for one in owned}:
                of_one = msgspec.structs.replace(scope, currencies=(currency,))
                for start, end in ((FROM, FROM + 69 * day), (FROM + 7 * 10**9, FROM + 61 * day + 1)):
                    falls = [(one.max, one.exact_inside) for one in drawdown(snapshot, of_one, start, end)]
                    found = max_drawdown(snapshot, of_one, start, end)
                    assert falls == ([] if found is None else [tuple(found)])

    ask(tmp_path, question)
    rows = ask(tmp_path, lambda snapshot: snapshot.connection.execute(_LONGEST, (LONGEST,)).get)
    assert rows > 0


_LONGEST = "SELECT count(*) FROM equity WHERE span = ?"


@pytest.mark.parametrize("seed", range(2))
def test_fees_outside_the_net_are_the_oracles_by_day_and_bar(tmp_path: Path, seed: int) -> None:
    events = random_ledger(seed, 200)
    fold_at_once(tmp_path, events)
    days = Calendar.of(MIDNIGHT_UTC, "month", FROM, nanoseconds(minute(MINUTES)))
    until = [Ledger([*events], bound).books for bound in days.starts]
    found = False
    for key in until[-1]:
        scope = Scope(*((value,) for value in key))
        (table,) = ask(tmp_path, partial(by_period, scope=scope, calendar=days))
        totals = [books[key].fees_outside if key in books else {} for books in until]
        expected = [_difference(later, before) for before, later in pairwise(totals)]
        assert [_sums([row.fees_outside]) for row in table.rows] == expected
        (curve,) = ask(tmp_path, partial(equity, scope=scope, start_ns=days.starts[0], end_ns=days.starts[-1]))
        assert _sums(bar.fees_outside for bar in curve.bars) == _sums(expected)
        found = found or any(expected)
    assert found


def _sums(amounts: Iterable[Mapping[str, Any]]) -> dict[str, Fraction]:
    """By currency, those that are not 0."""
    sums = dict[str, Fraction]()
    for one in amounts:
        for currency, amount in one.items():
            sums[currency] = sums.get(currency, Fraction()) + Fraction(amount)
    return {currency: amount for currency, amount in sums.items() if amount}


def _difference(later: Mapping[str, Fraction], before: Mapping[str, Fraction]) -> dict[str, Fraction]:
    return _sums([later, {currency: -amount for currency, amount in before.items()}])


def drawdown_of(events: list[Event], accounts: tuple[str, ...]) -> Fraction:
    """The largest fall of the net of all positions of some accounts, step by step, from 0."""
    times = sorted(nanoseconds(_time(event)) for event in events)
    peak = worst = Fraction()
    for time in times:
        books = Ledger([*events], time + 1).books
        net = sum((book.net or Fraction() for key, book in books.items() if key.account in accounts), Fraction())
        peak = max(peak, net)
        worst = max(worst, peak - net)
    return worst


def _time(event: Event) -> str:
    content = event.get("mark") or event.get("cash") or event
    return str(content["ts"])
