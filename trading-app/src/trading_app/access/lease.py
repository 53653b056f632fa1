"""How long a caller may go on: to a moment, or until somebody ends it earlier."""

import asyncio
from collections.abc import Awaitable

from service_kit.clock import Clock, unix_seconds


class Lease:
    """A time to go on in. Use it from one event loop."""

    def __init__(self, until: float, clock: Clock) -> None:
        """`until` is in seconds since 1970, by `clock`."""
        self.until = until
        self._clock = clock
        self._running: set[asyncio.Timeout] = set()

    def holds(self) -> bool:
        """Whether there is time left."""
        return unix_seconds(self._clock) < self.until

    def end(self) -> None:
        """End it now, and what runs under it."""
        self.until = 0.0
        for limit in self._running:
            limit.reschedule(0.0)

    async def run(self, work: Awaitable[None]) -> bool:
        """Do the work, as far as there is time for it. Whether it came to its end."""
        try:
            async with asyncio.timeout(self.until - unix_seconds(self._clock)) as limit:
                self._running.add(limit)
                try:
                    await work
                finally:
                    self._running.discard(limit)
        except TimeoutError:
            if not limit.expired():
                raise
            return False
        return True
