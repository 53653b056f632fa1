"""Counts of observations by upper bound. No I/O."""

from bisect import bisect_left
from collections.abc import Sequence

BOUNDS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of every histogram of durations, so that they can be compared."""

BOUNDS_NS = tuple(round(bound * 1_000_000_000) for bound in BOUNDS_SECONDS)


class Histogram:
    """Counts observations in buckets, each up to and including its bound; the last bucket has no bound.

    `total` is the sum of the observations, exact if they are all integers.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` in ascending order, in the unit of the observations."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0

    def observe(self, value: float, count: int = 1) -> None:
        """Count `count` observations of this value."""
        self.counts[bisect_left(self.bounds, value)] += count
        self.total += value * count

    def observe_until(self, now: float, began: Sequence[float]) -> None:
        """Count one duration for each start time in `began`, in ascending order: from there until `now`.

        One search for each bound, instead of one for each duration: a batch ends hundreds of requests at once.
        """
        longer = len(began)
        for index, bound in enumerate(self.bounds):
            within, longer = longer, bisect_left(began, now - bound)
            self.counts[index] += within - longer
            if not longer:
                break
        self.counts[-1] += longer
        self.total += sum([now - began_at for began_at in began])
