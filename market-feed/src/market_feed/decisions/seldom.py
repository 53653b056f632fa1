"""Says how often the same is told: a venue that sends nonsense must not fill the disk with log lines. No I/O."""

PAUSE_SECONDS = 1.0
"""Between two times that the same is told."""


class Seldom:
    """What was told, and when, in seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._next_at: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def left_out(self, what: str, now: float) -> int | None:
        """None if it is not to be told now; else the times that it was not since it was told last."""
        if now < self._next_at.get(what, float("-inf")):
            self._left_out[what] = self._left_out.get(what, 0) + 1
            return None
        self._next_at[what] = now + PAUSE_SECONDS
        return self._left_out.pop(what, 0)
