"""Net P&L with open positions marked by a followed market: by hand, and against fractions."""

import json
import random
from collections.abc import Container, Iterable
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest

from tests.support.ledger_builder import Event, LedgerBuilder, minute
from tests.support.ledger_oracle import nanoseconds
from tests.support.market_candles import store_candles
from tests.trading_history.figures import ask, fold_at_once
from trading_history.candles.candle import Market
from trading_history.candles.store import CANDLES, last_closes
from trading_history.queries import market_equity as queries
from trading_history.queries import market_marks
from trading_history.queries.equity import equity
from trading_history.queries.market_equity import MarketEquity, market_drawdown, market_equity
from trading_history.queries.market_marks import MarketUse, TooManyMarks
from trading_history.queries.position_fold import TooManyFills
from trading_history.queries.scope import EVERYTHING, Scope
from trading_model.market_prices import MarketPrices, Pair

BTC = Market("binance", "BTC-USDT")
MINUTE_NS = 60 * 10**9
ZERO_MINUTE = nanoseconds(minute(0))


def followed(symbol: str = "BTC/USDT") -> LedgerBuilder:
    """A ledger whose symbol the market marks."""
    ledger = LedgerBuilder()
    ledger.say("instrument", symbol=symbol, mark="market")
    return ledger


def store(folder: Path, market: Market, closes: Iterable[tuple[float, str]]) -> None:
    store_candles(folder, market, [(nanoseconds(minute(at)), price, "1") for at, price in closes])


def until(last: float, first: float = 0) -> tuple[int, int]:
    return nanoseconds(minute(first)), nanoseconds(minute(last))


def asked(folder: Path, times: tuple[int, int], scope: Scope = EVERYTHING, span: int = 60) -> MarketEquity:
    answer: MarketEquity = ask(folder, partial(market_equity, folder=folder, scope=scope, times=times, span=span))
    return answer


