"""Aggregates that are handled together become the same events, to the byte, as those that are handled one by one."""

import json
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from market_feed.decisions.event import RunEvents
from market_feed.decisions.limits import FeedLimits
from market_feed.decisions.market_state import NOTHING, Market
from market_feed.decisions.recent import RECENT
from market_feed.decisions.rows import Rows
from market_feed.market import Instrument, Trade, TradeRun
from market_feed.schedule.calendar import Calendar
from market_feed.times import Unit, as_text
from market_feed.venues.binance.frames import MIN_RUN, BinanceReader
from market_feed.venues.decimals import Decimals, are_decimals
from telemetry_stream.events import Event
from telemetry_stream.wire import number
from tests.support.examples import some_of

NOW_US = 1_795_000_000_000_000
NOW_MS = NOW_US // 1_000
COUNT = 40


def aggregate(place: int) -> dict[str, Any]:
    time = NOW_MS - 10_000 + place * 130
    return {
        "e": "aggTrade", "E": time + 2, "s": "BTCUSDT", "a": 100 + place, "p": f"{60_000 + place % 3}.50", "q": "0.02",
        "f": 500 + 2 * place, "l": 501 + 2 * place, "T": time, "m": place % 3 == 0, "M": True,
    }  # fmt: skip


CHANGES: list[Callable[[dict[str, Any]], object]] = [
    lambda one: one.update(a=one["a"] + 1),
    lambda one: one.update(a=one["a"] - 3),
    lambda one: one.update(f=one["f"] + 1),
    lambda one: one.update(l=one["f"] - 1),
    lambda one: one.update(p="1,5"),
    lambda one: one.update(q="1e5"),
    lambda one: one.update(q=""),
    lambda one: one.update(T=5),
    lambda one: one.update(E=0),
    lambda one: one.update(m=None),
    lambda one: one.update(s=""),
    lambda one: one.update(e="bookTicker"),
    lambda one: one.update(l="7"),
    lambda one: one.pop("f"),
]


class Pipeline:
    """Frames to numbered events, as the store numbers them."""

    def __init__(self) -> None:
        self.reader = BinanceReader(Unit.MILLISECOND)
        self.market = Market(
            Instrument("binance", "BTC-USDT", "BTCUSDT"), "binance:BTCUSDT:a", NOTHING, FeedLimits(), Calendar(()),
            count(1), 0.0,
        )  # fmt: skip
        self.runs = 0
        self._stored: list[bytes] = []
        self._sequence = 1

    def take(self, frames: Sequence[bytes]) -> None:
        """One iteration of the event loop."""
        for item in self.reader.read(frames, NOW_US):
            if isinstance(item, TradeRun):
                self._store(self.market.run_events(item, 0.0, 7))
            elif isinstance(item, Trade):
                item.received_at_ns = 7
                self._store(self.market.trade_events([item], 0.0, 7))

    def end(self) -> bytes:
        """All events."""
        self._store(self.market.events(self.market.continuity.end(0.0), 7))
        return b",".join(self._stored)

    def _store(self, events: Sequence[Event]) -> None:
        if isinstance(events, RunEvents):
            self.runs += 1
            middle = len(events) // 2
            for start, stop in ((0, middle), (middle, len(events))):
                self._stored.append(events.numbered(self._sequence, start, stop))
                self._sequence += stop - start
            return
        for event in events:
            self._stored.append(number(event.payload, self._sequence))
            self._sequence += 1


def frames_of(trades: Sequence[dict[str, Any]]) -> list[bytes]:
    return [json.dumps({"stream": "btcusdt@aggTrade", "data": one}).encode() for one in trades]


