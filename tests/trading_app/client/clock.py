"""Time that passes when somebody sleeps."""


class Clock:
    """A clock and its sleep; `slept` lists the waits, in seconds."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.slept.append(seconds)
        self.now += seconds
