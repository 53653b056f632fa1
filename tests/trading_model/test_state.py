"""The fold: how trades were batched, skipped, saved and restored on the way makes no difference."""

import decimal
import json
import random
from collections.abc import Generator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry_stream.events import Batch
from telemetry_stream.wire import cut
from tests.metrics_sidecar.builders import STREAM, Trade, batch, batch_of, event, figure, samples, state_of, trade
from tests.support.examples import some_of
from tests.support.ledger_builder import LedgerBuilder, minute
from tests.support.random_ledger import random_ledger
from tests.trading_model.folding import fold, through_snapshot
from tests.trading_model.test_positions import histories
from trading_model.accounting import state as state_module
from trading_model.accounting.fills import LineKey
from trading_model.accounting.restatement import ImportAmount
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.accounting.state import TradingState


@settings(max_examples=some_of(150), deadline=None)
@given(histories(), st.data())
def test_batching_overlap_and_restarts_change_no_digit(trades: list[Trade], data: st.DataObject) -> None:
    whole = state_of(trades)
    state = TradingState(1_000, STREAM)
    while state.applied < len(trades):
        skip = data.draw(st.integers(0, state.applied))
        end = data.draw(st.integers(state.applied + 1, len(trades)))
        state.apply(batch(trades[state.applied - skip : end], state.applied - skip + 1), skip)
        if data.draw(st.booleans()):
            state = through_snapshot(state)
    assert samples(state.freeze()) == samples(whole.freeze())
    assert state.freeze() == whole.freeze()


def test_a_frozen_moment_stays_as_it_was() -> None:
    state = state_of([trade("buy", "1", "10", fee="1")])
    before = state.freeze()
    shown = samples(before)
    state.apply(batch([trade("sell", "3", "11", fee="1", fee_currency="BNB")], 2))
    assert samples(before) == shown
    assert samples(state.freeze()) != shown


def test_the_last_fill_by_time_is_the_mark_and_of_equal_times_the_last_by_sequence() -> None:
    state = state_of([trade("buy", "1", "10"), trade("buy", "1", "12")])
    assert state.freeze().last["XRP/ETH"].price == 12
    state.apply(batch([trade("buy", "1", "9", ts="2026-03-04T05:06:06.999Z")], 3))
    assert state.freeze().last["XRP/ETH"].price == 12
    state.apply(batch([trade("buy", "1", "11", ts="2026-03-04T05:06:07.001Z")], 4))
    assert state.freeze().last["XRP/ETH"].price == 11


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "SLICE", 4)


@settings(max_examples=some_of(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories(), histories(), st.integers(1, 5))
@pytest.mark.usefixtures("small_slices")
def test_batches_applied_during_a_freeze_in_slices_are_not_in_it(
    before: list[Trade], meanwhile: list[Trade], slices: int
) -> None:
    many = [trade("buy", "1", "1", symbol=f"S{number}", fee="1") for number in range(10)]
    state, expected = state_of([*many, *before]), state_of([*many, *before]).freeze()
    state.freeze()
    freezing = state.freeze_in_slices()
    for _ in range(slices):
        next(freezing)
    again = [given | {"symbol": f"S{index % 10}"} for index, given in enumerate(meanwhile)]
    state.apply(batch([*meanwhile, *again], state.applied + 1))
    assert run_to_its_end(freezing) == expected
    assert state.freeze() == state_of([*many, *before, *meanwhile, *again]).freeze()


@pytest.mark.parametrize("seed", range(4))
def test_events_of_any_kind_applied_during_a_freeze_in_slices_are_not_in_it(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "SLICE", 1)
    events, chance = random_ledger(seed, 80), random.Random(seed)
    before = chance.randrange(20, 60)
    state, expected = fold(events[:before]), fold(events[:before]).freeze()
    state.freeze()
    freezing = state.freeze_in_slices()
    next(freezing)
    for one in events[before:]:
        state.apply(batch_of([one]))
    assert run_to_its_end(freezing) == expected
    assert state.freeze() == fold(events).freeze()


def test_a_correction_during_a_freeze_in_slices_counts_once_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "SLICE", 1)
    ledger = LedgerBuilder()
    ledger.buy("1", "10", "ONE/USD")
    ledger.void(ledger.buy("1", "10", "TWO/USD"))
    state = fold(ledger.events[:2])
    freezing = state.freeze_in_slices()
    next(freezing)  # ONE/USD is frozen, TWO/USD is not
    void = batch_of(ledger.events[2:])
    state.apply(void)
    restarted = TradingState.restored(run_to_its_end(freezing))
    restarted.apply(void)
    assert counters(restarted) == counters(state)


