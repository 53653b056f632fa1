"""What a part of the torture reports."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """What was really done, with its counts, and what was seen. A broken promise is an AssertionError instead."""

    done: str
    seen: str


def scaled(count: int, scale: float) -> int:
    """So many at that scale, at least one."""
    return max(round(count * scale), 1)
