"""Time as an argument: entry points hand in the system's clock, tests one of their own."""

import time
from typing import Protocol


class Clock(Protocol):
    """What decisions that depend on time ask. Durations that are only measured use `time.perf_counter` directly."""

    def monotonic(self) -> float:
        """Seconds that only grow, from an unknown beginning: for deadlines, pauses and windows within a process."""
        ...

    def unix_ns(self) -> int:
        """Nanoseconds since 1970, UTC, by the machine's clock, which may be set back: for what leaves the process."""
        ...


class SystemClock:
    """The machine's clocks."""

    monotonic = staticmethod(time.monotonic)
    unix_ns = staticmethod(time.time_ns)


SYSTEM_CLOCK = SystemClock()


def unix_seconds(clock: Clock) -> float:
    """Seconds since 1970, UTC."""
    return clock.unix_ns() / 1_000_000_000


class LatestTime:
    """The latest that the time is known to be, in Unix nanoseconds.

    A clock that is set back does not lower it, and one that is behind what was written earlier does not either.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_at = clock.monotonic()
        self._seen_ns = clock.unix_ns()

    def raise_to(self, unix_ns: int) -> None:
        """It was that late already, say what was written under an earlier clock."""
        self._seen_at, self._seen_ns = self._clock.monotonic(), max(self.unix_ns(), unix_ns)

    def unix_ns(self) -> int:
        """The machine's clock, or what has passed since the latest time seen, whichever is later."""
        passed = round((self._clock.monotonic() - self._seen_at) * 1_000_000_000)
        return max(self._clock.unix_ns(), self._seen_ns + passed)