OF_TWO = {"account": "default", "strategy": "default", "symbol": "TWO/USD"}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("cash", {"currency": "USD", "amount": "-1", "reason": "funding", **OF_TWO}),
        ("split", {"n": 2, "d": 1, **OF_TWO}),
        ("opening", {"quantity": "5", "average": "9", **OF_TWO}),
        ("move", {"reason": "transfer", "source": {"quantity": "1", **OF_TWO}}),
        ("instrument", {"symbol": "TWO/USD", "multiplier": "3"}),
        ("price", {"symbol": "TWO/USD", "price": "12"}),
    ],
)
def test_an_event_during_a_freeze_in_slices_is_not_in_it(
    kind: str, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "SLICE", 1)
    ledger = LedgerBuilder()
    ledger.buy("1", "10", "ONE/USD")
    ledger.buy("1", "10", "TWO/USD")
    ledger.say(kind, **content)
    state, expected = fold(ledger.events[:2]), fold(ledger.events[:2]).freeze()
    freezing = state.freeze_in_slices()
    next(freezing)
    state.apply(batch_of(ledger.events[2:]))
    assert run_to_its_end(freezing) == expected
    assert state.freeze() == fold(ledger.events).freeze() != expected


def test_an_import_settled_during_a_freeze_in_slices_is_not_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "SLICE", 1)
    ledger = LedgerBuilder()
    ledger.say("import", id="i-1", name="a.csv", digest="00", rows=2, taken=2, skipped=0)
    for symbol in ("ONE/USD", "TWO/USD"):
        ledger.buy("1", "10", symbol, import_id="i-1")
    ledger.void(1)
    state = through_snapshot(fold(ledger.events[:3]))  # so the fills are in the store alone
    state.apply(batch_of(ledger.events[3:]))
    expected = state.freeze()
    freezing = state.freeze_in_slices()
    next(freezing)
    amounts: list[ImportAmount] = [
        ("default", "default", symbol, "buy", 1, Decimal(1), Decimal(10)) for symbol in ("ONE/USD", "TWO/USD")
    ]
    [waiting] = state.restatement.imports
    state.restatement.settle_import(waiting, amounts, [LineKey(*amount[:3]) for amount in amounts], [])
    assert run_to_its_end(freezing) == expected
    assert state.freeze() != expected


def counters(state: TradingState) -> dict[str, str]:
    return {name: text for name, text in samples(state.freeze()).items() if "_total{" in name}


def run_to_its_end(freezing: Generator[None, None, StateSnapshot]) -> StateSnapshot:
    while True:
        try:
            next(freezing)
        except StopIteration as frozen:
            moment: StateSnapshot = frozen.value
            return moment


def test_a_restart_keeps_what_was_counted() -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "10", "ONE/USD", ts=minute(9))
    ledger.buy("1", "10", "ONE/USD", ts=minute(1))
    ledger.say("unheard")
    ledger.aside("unheard", {}, target=1)
    ledger.buy("1", "1" + "0" * 40, "ONE/USD", ts=minute(10))
    state = fold(ledger.events)
    assert (state.late, state.incomplete_since, sum(state.rejected.values())) == (1, 3, 1)
    assert through_snapshot(state).freeze() == state.freeze()


@pytest.mark.parametrize(("aside", "incomplete_since"), [(True, 0), ("true", 1), (1, 1), (False, 1)])
def test_only_true_makes_an_event_of_an_unknown_kind_an_aside(aside: object, incomplete_since: int) -> None:
    state = fold([{"seq": 1, "kind": "unheard", "id": "u-1", "aside": aside, "unheard": {}}])
    assert state.incomplete_since == incomplete_since


def test_both_sides_of_a_new_key_start_at_0() -> None:
    state = state_of([trade("buy", "1", "10")])
    assert figure(state, "trading_trades_total", side="buy") == "1"
    assert figure(state, "trading_trades_total", side="sell") == "0"
    assert figure(state, "trading_volume_total", side="sell") == "0"


