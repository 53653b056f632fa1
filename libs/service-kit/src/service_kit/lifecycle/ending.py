"""Whether and why a program has to end."""

import asyncio
from collections.abc import Callable, Coroutine


class StartFailed(Exception):
    """The program can't start. The message says why and what to do."""


class Ending:
    """The request to end, made once by a signal or a failure. Used from the event loop only."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.failures: list[BaseException] = []
        self._to_call: list[Callable[[], object]] = []

    def call(self, function: Callable[[], object]) -> None:
        """Call `function` when the end begins."""
        self._to_call.append(function)

    def begin(self) -> None:
        """Ask the program to end. Idempotent."""
        if not self.begun.is_set():
            self.begun.set()
            for function in self._to_call:
                function()

    def fail(self, error: BaseException) -> None:
        """Ask the program to end with exit code 1."""
        self.failures.append(error)
        self.begin()

    async def cancels(self, work: Coroutine[object, object, object]) -> None:
        """Run `work` until it returns or the end begins; the end cancels it. Raises what it raises."""
        task = asyncio.ensure_future(work)
        begun = asyncio.ensure_future(self.begun.wait())
        try:
            await asyncio.wait((task, begun), return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
            task.cancel()
        if task.done() and not task.cancelled():
            task.result()  # raises the error of the work
        else:
            await asyncio.wait((task,))  # its `finally` blocks run before the caller goes on
