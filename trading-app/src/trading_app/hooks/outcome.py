"""What became of a message. No I/O."""

from dataclasses import dataclass

import msgspec

from trading_app.hooks.kept import Kept


class Counts(msgspec.Struct, frozen=True):
    """How many trades and events of a message are new, how many were known; their lowest and highest sequence."""

    accepted: int
    duplicates: int
    first_seq: int
    last_seq: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            min(self.first_seq, other.first_seq),
            max(self.last_seq, other.last_seq),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message: `accepted`, `known`, `ignored`, `waiting` or `unread`, with what belongs to it."""

    status: str
    counts: Counts | None = None
    reason: str = ""
    kept: Kept | None = None
