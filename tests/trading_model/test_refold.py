"""Positions recomputed from all their fills: the same as in order, whatever arrives meanwhile."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.metrics_sidecar.builders import batch_of
from tests.support.examples import some_of
from tests.support.ledger_builder import Event, LedgerBuilder, minute
from tests.trading_model.folding import fill_of, fold, gauges, give, in_force, recompute, through_snapshot
from trading_model.accounting import restatement
from trading_model.accounting.fills import Fill
from trading_model.accounting.refold import Refold
from trading_model.accounting.state import TradingState


@pytest.fixture
def ledger() -> LedgerBuilder:
    """Fills of two keys, of which the first trades long and short."""
    made = LedgerBuilder()
    for number in range(40):
        made.fill("sell" if number % 3 else "buy", f"{number % 5 + 1}", f"{100 + number % 7}", ts=minute(10 + number))
        made.buy("1", f"{number + 1}", "ETH/USDT", ts=minute(10.5 + number))
    return made


def restarted(ledger: LedgerBuilder) -> TradingState:
    """A state that has nothing in memory but its figures."""
    return through_snapshot(fold(ledger.events, 16))


def apply_rest(state: TradingState, ledger: LedgerBuilder) -> None:
    state.apply(batch_of(ledger.events[state.applied :]))


def assert_worked_in(state: TradingState, ledger: LedgerBuilder) -> None:
    """Recompute what waits: the figures are those of all events in order."""
    recompute(state, ledger.events)
    assert gauges(state) == gauges(fold(ledger.events))


def planned(state: TradingState) -> Refold:
    refold = state.restatement.plan_refold()
    assert refold is not None
    return refold


def test_a_late_fill_is_worked_in(ledger: LedgerBuilder) -> None:
    state = restarted(ledger)
    ledger.buy("3", "77", ts=minute(20.2))
    apply_rest(state, ledger)
    assert_worked_in(state, ledger)
    assert state.restatement.plan_refold() is None


def test_only_the_keys_that_wait_are_asked_for(ledger: LedgerBuilder) -> None:
    state = restarted(ledger)
    ledger.void(3)
    apply_rest(state, ledger)
    assert state.restatement.waiting_fills == sum(event.get("symbol") == "BTC/USDT" for event in ledger.events)
    assert [line.symbol for one in planned(state).fresh for line in one.lines] == ["BTC/USDT"]


def test_what_arrives_meanwhile_comes_on_top(ledger: LedgerBuilder) -> None:
    state = restarted(ledger)
    ledger.void(3)
    apply_rest(state, ledger)
    refold = planned(state)
    give(refold, ledger.events, state.applied)
    stored = state.applied
    ledger.buy("3", "120", ts=minute(90))
    ledger.sell("2", "121", ts=minute(89))
    ledger.buy("1", "8", "ETH/USDT", ts=minute(91))
    ledger.replace(stored + 1, qty="2.5")
    apply_rest(state, ledger)
    assert state.freeze().recomputing == 1
    state.restatement.finish_refold(refold, stored)
    assert not state.restatement.is_recomputing
    assert gauges(state) == gauges(fold(ledger.events))


def test_a_store_that_is_ahead_of_the_plan_is_not_counted_twice(ledger: LedgerBuilder) -> None:
    state = restarted(ledger)
    ledger.void(3)
    apply_rest(state, ledger)
    refold = planned(state)
    ledger.buy("3", "120", ts=minute(90))
    apply_rest(state, ledger)
    give(refold, ledger.events, state.applied)
    ledger.sell("1", "121", ts=minute(91))
    apply_rest(state, ledger)
    state.restatement.finish_refold(refold, state.applied - 1)
    assert gauges(state) == gauges(fold(ledger.events))


def test_an_opening_between_the_plan_and_the_store_is_in_no_store_and_comes_on_top(ledger: LedgerBuilder) -> None:
    state = restarted(ledger)
    ledger.void(3)
    apply_rest(state, ledger)
    refold = planned(state)
    of = {"account": "default", "strategy": "default", "symbol": "BTC/USDT"}
    ledger.say("opening", quantity="5", average="100", ts=minute(200), **of)
    apply_rest(state, ledger)
    give(refold, ledger.events, state.applied)
    state.restatement.finish_refold(refold, state.applied)
    assert_worked_in(state, ledger)


def test_a_rate_that_arrives_while_a_position_waits_values_fees_that_it_will_have(ledger: LedgerBuilder) -> None:
    """The fees of before the correction say nothing of the rate's currencies."""
    state = restarted(ledger)
    ledger.replace(1, fee="0.5", fee_currency="BNB")
    apply_rest(state, ledger)
    refold = planned(state)
    give(refold, ledger.events, state.applied)
    stored = state.applied
    ledger.say("rate", base="BNB", quote="USDT", rate="600", ts=minute(1))
    apply_rest(state, ledger)
    state.restatement.finish_refold(refold, stored)
    assert_worked_in(state, ledger)


