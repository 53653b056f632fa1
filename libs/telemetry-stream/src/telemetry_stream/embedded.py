"""The stream of one machine: SQLite keeps it, ZeroMQ carries it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import zmq

from telemetry_stream.events import Result, Submission
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.topics import Topic
from telemetry_stream.transports.zeromq.connection_guard import ConnectionGuard
from telemetry_stream.transports.zeromq.curve import ServerKeys
from telemetry_stream.transports.zeromq.publisher import Publisher
from telemetry_stream.transports.zeromq.replay_server import ReplayCounters, ReplayServer


class EmbeddedStream:
    """A StreamWriter: commits to the journal, then publishes; answers replay requests in a thread of its own."""

    def __init__(
        self,
        topic: Topic,
        folder: Path,
        publisher_address: str,
        replay_address: str,
        on_failure: Callable[[BaseException], None],
        keys: ServerKeys | None = None,
    ) -> None:
        """Open the journal and bind both sockets; never before a fork. With `keys` both speak CURVE only.

        `on_failure` is called, from another thread, if replays can no longer be answered, or subscribers let in.
        Raises JournalInUse, ForeignJournal, apsw.Error, OSError for the journal, zmq.ZMQError for the sockets.
        """
        self._folder = folder
        self._journal = Journal(folder)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._gatekeeper = ConnectionGuard(self._context, on_failure, keys)
        try:
            self._publisher = Publisher(self._context, publisher_address, self._gatekeeper, topic)
            self._replay = ReplayServer(
                self._context, replay_address, self._gatekeeper, topic, self.open_reader, on_failure
            )
            self._gatekeeper.start()
        except zmq.ZMQError:
            self._gatekeeper.close()
            self._context.destroy(linger=0)
            self._journal.close()
            raise

    @property
    def stream(self) -> str:
        """The journal's id."""
        return self._journal.stream

    @property
    def replay_counters(self) -> ReplayCounters:
        """What the replay socket was asked and answered."""
        return self._replay.counters

    @property
    def refused_connections(self) -> dict[str, int]:
        """Connections that were refused or cut, by reason; every reason is there from the start."""
        return self._gatekeeper.refusals

    def head(self) -> int:
        """The last durable sequence."""
        return self._journal.head()

    def append(self, submissions: Sequence[Submission]) -> list[Result]:
        """Commit, then publish. Raises apsw.Error or OSError where the commit fails; nothing is published then."""
        outcomes, batches = self._journal.append(submissions)
        self._publisher.publish(batches)
        return outcomes

    def checkpoint_if_due(self) -> None:
        """Keep the journal's write-ahead log short. Raises apsw.Error or OSError."""
        self._journal.checkpoint_if_due()

    def heartbeat(self) -> None:
        """Publish the head."""
        self._publisher.heartbeat(self._journal.stream, self._journal.head())

    def open_reader(self) -> JournalReader:
        """Read access for the calling thread."""
        return JournalReader(self._folder)

    def close(self) -> None:
        """Release the sockets and the journal. Idempotent."""
        if not self._context.closed:
            self._gatekeeper.close()
            self._replay.close()
            self._publisher.close()
            self._context.term()
            self._journal.close()
