"""A projection: a fold over one or more streams, and how far it has come, kept together.

What is derived from streams (positions, history, alerts) has one shape: a fold, a position in each stream, and a place
where both are saved at once, so that after any kill each event counts once. In a file both are written whole
(`StateFile`). In a database the positions go into the caller's own transaction (`PositionTable`).
"""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from telemetry_stream.durable_files import replacing
from telemetry_stream.errors import UnusableState
from telemetry_stream.events import Arrival, Batch, Delivery, Reset, StreamPosition
from telemetry_stream.log import StreamSubscriber

State = TypeVar("State")

Positions = Mapping[str, StreamPosition]
"""How far a projection has come, by the name of the topic."""


class Fold(Protocol):
    """State that is computed from events."""

    def apply(self, topic: str, batch: Batch, skip: int, *, replayed: bool) -> None:
        """Apply the batch's events but for the first `skip`, which are applied already."""

    def start_over(self, topic: str, reset: Reset) -> None:
        """Drop the topic's part of the state: the events of the stream that `reset` names follow, from the first."""


class Projection:
    """Feeds a fold with the deliveries of its subscribers. Between two deliveries, fold and positions match."""

    def __init__(self, fold: Fold, subscribers: Mapping[str, StreamSubscriber]) -> None:
        """`subscribers`, by topic, begin at the positions that `fold` stands for."""
        self._fold = fold
        self._subscribers = subscribers

    @property
    def positions(self) -> Positions:
        """How far the fold has come."""
        return {topic: subscriber.position for topic, subscriber in self._subscribers.items()}

    async def follow(self, topic: str) -> None:
        """Follow one topic, until its subscriber is closed. One task for each topic, all in one event loop."""
        async for delivery in self._subscribers[topic].deliveries():
            self.take(topic, delivery)

    def take(self, topic: str, delivery: Delivery) -> None:
        """Apply one delivery."""
        # No await here: a save that ran in the middle would store a position and a state that do not match (rule 5).
        if isinstance(delivery, Arrival):
            self._fold.apply(topic, delivery.batch, delivery.skip, replayed=delivery.replayed)
        else:
            self._fold.start_over(topic, delivery)


class StateFile(Generic[State]):
    """The saved state of a fold with its positions, in one file. One process uses it, one save at a time.

    A file is one line, `MAGIC VERSION CHECKSUM`, and the body. The checksum covers all that follows the line. A file
    that is torn, altered or of another version of the fold is not used: the fold is rebuilt from its streams.
    """

    def __init__(self, path: Path, magic: bytes, version: int, decode: Callable[[bytes], State]) -> None:
        """`version` is the fold's: raise it when the same events give another state.

        `decode` makes the state of a body, or raises UnusableState. Raises OSError if the folder can't be made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.bytes = 0
        """The size of what was loaded or saved last."""

        self.refused = 0
        """Loads that failed."""

        self._magic = magic
        self._decode = decode
        self._version = version
        self._fresh = path.with_name(f"{path.name}.new")

    def load(self) -> State | None:
        """The state, None if there is no file. Raises UnusableState, OSError."""
        try:
            content = self.path.read_bytes()
            self.bytes = len(content)
            return self.decode(content)
        except FileNotFoundError:
            return None
        except (UnusableState, OSError):
            self.refused += 1
            raise

    def save(self, pieces: Iterable[bytes]) -> None:
        """Replace the saved body. Returns when the new one is on disk; raises OSError.

        Whenever this stops, killed or failed, the folder holds the earlier file or the new one, whole.
        """
        body = list(pieces)  # read twice: the checksum stands before the body
        with replacing(self.path, self._fresh) as file:
            file.write(b"%b %d %b\n" % (self._magic, self._version, _checksum(body)))
            file.writelines(body)
            written = file.tell()
        self.bytes = written

    def decode(self, content: bytes) -> State:
        """The state that a file with this content holds. Raises UnusableState."""
        line, newline, body = content.partition(b"\n")
        words = line.split(b" ")
        if not newline or len(words) != 3 or words[0] != self._magic:
            raise UnusableState("it does not begin as a saved state does")
        # Before the checksum: a file of another version is intact, and its message must say so.
        if words[1] != b"%d" % self._version:
            raise UnusableState(f"it is of version {words[1].decode(errors='replace')}, not {self._version}")
        if words[2] != _checksum([body]):
            raise UnusableState("it is torn or was changed: its checksum does not match")
        return self._decode(body)


def _checksum(pieces: Iterable[bytes]) -> bytes:
    digest = blake2b(digest_size=16)
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest().encode()


class Connection(Protocol):
    """A database connection, as far as it is used here: `sqlite3`, `apsw` and others have it."""

    def execute(self, statement: str, values: Any = ..., /) -> Any:
        """Run one statement."""


class _Row(NamedTuple):
    topic: str
    version: int
    position: str


class PositionTable:
    """The positions of a fold that keeps its state in a database, in a table beside that state.

    Every statement runs on the caller's connection, within the transaction that changes the state.
    """

    def __init__(self, connection: Connection, version: int) -> None:
        """`version` is the fold's. Makes the table if it is missing."""
        self._version = version
        connection.execute(
            "CREATE TABLE IF NOT EXISTS position (topic TEXT PRIMARY KEY, version INTEGER NOT NULL, at TEXT NOT NULL)"
            " STRICT"
        )

    def load(self, connection: Connection) -> Positions:
        """The positions. Raises UnusableState where another version of the fold made the state."""
        rows = [_Row(*row) for row in connection.execute("SELECT topic, version, at FROM position").fetchall()]
        others = {row.version for row in rows} - {self._version}
        if others:
            raise UnusableState(f"it is of version {min(others)}, not {self._version}")
        return {row.topic: msgspec.json.decode(row.position, type=StreamPosition) for row in rows}

    def save(self, connection: Connection, positions: Positions) -> None:
        """Keep the positions."""
        for topic, position in positions.items():
            values = (topic, self._version, msgspec.json.encode(position).decode())
            # Two statements, since databases differ in how they spell an upsert; the caller's transaction joins them.
            connection.execute("DELETE FROM position WHERE topic = ?", (topic,))
            connection.execute("INSERT INTO position VALUES (?, ?, ?)", values)
