"""What a stream is about, as its messages name it."""

import re

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


class Topic:
    """One stream's name, and the first frames of its messages.

    Subscribing to the prefix `name` brings batches and heartbeats. It brings other topics that begin with the same
    letters too, which readers pass over.
    """

    __slots__ = ("batches", "errors", "heartbeats", "name")

    def __init__(self, name: str) -> None:
        """`name` is at most 63 lower-case letters, digits and hyphens. Raises ValueError."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a topic: use lower-case letters, digits and hyphens")
        self.name = name
        self.batches = name.encode()
        self.heartbeats = b"%b.heartbeat" % self.batches
        self.errors = b"%b.error" % self.batches

    def has(self, frame: bytes) -> bool:
        """Whether a message that begins with this frame is of this topic."""
        return frame in (self.batches, self.heartbeats, self.errors)

    def __repr__(self) -> str:
        return f"Topic({self.name!r})"
