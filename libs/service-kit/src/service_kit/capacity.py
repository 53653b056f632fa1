"""A counter with a limit, for admission. Admission decides by a Capacity; metrics only read it."""


class Capacity:
    """Counts what is open against a limit. Use it from one thread."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        """A `limit` of 0 admits nothing."""
        self.limit = limit
        self.used = 0

    @property
    def full(self) -> bool:
        """Whether one more would exceed the limit."""
        return self.used >= self.limit

    def take(self) -> bool:
        """Take one place. Returns False, and takes nothing, at the limit."""
        if self.used >= self.limit:
            return False
        self.used += 1
        return True

    def release(self) -> None:
        """Give one place back."""
        self.used -= 1
