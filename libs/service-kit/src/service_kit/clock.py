"""Time as an argument: entry points pass the system's clock, tests pass their own."""

import time
from typing import Protocol


class Clock(Protocol):
    """The clock for decisions that depend on time. Durations that are only measured use `time.perf_counter`."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start, never decreasing: for deadlines, pauses and windows within a process."""
        ...

    def unix_ns(self) -> int:
        """Nanoseconds since 1970, UTC. The machine's clock may be set back. For times that leave the process."""
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
    """A Unix time in nanoseconds that never decreases, even if the machine's clock is set back.

    It never falls below a time passed to `raise_to`, such as the last one in the journal.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen_at = clock.monotonic()
        self._seen_ns = clock.unix_ns()

    def raise_to(self, unix_ns: int) -> None:
        """Never return less than `unix_ns` from now on; for times written under an earlier clock."""
        self._seen_at, self._seen_ns = self._clock.monotonic(), max(self.unix_ns(), unix_ns)

    def unix_ns(self) -> int:
        """The machine's clock, or the latest time seen plus the seconds since then, whichever is later."""
        passed = round((self._clock.monotonic() - self._seen_at) * 1_000_000_000)
        return max(self._clock.unix_ns(), self._seen_ns + passed)
