"""Long work in the event loop is done in turns, so that trades are applied in between."""

import asyncio
import os
import time
from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")

TURN_SECONDS = 0.001

PASSES = 2
"""Of the event loop between two turns: in the first it sees that a message is there, in the second that is applied.
With one, the trades that come meanwhile wait for three turns.
"""


class Slicer:
    """Counts the time since the others last ran."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def yield_if_due(self) -> None:
        """Let the others run if this turn has been long enough. Call it often: it costs next to nothing."""
        if time.monotonic() - self._began > TURN_SECONDS:
            os.sched_yield()  # to ZeroMQ's thread, which may be waiting for this core to bring a message in
            for _ in range(PASSES):
                await asyncio.sleep(0)
            self._began = time.monotonic()


async def run_sliced(work: Generator[None, None, Result]) -> Result:
    """What the work returns; where it yields, others may get a turn."""
    slicer = Slicer()
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: Result = done.value
            return result
        await slicer.yield_if_due()
