"""What a stream is about: its name on the wire, how it recognises a repetition, and how long it keeps its events."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


KeyOf = Callable[[bytes], str | None]
"""Gives the key of a numbered event as its program makes it; None if it can't. Raises ValueError for a non-event."""

KeyRules = tuple[KeyOf, ...]
"""How a program has made the keys of its events so far: version N is at index N - 1, the last one holds.

A store keeps with its keys by which version they were made, and makes them again from the events if there is a later.
"""


class Deduplication(Enum):
    """How a stream recognises an event that it has already."""

    KEYS = "keys"
    """By an index of all keys: any text is a key. The index grows with the stream."""

    IDS = "ids"
    """By a venue's ascending ids: a key is `SPACE#ID`, and per space the head and the gaps are kept."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept. Rows that are past either bound are removed, the oldest first."""

    max_age_seconds: int
    max_bytes: int
    """Bytes of stored rows."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One stream's name, and the first frames of its messages.

    Subscribing to the prefix `name` brings batches and heartbeats. It brings other topics that begin with the same
    letters too, which readers pass over. `name` is at most 63 lower-case letters, digits and hyphens; anything else
    raises ValueError, and so does a `retention` with keys, whose index covers the whole history. Without `retention`
    everything is kept for ever.
    """

    name: str
    deduplication: Deduplication = Deduplication.KEYS
    retention: Retention | None = None
    key_rules: KeyRules = ()
    batches: bytes = field(init=False)
    heartbeats: bytes = field(init=False)
    errors: bytes = field(init=False)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a topic: use lower-case letters, digits and hyphens")
        if self.retention is not None and self.deduplication is Deduplication.KEYS:
            raise ValueError(f"{self.name}: only a topic with ids can remove old events")
        for frame, suffix in (("batches", ""), ("heartbeats", ".heartbeat"), ("errors", ".error")):
            object.__setattr__(self, frame, f"{self.name}{suffix}".encode())

    def has(self, frame: bytes) -> bool:
        """Whether a message that begins with this frame is of this topic."""
        return frame in (self.batches, self.heartbeats, self.errors)
