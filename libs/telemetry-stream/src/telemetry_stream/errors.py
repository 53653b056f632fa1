"""Everything this package raises.

StreamError
├── MalformedFrame       a message from outside is not of the wire contract
├── StreamClosed         the stream is shutting down; ask again later
├── Overloaded           the writer can't keep up; ask again later
└── StreamFailed         a commit failed; the stream takes nothing until the process has restarted
"""


class StreamError(Exception):
    """Base of this package's errors."""


class MalformedFrame(StreamError):
    """A frame that is not of the wire contract. `reason` is a short, stable word for counters."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class StreamClosed(StreamError):
    """The stream is shutting down. Nothing was written."""


class Overloaded(StreamError):
    """More is waiting for a commit than the writer may hold. Nothing was written; retry after a moment."""


class StreamFailed(StreamError):
    """A commit failed. Whether its events are in the journal is known only after the restart (rule 8 of the design)."""
