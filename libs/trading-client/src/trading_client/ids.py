"""Trade ids: unique across processes and restarts; those of one client ascend as text."""

from __future__ import annotations

import os
import threading


class TradeIds:
    """Makes ids from the time and 48 random bits of this object. Thread-safe."""

    def __init__(self) -> None:
        self._token = os.urandom(6).hex()
        self._last = 0
        self._lock = threading.Lock()

    def make(self, now_ns: int) -> str:
        """A new id, after all earlier ones even if the clock was set back. `now_ns` is Unix time in nanoseconds."""
        with self._lock:
            self._last = max(now_ns, self._last + 1)
            return f"c{self._last:016x}-{self._token}"
