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
