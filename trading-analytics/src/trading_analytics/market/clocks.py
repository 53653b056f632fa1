"""How far a feed's clock is from the venues', by their live trades: quotes have no time but their receipt. No I/O."""

TOLERANCE_NS = 250_000_000
"""Differences that differ by no more are one: half of the windows' grid."""


class VenueClocks:
    """The clocks of the venues. What it knows depends on the events and their order alone."""

    def __init__(self) -> None:
        self._behind_ns: dict[str, int] = {}
        """By venue, the feed's clock minus the venue's, the delay of a trade included."""

        self._doubted: set[str] = set()
        """The venues whose last trade showed another difference: two in a row do, one alone may have a wrong time."""

        self._any_ns = 0
        """How far the last venue heard of is behind: a wrong clock of the feed is wrong for all venues."""

    def note(self, venue: str, ts_ns: int, received_at_ns: int) -> None:
        """A trade of this time, the venue's, came live at that time, the feed's."""
        difference = received_at_ns - ts_ns
        known = self._behind_ns.get(venue)
        if known is not None and -TOLERANCE_NS <= difference - known <= TOLERANCE_NS:
            if self._doubted:
                self._doubted.discard(venue)
        elif known is None or venue in self._doubted:
            self._doubted.discard(venue)
            self._any_ns = self._behind_ns[venue] = difference
        else:
            self._doubted.add(venue)

    def at(self, venue: str, received_at_ns: int) -> int:
        """The venue's time of a receipt, as far as its trades have shown it."""
        return received_at_ns - self._behind_ns.get(venue, self._any_ns)
