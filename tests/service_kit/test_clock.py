"""The latest time that is known: no clock that is wrong later lowers it."""

from service_kit.clock import LatestTime

SECOND = 1_000_000_000
DAYS = 86_400 * SECOND


class Clock:
    """Both clocks, moved apart by the test."""

    def __init__(self) -> None:
        self.passed = 7.0
        self.ns = 1_000 * DAYS

    def monotonic(self) -> float:
        return self.passed

    def unix_ns(self) -> int:
        return self.ns


def test_the_latest_time_is_the_clock_while_it_advances() -> None:
    clock = Clock()
    latest = LatestTime(clock)
    clock.passed, clock.ns = 8.0, clock.ns + SECOND
    assert latest.unix_ns() == clock.ns


def test_the_latest_time_is_not_lowered_by_a_clock_that_is_set_back() -> None:
    clock = Clock()
    latest = LatestTime(clock)
    clock.passed, clock.ns = 10.0, clock.ns - 2 * DAYS
    assert latest.unix_ns() == 1_000 * DAYS + 3 * SECOND


def test_the_latest_time_continues_from_times_of_an_earlier_clock() -> None:
    clock = Clock()
    latest = LatestTime(clock)
    latest.raise_to(clock.ns + 2 * DAYS)
    clock.passed, clock.ns = 12.0, clock.ns + 5 * SECOND
    assert latest.unix_ns() == 1_002 * DAYS + 5 * SECOND
    latest.raise_to(0)
    assert latest.unix_ns() == 1_002 * DAYS + 5 * SECOND
