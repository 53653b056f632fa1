"""The log: numbers events in a store, then has a transport carry what was committed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from telemetry_stream.events import Result, Submission
from telemetry_stream.id_spaces import IdSpace
from telemetry_stream.log import (
    BeforeCommit,
    Carrier,
    QueueUse,
    ReplayCounters,
    Store,
    StoreCounters,
    StreamReader,
    Transport,
)
from telemetry_stream.place import Place
from telemetry_stream.tail import Tail, TailReader


class DurableLog:
    """A StreamWriter over a store and a transport: commits, then publishes; the transport answers replay requests."""

    def __init__(
        self,
        place: Place,
        store: Store,
        transport: Transport,
        on_failure: Callable[[BaseException], None],
        before_commit: BeforeCommit | None = None,
    ) -> None:
        """Open the store and bind the transport; never before a fork.

        `on_failure` is called, from another thread, if replays can no longer be answered, or subscribers let in.
        Raises BackendError.
        """
        self._folder: Path = place.folder
        self._store = store
        self._keeps_all = place.topic.retention is None
        self.tail = Tail()
        """What was committed last, for whoever reads it in this process."""
        self._writer = store.open_writer(place.folder, place.topic, before_commit)
        try:
            self._carrier: Carrier = transport.open(place, self.open_reader, on_failure)
        except BaseException:
            self._writer.close()
            raise
        self._is_open = True

    @property
    def stream(self) -> str:
        """The stream's id."""
        return self._writer.stream

    @property
    def replay_counters(self) -> ReplayCounters:
        """What subscribers asked for and were answered."""
        return self._carrier.replay_counters

    @property
    def queues(self) -> Mapping[str, QueueUse]:
        """What the transport keeps for readers, by queue."""
        return self._carrier.queues

    @property
    def refused_connections(self) -> dict[str, int]:
        """Connections that were refused or cut, by reason; every reason is there from the start."""
        return self._carrier.refused_connections

    @property
    def store_counters(self) -> StoreCounters:
        """How often and how long other programs that hold the store's lock were waited for."""
        return self._writer.counters

    def head(self) -> int:
        """The last durable sequence."""
        return self._writer.head()

    def id_spaces(self) -> Mapping[str, IdSpace]:
        """The venue ids that are known, by space; for a topic with ids, before the first `append`."""
        return self._writer.id_spaces()

    def append(self, submissions: Sequence[Submission]) -> list[Result]:
        """Commit, then publish. Raises what the store raises where the commit fails; nothing is published then."""
        outcomes, batches = self._writer.append(submissions)
        self.tail.add(batches)
        self._carrier.publish(batches)
        return outcomes

    def checkpoint_if_due(self) -> None:
        """Do what the store puts off until nobody waits. Raises as `append` does."""
        self._writer.checkpoint_if_due()

    def stop_waiting(self) -> None:
        """Raise StoreBusy at once from now on, where another program holds the store's lock."""
        self._writer.stop_waiting()

    def heartbeat(self) -> None:
        """Publish the head. Raises BackendUnavailable where the store's files were removed or replaced, and as
        checkpoint_if_due does: what another program prevented is done now.
        """
        self._writer.maintain()
        self._carrier.heartbeat(self._writer.stream, self._writer.last_commit)

    def open_reader(self) -> StreamReader:
        """Read access for the calling thread. Raises BackendUnavailable."""
        return TailReader(self.tail, self._store.open_reader(self._folder), keeps_all=self._keeps_all)

    def close(self) -> None:
        """Release the transport and the store. Idempotent."""
        if self._is_open:
            self._is_open = False
            self._carrier.close()
            self._writer.close()
