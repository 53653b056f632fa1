"""The memory that all request bodies being received may take together. No I/O."""

from service_kit.problems import Problem

SMALL_BYTES = 65_536
"""Bytes of each body that are free, so a client that exhausts the budget can't block small requests."""


class BodyBudget:
    """Bytes in use and their maximum, shared by all connections of a server."""

    def __init__(self, max_bytes: int, setting_prefix: str) -> None:
        self.max_bytes = max_bytes
        self.taken_bytes = 0
        self.setting = f"{setting_prefix}_MAX_BODIES_BYTES"


class HeldBody:
    """The bytes that one connection holds of an incomplete body. The first SMALL_BYTES are not counted."""

    __slots__ = ("_budget", "_bytes", "_counted")

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._bytes = self._counted = 0

    def grow(self, size: int) -> None:
        """Count a piece. Raises Problem (`too_many_bodies`) if other bodies hold too much.

        A body that is alone may exceed the budget: else one that is larger than the budget could never be received.
        """
        self._bytes += size
        more = self._bytes - SMALL_BYTES - self._counted
        if more <= 0:
            return
        budget = self._budget
        if budget.taken_bytes > self._counted and budget.taken_bytes + more > budget.max_bytes:
            detail = f"bodies being received take {budget.taken_bytes} of {budget.max_bytes} bytes ({budget.setting})"
            raise Problem("too_many_bodies", detail, retry_after=1)
        budget.taken_bytes += more
        self._counted += more

    def release(self) -> None:
        """Give the bytes back: the body is complete, or will not be used. Idempotent."""
        self._budget.taken_bytes -= self._counted
        self._bytes = self._counted = 0
