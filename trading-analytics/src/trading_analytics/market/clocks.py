"""How far a feed's clock is from the venues', by their live trades: quotes have no time but their receipt. No I/O."""

from collections import defaultdict, deque

REMEMBERED = 3
"""Differences of the last trades, of which the middle one counts: one wrong time changes nothing."""


class VenueClocks:
    """The clocks of the venues. What it knows depends on the events and their order alone."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._behind_ns: dict[str, int] = {}
        self._last_ns = 0
        """How far the last venue heard of is behind: a wrong clock of the feed is wrong for all venues."""

    def note(self, venue: str, ts_ns: int, received_at_ns: int) -> None:
        """A trade of this time, the venue's, came live at that time, the feed's."""
        seen = self._seen[venue]
        seen.append(received_at_ns - ts_ns)
        self._last_ns = self._behind_ns[venue] = sorted(seen)[len(seen) // 2]

    def at(self, venue: str, received_at_ns: int) -> int:
        """The venue's time of a receipt, as far as its trades have shown it."""
        return received_at_ns - self._behind_ns.get(venue, self._last_ns)
