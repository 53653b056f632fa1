"""Keeps a rate by deadlines: if one wait takes too long, the next one is shorter."""

import time
from collections.abc import Callable

REQUESTS_PER_SECOND = 20
"""Requests a second at a given rate: trades are sent in about this many steps."""

MAX_LAG_SECONDS = 1.0
"""After a longer stop (the app was down) the pace starts over instead of sending the missed trades in one burst."""


class Pace:
    """Limits sending to `rate` trades a second; None is no limit."""

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
    """The number of trades in a request: few enough for a steady flow at `rate`, and at most `maximum`."""
    return maximum if rate is None else max(1, min(maximum, int(rate / REQUESTS_PER_SECOND)))
