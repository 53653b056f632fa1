"""What a rate limit says when time goes by, and when it goes back."""

import time

import pytest

from trading_app.access.rate_limit import RateLimit
from trading_app.access.rates import parse_rates

ADDRESS = "192.0.2.1"


class Clock:
    """The time that the limits' library sees."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def time(self) -> float:
        """Seconds since 1970."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock.time)
    return clock


def wait_of(limit: RateLimit, path: str = "/trade") -> int | None:
    """For how many seconds a request has to wait; None if it need not."""
    problem = limit.refusal(path, {}, ADDRESS)
    return None if problem is None else problem.retry_after


def test_a_window_begins_with_its_first_request_and_ends_when_it_says(clock: Clock) -> None:
    limit = RateLimit(parse_rates("2/minute"), by_token=False)
    assert [wait_of(limit) for _ in range(3)] == [None, None, 60]
    clock.now += 59.5
    assert wait_of(limit) == 1
    clock.now += 1
    assert wait_of(limit) is None


def test_several_limits_hold_together(clock: Clock) -> None:
    limit = RateLimit(parse_rates("2/second;3/hour"), by_token=False)
    assert [wait_of(limit) for _ in range(3)] == [None, None, 1]
    clock.now += 2
    assert [wait_of(limit) for _ in range(2)] == [None, 3_598]


def test_a_clock_that_is_set_back_locks_nobody_out(clock: Clock) -> None:
    limit = RateLimit(parse_rates("1/minute"), by_token=False)
    assert [wait_of(limit) for _ in range(2)] == [None, 60]
    clock.now -= 86_400
    assert [wait_of(limit) for _ in range(2)] == [1, None]


@pytest.mark.usefixtures("clock")
def test_health_is_never_limited() -> None:
    limit = RateLimit(parse_rates("1/day"), by_token=False)
    assert [wait_of(limit, "/healthz") for _ in range(5)] == [None] * 5
