"""Whether an instrument's trades are current: live, quiet, stale, halted, closed or unknown. No I/O.

A silent market is quiet only if the venue says so: its own last trade is the last one here. Times are seconds of a
monotonic clock.
"""

from typing import Literal

State = Literal["live", "quiet", "stale", "halted", "closed", "unknown"]
NAMED_SECONDS = 3.0
"""Venues name their last trade each second."""

STATES: tuple[State, ...] = ("live", "quiet", "stale", "halted", "closed", "unknown")


class Freshness:
    """The signs of life of one instrument."""

    def __init__(self, stale_seconds: float, now: float) -> None:
        """A market that gives no sign for `stale_seconds` is stale."""
        self._stale_seconds = stale_seconds
        self._began_at = now
        self._trade_at = self._head_at = float("-inf")
        self._behind_since: float | None = None
        self.head = 0
        """The venue's own last single trade; 0 if unknown."""

        self.is_halted = False
        self.is_closed = False

    def note_trade(self, now: float) -> None:
        """A trade came from the live stream."""
        self._trade_at = now
        self._behind_since = None

    def note_head(self, head: int, last_single_id: int, now: float) -> None:
        """The venue named its last trade; `last_single_id` is the last one here, 0 if unknown."""
        if head <= 0:
            return
        self.head, self._head_at = head, now
        if not last_single_id or head <= last_single_id:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now

    def named_head(self, now: float) -> int:
        """The venue's own last single trade as it has named it just now; 0 if it has not."""
        return self.head if now - self._head_at < NAMED_SECONDS else 0

    def begin(self, now: float) -> None:
        """Count from now: the market was just subscribed to."""
        self._began_at = now
        self._behind_since = None

    def state(self, now: float) -> State:
        """The state now."""
        if self.is_closed:
            return "closed"
        if self.is_halted:
            return "halted"
        if self._behind_since is not None and now - self._behind_since >= self._stale_seconds:
            return "stale"
        if now - self._trade_at < self._stale_seconds:
            return "live"
        if now - self._head_at < self._stale_seconds:
            return "quiet"
        if now - self._began_at < self._stale_seconds:
            return "unknown"
        return "stale"


class GrowingPause:
    """How long to wait before the same is tried again for mute markets: each time longer, until it was not needed."""

    FIRST, LONGEST = 60.0, 3_600.0

    def __init__(self) -> None:
        self._next_at = float("-inf")
        self._seconds = self.FIRST

    def is_over(self, now: float) -> bool:
        """Whether it may be tried now; the next pause then begins."""
        if now < self._next_at:
            return False
        self._next_at = now + self._seconds
        self._seconds = min(2 * self._seconds, self.LONGEST)
        return True

    def reset(self) -> None:
        """Begin with the shortest pause again: none was needed."""
        self._seconds = self.FIRST
