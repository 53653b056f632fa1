"""Voids and replaces: the figures are as if it had always been so; what was counted stays, the change beside it."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.metrics_sidecar.builders import batch_of, samples
from tests.support.ledger_builder import LedgerBuilder, minute
from tests.trading_model.folding import fold, gauges, recompute, through_snapshot
from trading_model.accounting.corrections import Corrections, fill_of, root_of
from trading_model.accounting.fills import Fill, read_event
from trading_model.accounting.state import TradingState
from trading_model.contents import LedgerEvent

KEY = 'account="default",strategy="default",symbol="BTC/USDT"'


@pytest.fixture
def ledger() -> LedgerBuilder:
    """Two buys and a sale."""
    made = LedgerBuilder()
    made.buy("2", "100")
    made.buy("1", "130")
    made.sell("1", "120")
    return made


def corrected(state: TradingState) -> dict[str, str]:
    """The counters of corrections by side and change, without what they have in common."""
    beginning = f"trading_corrected_trades_total{{{KEY},"
    return {
        name.removeprefix(beginning).rstrip("}"): text
        for name, text in samples(state.freeze()).items()
        if name.startswith(beginning)
    }


def without(ledger: LedgerBuilder, *dropped: int) -> LedgerBuilder:
    """The fills of a ledger but for some."""
    other = LedgerBuilder()
    fills = [event for event in ledger.events if "kind" not in event and event["seq"] not in dropped]
    other.events = [event | {"seq": seq} for seq, event in enumerate(fills, 1)]
    return other


@pytest.mark.parametrize("target", [1, 2, 3])
def test_a_voided_fill_never_was(ledger: LedgerBuilder, target: int) -> None:
    ledger.void(target)
    state = fold(ledger.events)
    assert gauges(state) == gauges(fold(without(ledger, target).events))
    assert corrected(state) == {f'side="{ledger.events[target - 1]["side"]}",change="removed"': "1"}
    assert samples(state.freeze())[f'trading_trades_total{{{KEY},side="buy"}}'] == "2"


def test_a_void_of_a_void_restores(ledger: LedgerBuilder) -> None:
    before = gauges(fold(ledger.events))
    first = ledger.void(2)
    second = ledger.void(first)
    state = fold(ledger.events)
    assert gauges(state) == before
    assert corrected(state) == {'side="buy",change="removed"': "1", 'side="buy",change="added"': "1"}
    ledger.void(second)
    assert gauges(fold(ledger.events)) == gauges(fold(without(ledger, 2).events))


def test_the_last_replace_in_force_holds(ledger: LedgerBuilder) -> None:
    ledger.replace(2, price="90")
    later = ledger.replace(2, price="95", qty="4")
    expected = LedgerBuilder()
    expected.events = [event | {"price": "95", "qty": "4"} if event["seq"] == 2 else event for event in ledger.events]
    assert gauges(fold(ledger.events)) == gauges(fold(expected.events[:3]))
    ledger.void(later)
    expected.events[1] = expected.events[1] | {"price": "90", "qty": "1"}
    assert gauges(fold(ledger.events)) == gauges(fold(expected.events[:3]))


def test_a_replace_of_a_voided_fill_is_in_force_once_the_fill_is(ledger: LedgerBuilder) -> None:
    void = ledger.void(2)
    ledger.replace(2, price="90")
    assert gauges(fold(ledger.events)) == gauges(fold(without(ledger, 2).events))
    ledger.void(void)
    expected = LedgerBuilder()
    expected.events = [event | {"price": "90"} if event["seq"] == 2 else event for event in ledger.events[:3]]
    assert gauges(fold(ledger.events)) == gauges(fold(expected.events))


def test_a_replace_keeps_its_place_unless_its_time_differs(ledger: LedgerBuilder) -> None:
    ledger.replace(1, price="101")
    assert fold(ledger.events).freeze().last["BTC/USDT"].price == 120
    ledger.replace(1, price="101", ts=minute(50))
    assert fold(ledger.events).freeze().last["BTC/USDT"].price == 101


def test_a_replace_into_another_key_leaves_the_first(ledger: LedgerBuilder) -> None:
    ledger.replace(2, account="other", symbol="ETH/USDT")
    moment = fold(ledger.events).freeze()
    assert {(held.key.account, held.key.symbol): held.state.quantity for held in moment.positions} == {
        ("default", "BTC/USDT"): 1,
        ("other", "ETH/USDT"): 1,
    }


def test_a_replace_may_name_the_multiplier(ledger: LedgerBuilder) -> None:
    fill = ledger.buy("1", "10", "BTC/USDT:USDT")
    ledger.replace(fill, multiplier="0.01")
    held = fold(ledger.events).freeze().positions[-1]
    assert (held.terms.in_points, held.state.flow) == (False, Decimal("-0.1"))


def test_an_import_is_taken_back_with_its_fills_and_those_still_to_come(ledger: LedgerBuilder) -> None:
    before = gauges(fold(ledger.events))
    taken = ledger.say("import", id="file", name="f.csv", digest="00")
    ledger.buy("7", "99", import_id="file", ts=minute(0.5))
    void = ledger.void(taken)
    ledger.buy("7", "99", import_id="file")
    state = fold(ledger.events)
    assert gauges(state) == before
    assert corrected(state) == {'side="buy",change="removed"': "2"}
    ledger.void(void)
    assert gauges(fold(ledger.events)) == gauges(fold(without(ledger).events))


OTHERS: list[Callable[[LedgerBuilder], int]] = [
    lambda ledger: ledger.say("opening", symbol="BTC/USDT", quantity="9", average="50"),
    lambda ledger: ledger.say("split", symbol="BTC/USDT", n=3, d=1),
    lambda ledger: ledger.say("split", symbol="BTC/USDT", n=3, d=1, account="default"),
    lambda ledger: ledger.say("move", reason="reward", sink={"symbol": "BTC/USDT", "quantity": "1"}, price="9"),
    lambda ledger: ledger.say("cash", symbol="BTC/USDT", strategy="default", amount="5", currency="USDT", reason="tax"),
    lambda ledger: ledger.say("price", symbol="BTC/USDT", price="7"),
    lambda ledger: ledger.say("instrument", symbol="BTC/USDT", currency="EUR", multiplier="3", settlement="linear"),
    lambda ledger: ledger.say("rate", base="BNB", quote="USDT", rate="600", ts=minute(0.5)),
]


@pytest.mark.parametrize("say", OTHERS)
def test_any_other_event_can_be_voided_and_restored(ledger: LedgerBuilder, say: Callable[[LedgerBuilder], int]) -> None:
    ledger.buy("1", "100", fee="0.001", fee_currency="BNB")
    before = gauges(fold(ledger.events))
    target = say(ledger)
    with_it = gauges(fold(ledger.events))
    assert with_it != before
    void = ledger.void(target)
    assert {name: text for name, text in gauges(fold(ledger.events)).items() if "trading_cash" not in name} == before
    ledger.void(void)
    assert gauges(fold(ledger.events)) == with_it


@pytest.mark.parametrize("say", OTHERS)
def test_any_other_event_can_be_voided_after_a_restart(
    ledger: LedgerBuilder, say: Callable[[LedgerBuilder], int]
) -> None:
    ledger.buy("1", "100", fee="0.001", fee_currency="BNB")
    ledger.void(say(ledger))
    expected = gauges(fold(ledger.events))
    for restart in range(4, len(ledger.events) + 1):
        state = through_snapshot(fold(ledger.events[:restart]))
        for event in ledger.events[restart:]:
            state.apply(batch_of([event]))
        recompute(state, ledger.events)
        assert gauges(state) == expected


def test_what_a_correction_is_about_in_the_end_is_in_it(ledger: LedgerBuilder) -> None:
    replaced = ledger.replace(2, price="90")
    void = ledger.void(ledger.void(replaced))
    event = read_event(_text(ledger, void))
    assert isinstance(event, LedgerEvent)
    root = root_of(event)
    assert isinstance(root, Fill)
    assert (root.seq, str(root.price)) == (2, "130")


def test_corrections_say_what_is_in_force(ledger: LedgerBuilder) -> None:
    replaced = ledger.replace(2, price="90")
    ledger.void(replaced)
    events = [read_event(_text(ledger, seq)) for seq in (replaced, replaced + 1)]
    corrections = Corrections()
    original = read_event(_text(ledger, 2))
    assert isinstance(original, Fill)
    for event, price in zip(events, ("90", "130"), strict=True):
        assert isinstance(event, LedgerEvent)
        corrections.add(event)
        effective = corrections.effective(original)
        assert effective is not None
        assert str(effective.price) == price
    assert corrections.in_force(replaced) is False
    first = events[0]
    assert isinstance(first, LedgerEvent)
    assert first.replace is not None
    assert fill_of(first.replace.was, 2) == original


def _text(ledger: LedgerBuilder, seq: int) -> bytes:
    return batch_of([ledger.events[seq - 1]]).events
