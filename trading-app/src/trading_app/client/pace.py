"""Keeps a rate, by deadlines: what a wait takes too long, the next one makes up for."""

import time
from collections.abc import Callable

REQUESTS_PER_SECOND = 20
"""At a rate that is given, trades go out in about so many steps a second."""

MAX_LAG_SECONDS = 1.0
"""After a longer stop (the app was away) the pace starts anew instead of sending what was missed in one burst."""


class Pace:
    """Lets `rate` trades a second pass, or all of them at once if it is None."""

    def __init__(
        self,
        rate: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._due = float("-inf")

    def wait(self, trades: int) -> None:
        """Wait until the next `trades` are due."""
        if self._rate is None:
            return
        now = self._clock()
        if now - self._due > MAX_LAG_SECONDS:
            self._due = now
        if self._due > now:
            self._sleep(self._due - now)
        self._due += trades / self._rate


def batch_size(rate: float | None, maximum: int) -> int:
    """How many trades a request takes at a rate: few enough for a steady flow, and never more than `maximum`."""
    return maximum if rate is None else max(1, min(maximum, int(rate / REQUESTS_PER_SECOND)))
