"""Many events of other kinds that come together: each costs the same, however many positions and events there are."""

from functools import partial

import pytest

from tests.metrics_sidecar.builders import batch, trade
from tests.support.instructions import instructions
from tests.support.many_events import FIRST, KINDS, Make, events, symbol
from trading_model.accounting.state import TradingState


def state_of(positions: int) -> TradingState:
    """As many positions, of two fills each; amounts are dated in EUR."""
    state = TradingState(10_000, "", "EUR", 0)
    for start in (0, positions):
        buys = [trade("buy", "1", "10", symbol=symbol(number), ts=FIRST) for number in range(positions)]
        state.apply(batch(buys, start + 1))
    return state


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_each_of_many_events_takes_as_much_with_four_times_as_many_positions_and_events(make: Make) -> None:
    taken = list[float]()
    for count in (50, 200):
        state = state_of(count)
        taken.append(instructions(partial(state.apply, batch(events(make, range(count)), state.applied + 1))) / count)
        assert state.events[make.__name__] == count
    assert taken[1] < 1.5 * taken[0]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_start_takes_as_much_a_position_with_four_times_as_many_positions_and_events(make: Make) -> None:
    taken = list[float]()
    for count in (50, 200):
        state = state_of(count)
        state.apply(batch(events(make, range(count)), state.applied + 1))
        moment = state.freeze()
        taken.append(instructions(partial(TradingState.restored, moment)) / count)
    assert taken[1] < 1.5 * taken[0]
