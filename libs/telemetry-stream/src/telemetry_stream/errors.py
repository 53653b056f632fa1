"""Everything this package raises.

StreamError
├── MalformedFrame       a message from outside is not of the wire contract
├── DamagedHistory       stored events can't be read back; others can
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


class DamagedHistory(StreamError):
    """The stored events `first` to `last` can't be read back. Those before and after them can, and more can be written.

    A retry gives the same, until the store is replaced by a sound copy.
    """

    def __init__(self, first: int, last: int, detail: str = "") -> None:
        super().__init__(f"sequences {first} to {last} can't be read" + (f": {detail}" if detail else ""))
        self.first = first
        self.last = last


class StreamClosed(StreamError):
    """The stream is shutting down. Nothing was written."""


class Overloaded(StreamError):
    """More is waiting for a commit than the writer may hold. Nothing was written; retry after a moment."""


class StreamFailed(StreamError):
    """A commit failed. Whether its events are in the journal is known only after the restart (rule 8 of the design)."""