@settings(max_examples=some_of(150))
@given(
    st.dictionaries(st.integers(0, COUNT - 1), st.sampled_from(range(len(CHANGES))), max_size=2),
    st.lists(st.integers(1, 20), min_size=2, max_size=8),
)
def test_whatever_comes_together_the_events_are_the_same_as_of_each_alone(
    changes: dict[int, int], sizes: list[int]
) -> None:
    trades = [aggregate(place) for place in range(COUNT)]
    for place, change in changes.items():
        CHANGES[change](trades[place])
    frames = frames_of(trades)
    together, alone = Pipeline(), Pipeline()
    start = 0
    while start < COUNT:
        size = sizes[start % len(sizes)]
        together.take(frames[start : start + size])
        start += size
    for frame in frames:
        alone.take([frame])
    assert together.end() == alone.end()
    first, second = (one.market.continuity for one in (together, alone))
    assert first.counters == second.counters
    assert (first.last, first.last_single_id) == (second.last, second.last_single_id)
    assert (together.market.last_price, together.market.trades) == (alone.market.last_price, alone.market.trades)


def test_a_run_that_comes_again_is_counted_and_one_that_says_something_else_too() -> None:
    pipeline = Pipeline()
    trades = [aggregate(place) for place in range(COUNT)]
    pipeline.take(frames_of(trades[:1]))
    pipeline.take(frames_of(trades[1:]))
    assert pipeline.runs == 1
    trades[9]["p"] = "1"
    pipeline.take(frames_of(trades))
    counters = pipeline.market.continuity.counters
    assert (counters.duplicates["live"], counters.conflicts) == (COUNT, 1)


def test_what_is_kept_to_compare_is_bounded_whether_trades_come_alone_or_together() -> None:
    pipeline = Pipeline()
    trades = [{**aggregate(0), "a": 100 + place, "f": 500 + place, "l": 500 + place} for place in range(3 * RECENT)]
    for one in frames_of(trades[:RECENT]):
        pipeline.take([one])
    for start in range(RECENT, len(trades), COUNT):
        pipeline.take(frames_of(trades[start : start + COUNT]))
    continuity = pipeline.market.continuity
    for age, conflicts in ((RECENT, 1), (RECENT + COUNT, 1), (3 * RECENT, 1), (1, 2)):
        pipeline.take(frames_of([{**trades[-age], "p": "1"}]))
        assert continuity.counters.conflicts == conflicts, age
    assert RECENT <= continuity.recent.count < RECENT + COUNT


def test_fewer_trades_are_no_run() -> None:
    frames = frames_of([aggregate(place) for place in range(COUNT)])
    reader = BinanceReader(Unit.MILLISECOND)
    reader.read(frames[:1], NOW_US)
    assert len(reader.read(frames[1:MIN_RUN], NOW_US)) == MIN_RUN - 1
    assert len(reader.read(frames[MIN_RUN:], NOW_US)) == 1


@given(
    st.lists(
        st.text("0123456789.,-e٣ ", max_size=4) | st.sampled_from(["1", "1.5", "0" * 31, "1." + "0" * 31]), min_size=1
    )
)
def test_many_texts_are_decimals_if_each_is_one(texts: list[str]) -> None:
    has = Decimals().has
    assert are_decimals(texts) is all(map(has, texts))


@given(
    st.sampled_from([Unit.MILLISECOND, Unit.MICROSECOND]),
    st.integers(0, 10**6) | st.integers(10**17, 10**18 - 100),
    st.lists(
        st.tuples(st.integers(0, 2_500), st.integers(0, 3_000) | st.integers(0, 10**18), st.booleans()), min_size=1
    ),
)
def test_rows_are_written_as_each_is(unit: Unit, first: int, some: list[tuple[int, int, bool]]) -> None:
    times = [
        (NOW_US // 1_000 + at) * 1_000 // unit.value + (at if unit is Unit.MICROSECOND else 0) for at, _, _ in some
    ]
    rows = Rows(len(some))
    rows.same('{"n":')
    rows.consecutive(first)
    rows.same(',"at":"')
    rows.times(times, unit)
    rows.same('","of":')
    rows.numbers([number for _, number, _ in some])
    rows.each([",true" if is_true else "" for _, _, is_true in some])
    rows.same("}")
    assert rows.joined() == ",".join(
        f'{{"n":{first + place},"at":"{as_text(times[place], unit)}","of":{number}{",true" if is_true else ""}}}'
        for place, (_, number, is_true) in enumerate(some)
    )
