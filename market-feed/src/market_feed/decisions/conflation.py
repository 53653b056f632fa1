"""Passes on at most one quote in some time: the newest. No I/O. Times are seconds of a monotonic clock."""

from market_feed.market import Quote


class Conflation:
    """The quotes of one instrument."""

    def __init__(self, seconds: float) -> None:
        """At most one within `seconds`; with 0 each is passed on."""
        self._seconds = seconds
        self._next_at = float("-inf")
        self._waiting: Quote | None = None

    def take(self, quote: Quote, now: float) -> Quote | None:
        """The quote, if it may be passed on now; else it takes the place of the one that waits."""
        if now >= self._next_at:
            self._waiting = None
            self._next_at = now + self._seconds
            return quote
        self._waiting = quote
        return None

    def due(self, now: float) -> Quote | None:
        """The one that waits, once it may be passed on."""
        waiting = self._waiting
        return None if waiting is None else self.take(waiting, now)
