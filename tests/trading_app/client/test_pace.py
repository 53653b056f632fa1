import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading_app.client.clock import Clock
from trading_app.client.pace import Pace, batch_size


@given(batches=st.lists(st.integers(1, 50), min_size=1), work=st.floats(0, 0.01))
def test_the_rate_holds_whatever_the_work_takes(batches: list[int], work: float) -> None:
    clock = Clock(0)
    pace = Pace(10, clock, clock.sleep)
    sent = 0
    for trades in batches:
        pace.wait(trades)
        assert clock.now == pytest.approx(sent / 10)
        sent += trades
        clock.now += work


def test_a_long_stop_is_not_made_up_for_in_a_burst() -> None:
    clock = Clock()
    pace = Pace(10, clock, clock.sleep)
    pace.wait(1)
    clock.now += 60
    pace.wait(1)
    pace.wait(1)
    assert clock.slept == [pytest.approx(0.1)]


def test_without_a_rate_nothing_waits() -> None:
    clock = Clock()
    Pace(None, clock, clock.sleep).wait(1_000_000)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("rate", "maximum", "expected"),
    [(None, 1_000, 1_000), (0.1, 1_000, 1), (20, 1_000, 1), (500, 1_000, 25), (1e6, 1_000, 1_000)],
)
def test_a_request_is_small_where_the_rate_is(rate: float | None, maximum: int, expected: int) -> None:
    assert batch_size(rate, maximum) == expected
