"""Everything this package raises.

StreamError
├── MalformedFrame            a message from outside is not of the wire contract
├── DamagedHistory            stored events can't be read back; others can
├── StreamClosed              the stream is shutting down; ask again later
├── StoreBusy                 another program holds the store's lock; ask again later
├── Overloaded                the writer can't keep up; ask again later
├── StreamFailed              a commit failed; the stream takes nothing until the process has restarted
├── UnusableState             a saved state is torn, altered, or of another version of its fold
└── BackendError              a store or a transport can't be used
    ├── BackendUnavailable    the system refused: no such folder, a full disk, a file that can't be read
    │   ├── JournalInUse      another process writes the journal
    │   ├── ForeignJournal    the file is not a journal, or one of a later version
    │   ├── JournalReplaced   a file of the open journal was removed or replaced
    │   ├── KeysMissing       the journal does not have the key of each event
    │   └── BackupFailed      no copy was made, or nothing was put back
    └── BackendMisconfigured  a setting can't be used; `part` says which
        └── UnusableKey       a key or its file can't be used
"""

from enum import Enum


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


class StoreBusy(StreamError):
    """Another program holds the store's lock, for longer than was waited. Nothing was written; retry after a moment."""


class Overloaded(StreamError):
    """More is waiting for a commit than the writer may hold. Nothing was written; retry after a moment."""


class StreamFailed(StreamError):
    """A commit failed. Only the restart shows whether its events are in the journal: docs/architecture.md, rule 8."""


class UnusableState(StreamError):
    """A saved state can't be used; the message says why. What it stands for is rebuilt from the streams."""


class BackendError(StreamError):
    """A store or a transport can't be used. The message says why and what to do."""


class BackendUnavailable(BackendError):
    """The system refused what the store or the transport needs."""


class JournalReplaced(BackendUnavailable):
    """A file of the open journal was removed or replaced. The message names it and says what to do."""


class JournalInUse(BackendUnavailable):
    """Another process has the journal open to write."""


class ForeignJournal(BackendUnavailable):
    """The file is not a journal of ours, or one of a later version. The message says which and what to do."""


class KeysMissing(BackendUnavailable):
    """The journal does not have the key of each event. The message says what to do."""


class BackupFailed(BackendUnavailable):
    """No copy was made, or nothing was put back; the message says why."""


class Part(Enum):
    """What of a stream's place a setting decides."""

    LIVE_ADDRESS = "live_address"
    REPLAY_ADDRESS = "replay_address"
    KEYS = "keys"


class BackendMisconfigured(BackendError):
    """A setting can't be used. The caller knows which setting of its own decides `part`."""

    def __init__(self, part: Part, detail: str) -> None:
        super().__init__(detail)
        self.part = part


class UnusableKey(BackendMisconfigured):
    """A key or its file can't be used. The message names the file and what to do, and never shows a key."""

    def __init__(self, detail: str) -> None:
        super().__init__(Part.KEYS, detail)
