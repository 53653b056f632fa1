"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE_SECONDS = 60.0
"""Only a failing test waits so long: a busy machine may take ten times as long as an idle one."""

PATIENCE_MS = round(1_000 * PATIENCE_SECONDS)
"""The same in milliseconds, the unit of ZeroMQ and Playwright."""

MAX_PAUSE_SECONDS = 0.05
"""Between two looks: a look often asks a program, and takes CPU time from what it waits for."""


def eventually(look: Callable[[], Found], seconds: float = PATIENCE_SECONDS, what: str = "it") -> Found:
    """What `look` gives, once that is true; AssertionError if it is not in time."""
    deadline, pause = time.monotonic() + seconds, 0.01
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(pause)
        pause = min(1.5 * pause, MAX_PAUSE_SECONDS)
