"""What keeps a reader from a stream: short, stable words for counters and messages."""

from dataclasses import dataclass

UNKNOWN_KEY = "unknown_key"
OTHER_MECHANISM = "other_mechanism"
WRONG_SERVER_KEY = "wrong_server_key"
MALFORMED = "malformed_handshake"
UNFINISHED = "unfinished_handshake"
DISCONNECTED = "disconnected"
"""A connection ended without a reason."""

REASONS = (UNKNOWN_KEY, WRONG_SERVER_KEY, OTHER_MECHANISM, MALFORMED, UNFINISHED)
"""Why a connection is refused."""

DAMAGED_HISTORY = "damaged_history"
"""What has to be read next can't be read by the writer either."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the writer does not talk to a reader, or can't answer it: one of REASONS, or DAMAGED_HISTORY.

    `public_key` is the reader's own, None without keys. `detail` says more, for people.
    """

    reason: str
    public_key: str | None = None
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason
