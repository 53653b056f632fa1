"""How long to wait before the next try."""

import random
from collections.abc import Iterator


def backoff(first: float = 0.05, factor: float = 2.0, cap: float = 2.0) -> Iterator[float]:
    """Seconds to wait, without end: growing from `first` to `cap`, each between half and all of it.

    The jitter keeps readers that lost the same peer from coming back all at once.
    """
    wait = first
    while True:
        yield wait * random.uniform(0.5, 1.0)
        wait = min(wait * factor, cap)
