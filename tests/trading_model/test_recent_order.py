"""Fills that arrive out of order: a live race is settled from memory at once, what is older waits for the store."""

import random

import pytest

from tests.metrics_sidecar.builders import batch_of, samples
from tests.support.ledger_builder import Event, LedgerBuilder, minute
from tests.trading_model.folding import fold, gauges, through_snapshot
from trading_model.accounting import fills, window
from trading_model.accounting.fills import BatchContent, EventBatch
from trading_model.accounting.state import TradingState


def race(count: int, seed: int = 1) -> list[Event]:
    """Fills of a key that arrive up to a few places too late."""
    chance, ledger = random.Random(seed), LedgerBuilder()
    order = sorted(range(count), key=lambda place: place + chance.uniform(0, 4))
    for place in order:
        ledger.fill(chance.choice(("buy", "sell")), f"0.{place % 9 + 1}", str(100 + place % 7), ts=minute(place))
    return ledger.events


def sorted_by_time(events: list[Event]) -> list[Event]:
    return [event | {"seq": seq} for seq, event in enumerate(sorted(events, key=lambda event: event["ts"]), 1)]


@pytest.mark.parametrize("size", [1, 7, 200])
def test_a_race_is_settled_at_once(size: int) -> None:
    events = race(200)
    state = TradingState(10, "")
    for start in range(0, len(events), size):
        state.apply(batch_of(events[start : start + size]))
        assert not state.restatement.is_recomputing
    assert gauges(state) == gauges(fold(sorted_by_time(events)))


def test_late_fills_of_many_positions_read_each_recent_batch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def read_batch(batch: EventBatch, skip: int) -> BatchContent:
        read.append(batch.last)
        return fills.read_batch(batch, skip)

    monkeypatch.setattr(window, "read_batch", read_batch)
    ledger, state = LedgerBuilder(), TradingState(100, "")
    for at in (1, 4, 3, 2):  # the last two of them are late
        for number in range(30):
            ledger.buy("1", f"{100 + at}", ts=minute(at), symbol=f"S{number}/USDT")
        read.clear()
        state.apply(batch_of(ledger.events[-30:]))
        assert len(read) == len(set(read)), "a batch was read for each position"
        assert bool(read) == (at < 4 and at != 1), "what was read for the last late fills was kept"
    assert state.late == 60
    assert gauges(state) == gauges(fold(sorted_by_time(ledger.events)))


def test_late_fills_are_counted_whatever_the_batches() -> None:
    events = race(200)
    latest, late = "", 0
    for event in events:
        late += event["ts"] < latest
        latest = max(latest, event["ts"])
    assert late > 20
    assert {fold(events, size).late for size in (1, 7, 200)} == {late}


def test_a_fill_is_late_though_the_later_one_was_voided() -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "10", ts=minute(1))
    ledger.void(ledger.buy("1", "10", ts=minute(3)))
    ledger.buy("1", "10", ts=minute(2))
    for size in (1, 4):
        assert fold(ledger.events, size).late == 1
    assert through_snapshot(fold(ledger.events[:3])).late == 0
    state = through_snapshot(fold(ledger.events[:3]))
    state.apply(batch_of(ledger.events[3:]))
    assert state.late == 1


def test_counters_follow_the_arrival() -> None:
    events = race(50)
    counted = [
        {name: text for name, text in samples(state.freeze()).items() if "_total" in name}
        for state in (fold(events), fold(sorted_by_time(events)))
    ]
    assert counted[0] == counted[1]


def test_equal_times_are_in_the_order_of_numeric_trade_ids_then_by_sequence() -> None:
    ledger = LedgerBuilder()
    for trade_id, price in (("text", "5"), ("10", "2"), ("9", "1"), ("11", "3"), ("other", "6")):
        ledger.buy("1", price, ts=minute(1), trade_id=trade_id)
    assert fold(ledger.events).freeze().last["BTC/USDT"].price == 6
    numbered = [event | {"seq": seq} for seq, event in enumerate(ledger.events[1:4], 1)]
    assert fold(numbered).freeze().last["BTC/USDT"].price == 3


def test_a_batch_at_one_time_is_followed_through_a_void_and_a_numeric_trade_id() -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "5", ts=minute(1), trade_id="text")
    voided = ledger.buy("1", "6", ts=minute(1), trade_id="other")
    ledger.void(voided)
    ledger.buy("1", "7", ts=minute(1), trade_id="third")
    ledger.buy("1", "8", ts=minute(1), trade_id="12")  # a number comes before a text
    frozen = fold(ledger.events).freeze()
    (held,) = frozen.positions
    assert frozen.last["BTC/USDT"].price == 7
    assert held.state.quantity == 3
    assert frozen.late == 1


def test_at_one_time_openings_come_before_splits_before_moves_before_fills() -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "100", ts=minute(1))
    sink = {"symbol": "BTC/USDT", "quantity": "10"}
    ledger.say("move", reason="reward", sink=sink, price="1", ts=minute(1))
    ledger.say("split", symbol="BTC/USDT", n=2, d=1, ts=minute(1))
    ledger.say("opening", symbol="BTC/USDT", quantity="4", average="3", ts=minute(1))
    (held,) = fold(ledger.events).freeze().positions
    assert held.state.quantity == 4 * 2 + 10 + 1


@pytest.mark.parametrize("size", [1, 10])
def test_what_is_older_than_the_recent_batches_waits_with_its_figures_as_they_were(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(window, "MAX_EVENTS", 30)
    ledger = LedgerBuilder()
    for number in range(100):
        ledger.buy("1", "10", ts=minute(number + 1))
    state = fold(ledger.events, size)
    before = gauges(state)
    ledger.buy("5", "20", ts=minute(0))
    state.apply(batch_of(ledger.events[-1:]))
    assert state.restatement.is_recomputing
    assert state.restatement.wants_refold
    shown = gauges(state)
    key = 'account="default",strategy="default",symbol="BTC/USDT"'
    assert shown.pop(f"trading_position_recomputing{{{key}}}") == "1"
    assert shown == before
    assert samples(state.freeze())[f'trading_trades_total{{{key},side="buy"}}'] == "101"


def test_after_a_restart_only_what_follows_the_snapshot_is_in_memory() -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "10", ts=minute(1))
    ledger.buy("1", "11", ts=minute(5))
    state = through_snapshot(fold(ledger.events))
    ledger.buy("1", "12", ts=minute(9))
    ledger.buy("1", "13", ts=minute(7))
    state.apply(batch_of(ledger.events[2:]))
    assert not state.restatement.is_recomputing
    assert gauges(state) == gauges(fold(ledger.events))
    ledger.buy("1", "14", ts=minute(3))
    state.apply(batch_of(ledger.events[-1:]))
    assert state.restatement.is_recomputing


def test_one_position_that_waits_keeps_no_other_waiting() -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "10", ts=minute(5))
    state = through_snapshot(fold(ledger.events))
    ledger.buy("1", "10", ts=minute(1))
    ledger.buy("1", "12", "ETH/USDT", ts=minute(9))
    ledger.buy("1", "11", "ETH/USDT", ts=minute(8))
    state.apply(batch_of(ledger.events[1:]))
    assert [held.recomputing for held in state.freeze().positions] == [True, False]
    assert state.freeze().last["ETH/USDT"].price == 12