def test_the_mark_is_the_symbols_last_price_in_any_account() -> None:
    state = state_of([trade("buy", "1", "10"), trade("sell", "1", "13", account="other")])
    assert figure(state, "trading_unrealized_pnl") == "3"


def test_sums_are_exact_although_the_process_has_a_context_of_few_digits() -> None:
    with decimal.localcontext(prec=3):
        state = state_of([trade("buy", "1.00000000000000000001", "3.00000000000000000001")])
    assert figure(state, "trading_notional_total", side="buy") == "3.0000000000000000000400000000000000000001"


class TestPastTheLimit:
    trades = (
        trade("buy", "1", "10"),
        trade("buy", "2", "20", symbol="BTCUSDT", fee="1"),
        trade("sell", "3", "30", symbol="BTCUSDT"),
        trade("sell", "4", "40", account="more"),
    )

    def test_trades_are_counted_under_one_key_without_a_position(self) -> None:
        shown = samples(state_of(self.trades, limit=1).freeze())
        other = 'account="__other__",strategy="__other__",symbol="__other__"'
        assert shown[f'trading_trades_total{{{other},side="buy"}}'] == "1"
        assert shown[f'trading_trades_total{{{other},side="sell"}}'] == "2"
        assert shown[f'trading_notional_total{{{other},side="sell"}}'] == "250"
        assert shown[f'trading_fees{{{other},currency="quote"}}'] == "1"
        assert not [name for name in shown if "position{" in name and "__other__" in name]
        assert sum(int(text) for name, text in shown.items() if name.startswith("trading_trades_total")) == 4

    def test_a_symbol_with_series_is_still_marked_by_their_prices(self) -> None:
        assert figure(state_of(self.trades, limit=1), "trading_unrealized_pnl") == "30"

    def test_a_symbol_without_series_has_no_price(self) -> None:
        assert 'trading_last_price{symbol="BTCUSDT"}' not in samples(state_of(self.trades, limit=1).freeze())

    def test_the_key_is_there_at_0_before_its_first_trade(self) -> None:
        shown = samples(state_of(self.trades[:1], limit=1).freeze())
        assert [text for name, text in shown.items() if "__other__" in name and "info" not in name] == ["0"] * 6
        assert shown['trading_symbol_info{symbol="__other__",base="",currency="",kind="unknown"}'] == "1"

    def test_it_survives_a_snapshot(self) -> None:
        state = state_of(self.trades, limit=1)
        assert through_snapshot(state).freeze() == state.freeze()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param({"price": "NaN"}, "out_of_range", id="NaN"),
        pytest.param({"price": "sNaN"}, "out_of_range", id="signalling NaN"),
        pytest.param({"price": "Infinity"}, "out_of_range", id="infinite"),
        pytest.param({"price": "-1", "qty": "-1"}, "out_of_range", id="negative"),
        pytest.param({"qty": "0"}, "out_of_range", id="zero"),
        pytest.param({"qty": "1E+38"}, "out_of_range", id="too large"),
        pytest.param({"qty": "1E+999999999"}, "out_of_range", id="far too large"),
        pytest.param({"qty": "1E-39"}, "out_of_range", id="too small"),
        pytest.param({"fee": "NaN"}, "out_of_range", id="fee NaN"),
        pytest.param({"fee": "0E-999999999"}, "out_of_range", id="fee of many zeros"),
        pytest.param({"fee": "-1E+40"}, "out_of_range", id="fee too large"),
        pytest.param({"price": "x"}, "undecodable", id="no number"),
        pytest.param({"side": "hold"}, "undecodable", id="no side"),
        pytest.param({"symbol": None}, "undecodable", id="no symbol"),
        pytest.param({"price": "1E+99999999999999999999"}, "undecodable", id="exponent past all limits"),
    ],
)
def test_an_invalid_event_is_counted_and_the_rest_of_its_batch_is_applied(bad: Trade, reason: str) -> None:
    state = state_of([trade("buy", "1", "10"), trade("buy", "1", "10") | bad, trade("buy", "1", "10")])
    assert figure(state, "trading_trades_total", side="buy") == "2"
    assert state.rejected[reason] == 1
    assert state.applied == 3


