"""The windows against an oracle that calculates each from the raw events, with fractions."""

import math
import random
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.trading_analytics.windows.oracle import STEP, Raw, in_time, last_step, window
from trading_analytics.windows import summary
from trading_analytics.windows import window as window_module
from trading_analytics.windows.markets import Markets
from trading_analytics.windows.measures import Reading, Reason
from trading_analytics.windows.observations import Quote, Trade
from trading_analytics.windows.window import Window

MARKET = ("venue", "BTC-USDT")
START = 1_700_000_000 * 10**9 // STEP * STEP
SECOND = 10**9


def ticks(*prices: object, every: int = STEP, qty: str = "1") -> list[Raw]:
    return [Raw(START + every * number, str(price), qty) for number, price in enumerate(prices, 1)]


def walk(rng: random.Random, count: int, every: int, digits: int = 2) -> list[Raw]:
    price, ts, made = Decimal(60_000), START, []
    for _ in range(count):
        price = max(price + Decimal(rng.randint(-500, 500)).scaleb(-digits), Decimal(1))
        ts += rng.randrange(1, 2 * every)
        made.append(Raw(ts, str(price), str(Decimal(rng.randint(1, 10**6)).scaleb(-6))))
    return made


def mixed(rng: random.Random) -> list[Raw]:
    """Out of order, late, twice at one time, with quotes and gaps."""
    made: list[Raw] = []
    for event in walk(rng, 150, STEP // 3):
        made.append(Raw(event.ts - rng.choice([0, 0, 0, STEP, 6 * STEP]), event.a, event.b))
        if rng.random() < 0.05:
            made.append(made[-1])
        if rng.random() < 0.3 and len(made) > 60:
            bid = Decimal(event.a)
            made.append(Raw(event.ts, str(bid), str(bid + 1), is_quote=True))
        if rng.random() < 0.03:
            made.append(Raw(event.ts, event.a, event.b, after_gap=True))
    return made


SERIES: dict[str, list[Raw]] = {
    "1e17 beside 1e3": ticks(1000, "1e17", 1000, 1001, *[1000 + number % 3 for number in range(80)]),
    "tiny steps": ticks(*[Decimal(10**9) + Decimal(number % 7).scaleb(-9) for number in range(70)]),
    "constant": ticks(*[5] * 70),
    "one tick": [*ticks(100), Raw(START + 40 * SECOND, "100", "1")],
    "all at one time": [Raw(START + STEP, str(price), "0.1") for price in (100, 90, 110, 80)] * 9,
    "all late": [Raw(START + 60 * SECOND, "100", "1"), *ticks(*range(50, 80))],
    "off the grid": walk(random.Random(1), 120, STEP * 2 // 3),
    "with pauses": [*ticks(*range(100, 130)), *[Raw(e.ts + 50 * SECOND, e.a, e.b) for e in ticks(*range(90, 60, -1))]],
    "many at a grid point": ticks(*[100, 99, 200, 150, 400, 390] * 15, every=STEP // 9),
    "mixed": mixed(random.Random(2)),
    "mixed again": mixed(random.Random(3)),
}
WINDOWS = (10 * SECOND, 7_300_000_000, 30 * SECOND)


def take(markets: Markets, events: Sequence[Raw], batch: int, first: int = 1) -> None:
    """Hand the events over in batches, numbered from `first` on."""
    waiting: list[tuple[tuple[str, str], Trade | Quote]] = []
    for seq, event in enumerate(events, first):
        if event.after_gap:
            markets.take(waiting)
            waiting = []
            markets.interrupt(MARKET)
        seen = (
            Quote(event.ts, Decimal(event.a), Decimal(event.b))
            if event.is_quote
            else Trade(event.ts, seq, Decimal(event.a), Decimal(event.b))
        )
        waiting.append((MARKET, seen))
        if len(waiting) == batch:
            markets.take(waiting)
            waiting = []
    markets.take(waiting)


def near(value: Decimal | float | None, expected: float | None, scale: float = 0.0) -> bool:
    if value is None or expected is None:
        return value is None and expected is None
    return math.isclose(value, expected, rel_tol=1e-12, abs_tol=1e-12 * scale)


def exact(value: Decimal | float | None, expected: Fraction | None) -> bool:
    """To 50 digits, to which a division that does not end is shown."""
    if value is None or expected is None:
        return value is None and expected is None
    return abs(Fraction(value) - expected) <= abs(expected) * Fraction(1, 10**49)


def check(reading: Reading, events: Sequence[Raw], length: int, end: int, start: int) -> None:
    expected = window(events, end, start, length / 2)
    basis = reading.volatility_pct.basis
    assert (basis.samples, basis.expected, basis.as_of_ns) == (expected.samples, length, end * STEP)
    measures = {name: value for name in reading.__struct_fields__ if hasattr(value := getattr(reading, name), "basis")}
    if expected.samples * 2 < length:
        assert {(one.value, one.reason) for one in measures.values()} == {(None, Reason.WARMING_UP)}
        return
    assert all((one.value is None) == (one.reason is Reason.UNDEFINED) for one in measures.values())
    realized = math.sqrt(expected.squares)
    assert near(reading.volatility_pct.value, 100 * realized)
    year = 100 * math.sqrt(365 * 86_400 * SECOND / STEP)
    annualized = None if expected.variance is None else year * math.sqrt(expected.variance)
    assert near(reading.volatility_annualized_pct.value, annualized, scale=year * realized)
    weighted = None if expected.weighted is None else 100 * math.sqrt(expected.weighted * length)
    assert near(reading.volatility_ewma_pct.value, weighted, scale=1e-100)
    assert exact(reading.max_drawdown_pct.value, 100 * expected.max_fall)
    assert exact(reading.drawdown_pct.value, 100 * expected.fall)
    assert exact(reading.price_change_pct.value, expected.change and 100 * expected.change)
    assert exact(reading.volume.value, expected.volume)
    assert exact(reading.vwap.value, expected.vwap)
    assert near(reading.spread_bps.value, None if expected.spread is None else float(expected.spread))
    if reading.peak and reading.trough and expected.max_fall:
        fall = Fraction(reading.trough.price) / Fraction(reading.peak.price) - 1
        assert fall == expected.max_fall
        assert (reading.peak.ts_ns, reading.peak.seq) < (reading.trough.ts_ns, reading.trough.seq)


@pytest.mark.parametrize("name", SERIES)
def test_equal_to_oracle(name: str) -> None:
    """At several times, one after another: what is read once must not change what is read later."""
    events, done = SERIES[name], 0
    markets = Markets(WINDOWS)
    for end in sorted({max(len(events) * part // 8, 1) for part in range(1, 9)}):
        take(markets, events[done:end], batch=7, first=done + 1)
        done, seen = end, events[:end]
        kept, late = in_time(seen)
        assert markets.late == late
        closed = last_step(seen)
        if MARKET not in markets.known:
            continue
        readings = markets.read(MARKET, now_ns=seen[-1].ts)
        for reading, length_ns in zip(readings, WINDOWS, strict=True):
            length = -(-length_ns // STEP)
            check(reading, kept, length, closed, closed - length)


@pytest.mark.parametrize("name", ["mixed", "off the grid"])
def test_the_batches_change_nothing(name: str) -> None:
    readings = []
    for batch in (1, 7, 10_000):
        markets = Markets(WINDOWS)
        take(markets, SERIES[name], batch)
        readings.append((markets.late, markets.read(MARKET, now_ns=0)))
    assert readings[0] == readings[1] == readings[2]


def test_a_long_window_moves_by_panes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its values are those of the panes that are wholly within it."""
    monkeypatch.setattr(window_module, "MAX_PANES", 12)
    length, pane = 35, 3
    events = walk(random.Random(4), 70, STEP * 9 // 10)
    for count in (60, 61, 62, 63, 70):
        markets = Markets([length * STEP])
        take(markets, events[:count], batch=100)
        closed = last_step(events[:count])
        start = math.ceil((closed - length) / pane) * pane
        (reading,) = markets.read(MARKET, now_ns=events[count - 1].ts)
        check(reading, in_time(events[:count])[0], length, closed, start)


def test_a_large_value_leaves_nothing_behind() -> None:
    """After it has left the window, the values are those of a market that never had it, to the last bit."""
    quiet = ticks(*[1000 + number % 3 for number in range(90)])
    loud = [Raw(quiet[3].ts + 1, "1e17", "1e30"), *quiet[4:]]
    readings = []
    for events in (quiet, [*quiet[:4], *loud]):
        markets = Markets([10 * SECOND])
        take(markets, events, batch=1_000)
        readings.append(markets.read(MARKET, now_ns=0)[0])
    for name in ("volatility_pct", "volatility_annualized_pct", "max_drawdown_pct", "volume", "vwap"):
        assert getattr(readings[0], name) == getattr(readings[1], name), name


def test_a_quiet_market_is_not_a_silent_feed() -> None:
    other = ("venue", "ETH-USDT")
    markets = Markets([10 * SECOND])
    take(markets, ticks(*range(100, 140)), batch=100)
    later = START + 100 * SECOND
    markets.take([(other, Trade(later, 99, Decimal(7), Decimal(1)))])
    (quiet,) = markets.read(MARKET, now_ns=later)
    assert quiet.volatility_pct.value == 0.0
    assert quiet.price_change_pct.value == quiet.max_drawdown_pct.value == quiet.volume.value == 0
    assert quiet.vwap.reason is Reason.UNDEFINED
    assert quiet.volatility_pct.basis.age_ns == later - (START + 40 * STEP)
    (silent,) = markets.read(MARKET, now_ns=later + 61 * SECOND)
    assert (silent.volatility_pct.value, silent.volatility_pct.reason) == (None, Reason.STALE)


def test_additions_do_not_depend_on_the_length_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most two for each grid point, and two for each time that the window is read; without reading one at most."""
    count = 0
    real = summary.add

    def counting(*both: summary.Summary) -> summary.Summary:
        nonlocal count
        count += 1
        return real(*both)

    monkeypatch.setattr(window_module, "add", counting)
    events = walk(random.Random(5), 1_000, STEP)
    points = len({-(-event.ts // STEP) for event in events})
    for length in (60, 600, 172_800):
        assert Window(length).pane == math.ceil(length / 240)
        count, reads = 0, 0
        markets = Markets([length * STEP])
        for start in range(0, len(events), 50):
            take(markets, events[start : start + 50], batch=50)
            if MARKET in markets.known:
                markets.read(MARKET, now_ns=0)
                reads += 1
        assert points < count <= 2 * points + 2 * reads, length
        count = 0
        take(Markets([length * STEP]), events, batch=50)
        assert count <= points, length
