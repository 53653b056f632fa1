"""Runs a function that takes long beside the event loop, in a thread that does not keep the process from ending."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

Result = TypeVar("Result")


async def run_in_daemon_thread(function: Callable[[], Result], name: str) -> Result:
    """What `function` returns or raises. A cancelled caller leaves the thread running: it ends with the process.

    For work that may be killed at any time. asyncio's own executor would be waited for at the end.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def settle(set_outcome: Callable[[], object]) -> None:
        if not outcome.done():
            set_outcome()

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 -- whatever it is, the caller gets it
            deliver(partial(outcome.set_exception, error))
        else:
            deliver(partial(outcome.set_result, result))

    def deliver(set_outcome: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, set_outcome)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await outcome