def closes(answer: MarketEquity, span: int = 60) -> dict[int, Decimal]:
    """By the number of the bar after the first minute."""
    (curve,) = answer.curves
    return {(bar.start_ns - ZERO_MINUTE) // (span * 10**9): bar.close for bar in curve.bars}


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """Two bought at 100 in minute 1, one sold at 110 in minute 5; the market is at 90, 80 and 130 in 2, 3 and 7."""
    ledger = followed()
    ledger.buy("2", "100", ts=minute(1.5), fee="1", fee_currency="USDT")
    ledger.sell("1", "110", ts=minute(5.5))
    fold_at_once(tmp_path, ledger.events)
    store(tmp_path, BTC, [(2.1, "95"), (2.9, "90"), (3.5, "80"), (7.5, "130")])
    return tmp_path


def test_an_open_position_moves_with_the_market_between_own_fills(held: Path) -> None:
    answer = asked(held, until(10))
    assert closes(answer) == {1: -1, 2: 2 * -10 - 1, 3: 2 * -20 - 1, 5: 10 + 10 - 1, 7: 10 + 30 - 1}
    (curve,) = answer.curves
    assert not curve.exact_inside
    assert [(*map(int, (bar.open, bar.low, bar.high)),) for bar in curve.bars[1:3]] == [(-1, -21, -1), (-21, -41, -21)]
    assert sum(bar.fills for bar in curve.bars) == 2
    starts = nanoseconds(minute(2)), nanoseconds(minute(7))
    assert answer.uses == [MarketUse("BTC/USDT", BTC, 3, *starts)]
    assert closes(asked(held, until(10), span=3_600), 3_600) == {0: 39}


def test_a_range_begins_at_the_mark_that_held_before_it(held: Path) -> None:
    levels = {first: asked(held, until(10, first)).curves[0].opening for first in (1, 2, 3, 4, 5, 6, 7, 8)}
    assert levels == {1: 0, 2: -1, 3: -21, 4: -41, 5: -41, 6: 19, 7: 19, 8: 39}


def test_the_fall_while_nothing_was_traded_is_in_the_drawdown(held: Path) -> None:
    question = partial(market_drawdown, folder=held, scope=EVERYTHING, times=until(10))
    ((fall,), _) = ask(held, question)
    assert (fall.max, fall.trough, fall.trough_ns) == (41, -41, nanoseconds(minute(3)))
    assert fall.current == 0


def test_what_no_market_marks_is_as_stored(tmp_path: Path) -> None:
    ledger = followed()
    ledger.buy("1", "100", ts=minute(1))
    ledger.buy("1", "100", "ETH/USDT", ts=minute(2))
    ledger.sell("2", "100", "BTCUSDT-PERP", ts=minute(2))
    fold_at_once(tmp_path, ledger.events)
    stored = ask(tmp_path, lambda snapshot: equity(snapshot, EVERYTHING, *until(10)))
    unmarked = MarketEquity(stored, [MarketUse("BTC/USDT", None)])
    assert asked(tmp_path, until(10)) == unmarked
    store(tmp_path, BTC._replace(symbol="ETH-USDT"), [(3.5, "80")])
    assert asked(tmp_path, until(10)) == unmarked
    assert all(curve.exact_inside for curve in unmarked.curves)


def test_of_several_venues_the_first_by_name_that_traded_counts(held: Path) -> None:
    other = Market("a-venue", "BTC-USDT")
    both = [(nanoseconds(minute(2.5)), "60", "1"), (nanoseconds(minute(8.5)), "140", "1")]
    store_candles(held, other, both)
    answer = asked(held, until(10))
    assert closes(answer) == {1: -1, 2: -81, 3: -41, 5: 19, 7: 39, 8: 49}
    assert [(use.market, use.bars) for use in answer.uses] == [(other, 2), (BTC, 2)]


def test_a_minute_that_has_ended_has_the_mark_with_which_it_ended(tmp_path: Path) -> None:
    """What the market reader of the sidecar marks at the end of each minute, in the history."""
    chance = random.Random(41)
    ledger = followed()
    ledger.buy("1", "100", ts=minute(0))
    fold_at_once(tmp_path, ledger.events)
    traded = sorted((chance.uniform(1, 60), venue, str(chance.randrange(50, 150))) for venue in "abc" * 30)
    for venue in "abc":
        store(tmp_path, Market(venue, "BTC-USDT"), [(at, price) for at, name, price in traded if name == venue])
    live, bars = MarketPrices(), closes(asked(tmp_path, until(70)))
    level, by = Decimal(0), set[str]()
    for number in range(70):
        for at, venue, price in traded:
            if number <= at < number + 1:
                event = {"kind": "trade", "venue": venue, "symbol": "BTC-USDT", "price": price, "ts": minute(at)}
                live.take(json.dumps(event).encode())
        level, mark = bars.get(number, level), live.of(Pair("BTC", "USDT"))
        assert level == (mark.price - 100 if mark else 0), number
        by |= {mark.venue} if mark else set()
    assert by == {"a", "b", "c"}


def test_too_many_fills_are_refused(held: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_marks, "MAX_FILLS", 1)
    with pytest.raises(TooManyFills):
        asked(held, until(10))
    asked(held, until(0, -10))


def test_too_many_values_are_refused(held: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_ADDED_BARS", 0)
    monkeypatch.setattr(queries, "MAX_MARKS", 0)
    with pytest.raises(TooManyMarks):
        asked(held, until(10))


def test_the_last_bar_has_what_is_in_the_range_alone(tmp_path: Path) -> None:
    ledger = followed()
    ledger.buy("1", "100", ts=minute(1))
    ledger.sell("1", "150", ts=minute(8))
    fold_at_once(tmp_path, ledger.events)
    store(tmp_path, BTC, [(3.5, "110"), (9.5, "170")])
    for span in (60, 3_600, 86_400):
        (curve,) = asked(tmp_path, until(5, 2), span=span).curves
        assert (int(curve.opening), [int(bar.close) for bar in curve.bars]) == (0, [10])


def test_too_many_candles_make_bars_coarser(held: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MAX_ADDED_BARS", 2)
    (curve,) = asked(held, until(10)).curves
    assert (curve.span, curve.requested_span, int(curve.bars[-1].close)) == (3_600, 60, 39)


def test_where_minutes_are_not_kept_the_last_hour_counts(tmp_path: Path) -> None:
    market = [(10.5, "90"), (59.5, "80"), (70.5, "60"), (119.5, "50")]
    store(tmp_path, BTC, market)
    seconds = [ZERO_MINUTE // 10**9 + 60 * at for at in (0, 30, 60, 90, 120)]

    def prices() -> list[Decimal | None]:
        found = last_closes(tmp_path, {BTC: seconds})[BTC]
        return [found[second].price if second in found else None for second in seconds]

    assert prices() == [None, 90, 80, 60, 50]
    with closing(CANDLES.open_to_write(tmp_path)) as connection:
        connection.execute("DELETE FROM candles WHERE span = 60")
    assert prices() == [None, None, 80, 80, 50]


@dataclass
class Held:
    """A position of the oracle."""

    quantity: Fraction = Fraction()
    flow: Fraction = Fraction()


def levels_of(
    events: list[Event], marks: dict[tuple[str, int], str], last: int, whose: Container[tuple[str, str]] | None = None
) -> list[Fraction]:
    """The net P&L of some positions, or of all, at the end of each minute: a position is worth its market's price of
    the minute; without one the last of that and of the own fills of the symbol.
    """
    positions: dict[tuple[str, str], Held] = {}
    latest: dict[str, Fraction] = {}
    found = []
    fills = sorted((event for event in events if "kind" not in event), key=lambda event: event["ts"])
    for number in range(last):
        for fill in fills:
            if ZERO_MINUTE + number * MINUTE_NS <= nanoseconds(fill["ts"]) < ZERO_MINUTE + (number + 1) * MINUTE_NS:
                one = positions.setdefault((fill["account"], fill["symbol"]), Held())
                signed = Fraction(fill["qty"]) if fill["side"] == "buy" else -Fraction(fill["qty"])
                one.quantity += signed
                one.flow -= signed * Fraction(fill["price"]) + Fraction(fill.get("fee", "0"))
                latest[fill["symbol"]] = Fraction(fill["price"])
        for (symbol, at), price in marks.items():
            if at == number:
                latest[symbol] = Fraction(price)
        levels = {key: one.flow + one.quantity * latest[key[1]] for key, one in positions.items()}
        found.append(sum((level for key, level in levels.items() if whose is None or key in whose), Fraction()))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_random_ledgers_are_the_oracles(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    ledger = LedgerBuilder()
    for symbol in ("BTC/USDT", "ETH/USDT"):
        ledger.say("instrument", symbol=symbol, mark="market")
    for _ in range(60):
        symbol = chance.choice(["BTC/USDT", "ETH/USDT", "XRP/USDT"])
        account = chance.choice(["default", "second"])
        price = f"{chance.randrange(50, 150)}.{chance.randrange(1_000):03}"  # none is there twice
        fee = {"fee": f"0.{chance.randrange(100)}", "fee_currency": "USDT"} if chance.random() < 0.5 else {}
        at = minute(chance.randrange(120) + chance.random())
        ledger.fill(
            chance.choice(["buy", "sell"]), str(chance.randrange(1, 9)), price, symbol, account=account, ts=at, **fee
        )
    marks: dict[tuple[str, int], str] = {}
    for symbol in ("BTC/USDT", "ETH/USDT"):
        numbers = sorted(chance.sample(range(120), 50))
        chosen = {number: f"{chance.randrange(50, 150)}.{chance.randrange(1_000):03}" for number in numbers}
        marks |= {(symbol, number): price for number, price in chosen.items()}
        store(tmp_path, Market("binance", symbol.replace("/", "-")), [(one + 0.99, two) for one, two in chosen.items()])
    fold_at_once(tmp_path, ledger.events)
    wanted = levels_of(ledger.events, marks, 125)
    for first in (0, 37, 90):
        answer = asked(tmp_path, until(125, first))
        (curve,) = answer.curves
        level, bars = curve.opening, closes(answer)
        assert Fraction(level) == (wanted[first - 1] if first else 0)
        for number in range(first, 125):
            level = bars.get(number, level)
            assert Fraction(level) == wanted[number], (first, number)
    (curve,) = asked(tmp_path, until(125), Scope(("second",), symbols=("BTC/USDT",))).curves
    wanted = levels_of(ledger.events, marks, 125, whose={("second", "BTC/USDT")})
    assert [Fraction(bar.close) for bar in curve.bars] == [
        wanted[(bar.start_ns - ZERO_MINUTE) // MINUTE_NS] for bar in curve.bars
    ]
    assert len(curve.bars) > 40
