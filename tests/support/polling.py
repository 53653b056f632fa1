"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE_SECONDS = 60.0
"""Only a failing test waits so long: a busy machine may take ten times as long as an idle one."""


def eventually(look: Callable[[], Found], seconds: float = PATIENCE_SECONDS, what: str = "it") -> Found:
    """What `look` gives, once that is true; AssertionError if it is not in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.01)
