"""The memory that all bodies on their way may take together."""

from service_kit.problems import Problem

SMALL_BYTES = 65_536
"""So much of each body is not counted: whoever fills the room keeps nobody from sending single trades."""


class BodyBudget:
    """Shared by all connections."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.taken_bytes = 0


class HeldBody:
    """What one connection holds of a body that has not come to its end."""

    __slots__ = ("_bytes", "_counted", "_room")

    def __init__(self, room: BodyBudget) -> None:
        self._room = room
        self._bytes = self._counted = 0

    def grow(self, size: int) -> None:
        """Make room for a piece. Raises Problem where others take too much; alone, a body may take what it needs."""
        self._bytes += size
        more = self._bytes - SMALL_BYTES - self._counted
        if more <= 0:
            return
        room = self._room
        if room.taken_bytes > self._counted and room.taken_bytes + more > room.max_bytes:
            detail = f"those on their way take {room.taken_bytes} bytes, {room.max_bytes} are there for them"
            raise Problem("too_many_bodies", f"{detail} (WEBAPP_MAX_BODIES_BYTES)", retry_after=1)
        room.taken_bytes += more
        self._counted += more

    def release(self) -> None:
        """It is complete, or of no use. Idempotent."""
        self._room.taken_bytes -= self._counted
        self._bytes = self._counted = 0
