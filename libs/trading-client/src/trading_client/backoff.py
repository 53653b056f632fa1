"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from collections.abc import Iterator


def backoff(first: float = 0.1, cap: float = 10.0) -> Iterator[float]:
    """Seconds to wait, without end: from `first`, doubling up to `cap`, each between half and all of it."""
    wait = first
    while True:
        yield wait * random.uniform(0.5, 1.0)
        wait = min(wait * 2, cap)
