"""How long a credential is valid: to a fixed time, or until it is ended earlier."""

import asyncio
from collections.abc import Awaitable

from service_kit.clock import Clock, unix_seconds


class Lease:
    """A period of validity, and the work that runs under it. Use it from one event loop."""

    def __init__(self, until: float, clock: Clock) -> None:
        """`until` is in seconds since 1970, by `clock`."""
        self.until = until
        self._clock = clock
        self._running: set[asyncio.Timeout] = set()

    def holds(self) -> bool:
        """Whether it is still valid."""
        return unix_seconds(self._clock) < self.until

    def end(self) -> None:
        """End the lease now, and cancel the work that runs under it."""
        self.until = 0.0
        for limit in self._running:
            limit.reschedule(0.0)

    async def run(self, work: Awaitable[None]) -> bool:
        """Run `work` until the lease ends. Returns whether the work completed."""
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
