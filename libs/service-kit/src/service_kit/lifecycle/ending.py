"""Whether and why a program has to end."""

import asyncio
from collections.abc import Callable, Coroutine


class StartFailed(Exception):
    """The program can't start. The message says why and what to do."""


class Ending:
    """Set once, by a signal or a failure. Belongs to the event loop."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.failures: list[BaseException] = []
        self._to_call: list[Callable[[], object]] = []

    def call(self, function: Callable[[], object]) -> None:
        """Call that when the end begins."""
        self._to_call.append(function)

    def begin(self) -> None:
        """The program has to end. Idempotent."""
        if not self.begun.is_set():
            self.begun.set()
            for function in self._to_call:
                function()

    def fail(self, error: BaseException) -> None:
        """The program has to end, with exit code 1."""
        self.failures.append(error)
        self.begin()

    async def cancels(self, work: Coroutine[object, object, object]) -> None:
        """Run that until it ends, or until the end begins, which cancels it. Raises what it raises."""
        task = asyncio.ensure_future(work)
        begun = asyncio.ensure_future(self.begun.wait())
        try:
            await asyncio.wait((task, begun), return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
            task.cancel()
        if task.done() and not task.cancelled():
            task.result()
        else:
            await asyncio.wait((task,))
