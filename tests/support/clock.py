"""A clock that stands still until the test moves it."""


class ManualClock:
    """A `service_kit.clock.Clock`."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def unix_ns(self) -> int:
        return round(self.now * 1_000_000_000)
