"""Many events of other kinds that come together: each costs the same, however many positions and events there are."""

from functools import partial
from typing import Any

import pytest

from tests.metrics_sidecar.builders import batch, trade
from tests.support.instructions import instructions
from trading_model.accounting.state import TradingState

Event = dict[str, Any]
FIRST, LATER = "2026-03-04T05:06:07Z", "2026-03-04T06:00:00Z"


def instrument(number: int) -> Event:
    return {"kind": "instrument", "instrument": {"symbol": symbol(number), "lot": "0.01"}}


def rate(number: int) -> Event:
    ts = f"2026-03-04T04:{number % 60:02}:00Z"
    return {"kind": "rate", "rate": {"base": "EUR", "quote": "USDT", "rate": "1.1", "ts": ts}}


def opening(number: int) -> Event:
    given = {"symbol": symbol(number), "quantity": "1", "average": "9", "ts": FIRST}
    return {"kind": "opening", "opening": given}


def split(number: int) -> Event:
    return {"kind": "split", "split": {"symbol": symbol(number), "n": 2, "d": 1, "ts": LATER}}


def price(number: int) -> Event:
    return {"kind": "price", "mark": {"symbol": symbol(number), "price": "11", "ts": LATER}}


def move(number: int) -> Event:
    held = {"symbol": symbol(number), "quantity": "1"}
    sides = {"from": held, "to": {**held, "account": "other"}}
    return {"kind": "move", "move": {"ts": LATER, "reason": "transfer", **sides}}


def cash(number: int) -> Event:
    given = {"symbol": symbol(number), "currency": "USDT", "amount": "1", "reason": "funding", "ts": LATER}
    return {"kind": "cash", "cash": given}


KINDS = [instrument, rate, opening, split, price, move, cash]


def symbol(number: int) -> str:
    return f"S{number}/USDT"


def state_of(positions: int) -> TradingState:
    """As many positions, of two fills each; amounts are dated in EUR."""
    state = TradingState(10_000, "", "EUR", 0)
    for start in (0, positions):
        buys = [trade("buy", "1", "10", symbol=symbol(number), ts=FIRST) for number in range(positions)]
        state.apply(batch(buys, start + 1))
    return state


def events(make: Any, numbers: range, first: int) -> Any:
    return batch([{"id": f"{number}", **make(number)} for number in numbers], first)


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_each_of_many_events_takes_as_much_with_four_times_as_many_positions_and_events(make: Any) -> None:
    taken = list[float]()
    for count in (50, 200):
        state = state_of(count)
        taken.append(instructions(partial(state.apply, events(make, range(count), state.applied + 1))) / count)
        assert state.events[make.__name__] == count
    assert taken[1] < 1.5 * taken[0]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_start_takes_as_much_a_position_with_four_times_as_many_positions_and_events(make: Any) -> None:
    taken = list[float]()
    for count in (50, 200):
        state = state_of(count)
        state.apply(events(make, range(count), state.applied + 1))
        moment = state.freeze()
        taken.append(instructions(partial(TradingState.restored, moment)) / count)
    assert taken[1] < 1.5 * taken[0]
