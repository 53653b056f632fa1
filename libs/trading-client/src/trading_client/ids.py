"""Trade ids: unique across processes and restarts; those of one client ascend as text."""

from __future__ import annotations

import itertools
import os
import time


class TradeIds:
    """Makes ids from the time, 48 random bits of this object, and a count. Thread-safe."""

    def __init__(self) -> None:
        self._token = os.urandom(6).hex()
        self._count = itertools.count()
        self._begin_ns = time.time_ns() - time.monotonic_ns()  # so that a clock that is set back makes no smaller ids

    def make(self) -> str:
        """A new id."""
        return f"c{self._begin_ns + time.monotonic_ns():016x}-{self._token}-{next(self._count):08x}"
