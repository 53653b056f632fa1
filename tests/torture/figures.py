"""What a part of the torture reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figures:
    """What was done and seen: in words for the document, and in `counts` for tests to assert on.

    `seconds` has what took how long at most, and the limit that `make torture` judges it by: `make test` judges no
    duration. Any other broken promise is an AssertionError instead.
    """

    done: str
    seen: str
    counts: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def assert_quick(self) -> None:
        """AssertionError for what took longer than its limit."""
        slow = [
            f"{what}: {taken:.2f} s, {limit} allowed" for what, (taken, limit) in self.seconds.items() if taken > limit
        ]
        assert not slow, "; ".join(slow)


def scaled(count: int, scale: float) -> int:
    """So many at that scale, at least one."""
    return max(round(count * scale), 1)