def test_valid_events_of_a_batch_with_invalid_json_are_applied() -> None:
    good = trade("buy", "1", "10")
    events = b",".join([event(7, good), event(8, good)[:-5], event(9, good), event(10, good)[:20]])
    state = TradingState(10, STREAM)
    state.apply(Batch(STREAM, 7, 10, events), skip=1)
    assert figure(state, "trading_trades_total", side="buy") == "1"
    assert state.rejected["undecodable"] == 2


def test_events_that_are_missing_from_their_batch_are_counted() -> None:
    good = trade("buy", "1", "10")
    state = TradingState(10, STREAM)
    state.apply(Batch(STREAM, 1, 3, event(1, good) + b"," + event(3, good)))
    assert figure(state, "trading_trades_total", side="buy") == "2"
    assert state.rejected["undecodable"] == 1


VOID = b'"kind":"void","target":1,"void":{"who":"desk","why":"fat finger"}}'
NOTE = b'"kind":"note","aside":true,"target":1,"note":{"text":"price, qty and side"}}'
DISGUISED = b'"kind":"void",' + event(0, trade("buy", "1", "10"))[len(b'{"seq":0,') :]


def mixed(*others: bytes) -> Batch:
    """A fill, then other events, then a fill, numbered from 1."""
    good = trade("buy", "1", "10")
    events = [event(1, good), *(b'{"seq":%d,%b' % (number, other) for number, other in enumerate(others, 2))]
    return Batch(STREAM, 1, len(others) + 2, b",".join([*events, event(len(others) + 2, good)]))


def counted(state: TradingState) -> tuple[int, int, int, int]:
    moment = state.freeze()
    return moment.fills, moment.events["aside"], moment.events["unknown"], moment.incomplete_since


def test_asides_are_skipped_and_an_unknown_kind_marks_figures_incomplete_from_its_sequence() -> None:
    state = TradingState(10, STREAM)
    state.apply(mixed(NOTE, NOTE))
    assert counted(state) == (2, 2, 0, 0)
    state = TradingState(10, STREAM)
    state.apply(mixed(NOTE, VOID, NOTE, VOID))
    assert counted(state) == (2, 2, 2, 3)
    assert state.rejected == {"undecodable": 0, "out_of_range": 0}
    assert figure(state, "trading_trades_total", side="buy") == "2"


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(DISGUISED, (2, 0, 1, 2), id="with the members of a fill"),
        pytest.param(b'"kind":"void","aside":false}', (2, 0, 1, 2), id="no aside"),
        pytest.param(b'"kind":"void","aside":"true"}', (2, 0, 1, 2), id="an aside in words"),
        pytest.param(b'"kind":7,"aside":true}', (2, 0, 0, 0), id="a kind that is not a string"),
        pytest.param(b'"aside":true}', (2, 0, 0, 0), id="no kind"),
    ],
)
def test_an_event_that_is_not_a_fill_is_never_applied_as_one(other: bytes, expected: tuple[int, int, int, int]) -> None:
    state = TradingState(10, STREAM)
    state.apply(mixed(other))
    assert counted(state) == expected
    assert figure(state, "trading_position") == "2"


@given(st.lists(st.sampled_from([NOTE, VOID, b'"x":1}']), max_size=8), st.data())
def test_other_kinds_survive_snapshots_skips_and_any_batching(others: list[bytes], data: st.DataObject) -> None:
    batch = mixed(*others)
    whole = TradingState(10, STREAM)
    whole.apply(batch)
    state = TradingState(10, STREAM)
    while state.applied < batch.last:
        end = data.draw(st.integers(state.applied + 1, batch.last))
        skip = data.draw(st.integers(0, state.applied))
        state.apply(cut(batch, state.applied - skip, end), skip)
        state = through_snapshot(state)
    assert state.freeze() == whole.freeze()
    assert sum(counted(whole)[:3]) + sum(whole.rejected.values()) == whole.applied


def test_numbers_may_also_come_as_json_numbers() -> None:
    text = json.dumps(trade("buy", "1", "1")).replace('"qty": "1"', '"qty": 0.10000000000000000000000001')
    state = TradingState(10, STREAM)
    state.apply(Batch(STREAM, 1, 1, b'{"seq":1,"ts":"2026-03-04T05:06:07Z",' + text.encode()[1:]))
    assert figure(state, "trading_position") == "0.10000000000000000000000001"
