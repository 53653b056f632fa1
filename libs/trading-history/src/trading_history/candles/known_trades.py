"""Which trades of a market are in its candles: each is counted once, whatever journal brings it again. No I/O."""

import msgspec

from telemetry_stream.id_spaces import IdSpace

LATER_NS = 1_000_000_000
"""A trade so much later than all that are known is none of them, also where times have other digits than before."""


class KnownTrades(msgspec.Struct):
    """The ids of the trades in the candles. `latest_ns` is the latest time of any of them, Unix time; None before the
    first. Those up to `before_ns` had other ids: the venue numbered anew.
    """

    ids: IdSpace
    latest_ns: int | None = None
    before_ns: int = 0

    def claim(self, number: int, ts_ns: int) -> bool:
        """Take a trade; False if it is in the candles already.

        None of those is later than `latest_ns`. So a later one with a known id is another one: the venue has begun to
        number anew, as test networks do each month.
        """
        latest_ns, ids = self.latest_ns, self.ids
        if ts_ns <= self.before_ns:
            return False
        if number == ids.head + 1:  # as nearly all are
            ids.head = number
        elif not ids.claim(number):
            if latest_ns is None or ts_ns <= latest_ns + LATER_NS:
                return False
            self.ids, self.before_ns = IdSpace(number), latest_ns
        if latest_ns is None or ts_ns > latest_ns:
            self.latest_ns = ts_ns
        return True

    def copy(self) -> "KnownTrades":
        """A copy of what is known now."""
        return KnownTrades(IdSpace(self.ids.head, list(self.ids.gaps)), self.latest_ns, self.before_ns)
