"""The memory that all request bodies that are being received may take together. No I/O."""

from service_kit.problems import Problem

SMALL_BYTES = 65_536
"""Bytes of each body that are free, so a client that exhausts the budget can't block small requests."""


class BodyBudget:
    """Shared by all connections of a server."""

    def __init__(self, max_bytes: int, setting_prefix: str) -> None:
        self.max_bytes = max_bytes
        self.taken_bytes = 0
        self.setting = f"{setting_prefix}_MAX_BODIES_BYTES"


class HeldBody:
    """What one connection holds of a body that is incomplete."""

    __slots__ = ("_budget", "_bytes", "_counted")

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._bytes = self._counted = 0

    def grow(self, size: int) -> None:
        """Count a piece. Raises Problem if the others hold too much; alone, a body may take what it needs."""
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
        """It is complete, or of no use. Idempotent."""
        self._budget.taken_bytes -= self._counted
        self._bytes = self._counted = 0