def test_what_waits_is_wanted_after_a_restart_too(ledger: LedgerBuilder) -> None:
    state = restarted(ledger)
    assert not state.restatement.wants_refold
    ledger.void(3)
    apply_rest(state, ledger)
    assert through_snapshot(state).restatement.wants_refold


def test_an_older_change_that_arrives_meanwhile_waits_for_the_next_pass(
    ledger: LedgerBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restatement, "MAX_TAIL", 4)
    state = restarted(ledger)
    ledger.void(3)
    apply_rest(state, ledger)
    refold = planned(state)
    give(refold, ledger.events, state.applied)
    stored = state.applied
    ledger.void(5)
    apply_rest(state, ledger)
    state.restatement.finish_refold(refold, stored)
    assert state.restatement.is_recomputing
    assert_worked_in(state, ledger)


def test_with_too_many_changes_meanwhile_the_next_pass_brings_them_all(
    ledger: LedgerBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restatement, "MAX_PENDING", 5)
    state = restarted(ledger)
    ledger.void(3)
    apply_rest(state, ledger)
    refold = planned(state)
    give(refold, ledger.events, state.applied)
    stored = state.applied
    for number in range(12):
        ledger.buy("1", "99", ts=minute(100 + number))
    apply_rest(state, ledger)
    assert sum(len(fresh.position.pending) for fresh in refold.fresh) <= 5
    state.restatement.finish_refold(refold, stored)
    assert state.restatement.is_recomputing
    assert_worked_in(state, ledger)


def test_an_instrument_gives_the_whole_history_of_its_symbol_other_terms(ledger: LedgerBuilder) -> None:
    state = restarted(ledger)
    before = gauges(state)
    ledger.say("instrument", symbol="ETH/USDT", currency="EUR", multiplier="10", settlement="linear")
    apply_rest(state, ledger)
    shown = {name: text for name, text in gauges(state).items() if "recomputing" not in name}
    assert shown == before
    ledger.sell("2", "55", "ETH/USDT")
    apply_rest(state, ledger)
    assert_worked_in(state, ledger)


def test_an_alias_merges_positions_and_its_void_parts_them(ledger: LedgerBuilder) -> None:
    ledger.buy("4", "30", "ETHUSDT")
    state = restarted(ledger)
    alias = ledger.say("instrument", symbol="ETH/USDT", aliases=["ETHUSDT"])
    apply_rest(state, ledger)
    assert_worked_in(state, ledger)
    assert len(state.freeze().positions) == 2
    ledger.void(alias)
    ledger.buy("1", "31", "ETHUSDT")
    apply_rest(state, ledger)
    assert_worked_in(state, ledger)
    assert len(state.freeze().positions) == 3


def test_two_changes_of_an_instrument_before_the_first_is_worked_in(ledger: LedgerBuilder) -> None:
    state = restarted(ledger)
    for currency in ("EUR", "CHF"):
        ledger.say("instrument", symbol="ETH/USDT", currency=currency)
        apply_rest(state, ledger)
    state = through_snapshot(state)
    assert_worked_in(state, ledger)
    assert [held.key.currency for held in state.freeze().positions] == ["USDT", "CHF"]


