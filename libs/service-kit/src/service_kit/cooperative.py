"""Splits long work in the event loop into slices, so that trades are applied in between."""

import asyncio
import os
import time
from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")

TURN_SECONDS = 0.001
"""How long a slice runs before others may."""

PASSES = 2
"""Iterations of the event loop between two slices: the first notices that a message has arrived, the second applies it.
With one iteration, trades that arrive during a scrape waited for three slices (docs/performance.md).
"""


class Slicer:
    """Measures the time since other tasks last ran."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def yield_if_due(self) -> None:
        """Let other tasks run if this slice has lasted TURN_SECONDS. Call it often: most calls only read a clock."""
        if time.monotonic() - self._began > TURN_SECONDS:
            os.sched_yield()  # ZeroMQ's thread may be waiting for this core to receive a message
            for _ in range(PASSES):
                await asyncio.sleep(0)
            self._began = time.monotonic()


async def run_sliced(work: Generator[None, None, Result]) -> Result:
    """Run a generator to its end and give its return value. At each `yield`, other tasks may run."""
    slicer = Slicer()
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: Result = done.value
            return result
        await slicer.yield_if_due()


def run_at_once(work: Generator[None, None, Result]) -> Result:
    """Run a generator to its end without a pause, and give its return value: no other task is waiting."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: Result = done.value
            return result
