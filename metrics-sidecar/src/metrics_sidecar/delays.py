"""How long trades take from their publication to the state."""

from bisect import bisect_left

BOUNDS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BOUNDS_NS = tuple(round(bound * 1_000_000_000) for bound in BOUNDS_SECONDS)


class DelayHistogram:
    """Counts delays in buckets, each up to and including its bound; the last has none."""

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS_NS) + 1)
        self.sum_ns = 0

    def observe(self, delay_ns: int, count: int) -> None:
        """Count `count` trades with this delay. A clock that was set back makes no negative delays."""
        delay_ns = max(delay_ns, 0)
        self.counts[bisect_left(_BOUNDS_NS, delay_ns)] += count
        self.sum_ns += delay_ns * count