def test_a_move_without_a_price_is_recomputed_with_both_its_sides(ledger: LedgerBuilder) -> None:
    holder = {"symbol": "BTC/USDT", "quantity": "1"}
    ledger.buy("9", "100", account="cold", ts=minute(1))
    ledger.say("move", reason="transfer", source=holder | {"account": "cold"}, sink=holder, ts=minute(2))
    state = restarted(ledger)
    ledger.buy("9", "130", account="cold", ts=minute(1.5))
    apply_rest(state, ledger)
    assert state.freeze().recomputing == 2
    assert_worked_in(state, ledger)


PRICES = ("0.1", "3", "7.25", "11", "1E-9", "99999999999999999999")
SYMBOLS = ("BTC/USDT", "XRP/ETH")


@st.composite
def ledgers(draw: st.DrawFn) -> list[Event]:
    """Fills in any order of arrival, some of which are replaced or voided some time later."""
    ledger, targets = LedgerBuilder(), list[int]()
    for number in draw(st.permutations(range(draw(st.integers(2, 12))))):
        fill = {"side": draw(st.sampled_from(("buy", "sell"))), "qty": draw(st.sampled_from(("1", "2", "0.3", "5")))}
        fill |= {"price": draw(st.sampled_from(PRICES)), "symbol": draw(st.sampled_from(SYMBOLS))}
        if draw(st.booleans()):
            fill |= {"fee": "0.01", "fee_currency": draw(st.sampled_from(("USDT", "XRP", "BNB")))}
        targets.append(ledger.fill(**fill, ts=minute(number)))
        doing = draw(st.integers(0, 5))
        target = draw(st.sampled_from(targets)) if targets else 0
        if doing == 0 and target:
            targets.remove(target)
            ledger.void(target)
        elif doing == 1 and target:
            changes = ({"price": "4"}, {"ts": minute(number + 0.5)}, {"account": "b"}, {"symbol": "XRP/ETH"})
            ledger.replace(target, **draw(st.sampled_from(changes)))
    return ledger.events


def in_order(events: list[Event]) -> list[Event]:
    """The fills in force as a ledger of their own, in the order of trading."""
    corrected = LedgerBuilder()
    by_sequence = {event["seq"]: event for event in events}
    for event in events:
        if event.get("kind") == "replace":
            by_sequence[event["target"]] = event["replace"]["fill"]
    ordered = in_force(events, len(events))
    corrected.events = [by_sequence[fill.seq] | {"seq": place} for place, fill in enumerate(ordered, 1)]
    return corrected.events


@settings(max_examples=some_of(120), deadline=None)
@given(ledgers(), st.data())
def test_any_order_of_arrival_gives_the_figures_of_that_of_trading(events: list[Event], data: st.DataObject) -> None:
    """Through memory or the store, with restarts, and with recomputations that end when more has arrived."""
    state, refold, stored = TradingState(1_000, ""), None, 0
    while state.applied < len(events):
        size = data.draw(st.integers(1, 6))
        state.apply(batch_of(events[state.applied : state.applied + size]))
        if data.draw(st.integers(0, 3)) == 0:
            state, refold = through_snapshot(state), None
        elif refold is not None:
            if data.draw(st.booleans()):
                state.restatement.finish_refold(refold, stored)
                refold = None
        elif state.restatement.is_recomputing and data.draw(st.booleans()):
            refold, stored = planned(state), state.applied
            give(refold, events, stored)
    if refold is not None:
        state.restatement.finish_refold(refold, stored)
    recompute(state, events)
    assert gauges(state) == gauges(fold(in_order(events)))


def test_the_stand_in_for_the_store_gives_what_is_in_force() -> None:
    ledger = LedgerBuilder()
    ledger.buy("1", "10", ts=minute(3))
    ledger.buy("1", "11", ts=minute(2))
    ledger.buy("1", "12", ts=minute(1))
    ledger.void(2)
    ledger.replace(3, price="13", ts=minute(5))
    found: list[Fill] = in_force(ledger.events, 5)
    assert [(fill.seq, str(fill.price)) for fill in found] == [(1, "10"), (3, "13")]
    assert [fill.seq for fill in in_force(ledger.events, 3)] == [3, 2, 1]
    assert found[0] == fill_of(ledger.events[0], 1)
