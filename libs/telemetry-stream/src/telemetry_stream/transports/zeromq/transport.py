"""The transport of ZeroMQ: a PUB socket for what is new, a ROUTER socket for what was missed."""

from collections.abc import Callable, Iterable, Mapping

import zmq

from telemetry_stream.errors import BackendMisconfigured, Part
from telemetry_stream.events import Batch, Commit, StreamPosition
from telemetry_stream.log import QueueUse, ReplayCounters, StreamReader, StreamSubscriber
from telemetry_stream.place import Place
from telemetry_stream.refusals import Obstacle
from telemetry_stream.transports.zeromq.connection_guard import ConnectionGuard
from telemetry_stream.transports.zeromq.curve import ClientKeys, ServerKeys
from telemetry_stream.transports.zeromq.publisher import Publisher
from telemetry_stream.transports.zeromq.replay_server import ReplayServer
from telemetry_stream.transports.zeromq.subscriber import Subscriber


class ZeroMqCarrier:
    """A Carrier over two bound sockets."""

    def __init__(
        self, place: Place, open_reader: Callable[[], StreamReader], on_failure: Callable[[BaseException], None]
    ) -> None:
        """Bind both. With keys both speak CURVE only. Raises BackendMisconfigured."""
        keys = ServerKeys.load(place.secret_key_file, place.client_keys) if place.secret_key_file else None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._guard = ConnectionGuard(self._context, on_failure, keys)
        part = Part.LIVE_ADDRESS
        try:
            self._publisher = Publisher(self._context, place.live_address, self._guard, place.topic)
            part = Part.REPLAY_ADDRESS
            self._replay = ReplayServer(
                self._context, place.replay_address, self._guard, place.topic, open_reader, on_failure
            )
            self._queues = {"live": self._publisher.queue.use, "replay": self._replay.queue.use}
            self._guard.watch(self._queues.values())
            self._guard.start()
        except zmq.ZMQError as error:
            self._guard.close()
            self._context.destroy(linger=0)
            raise BackendMisconfigured(part, str(error.strerror)) from error

    @property
    def replay_counters(self) -> ReplayCounters:
        """What the replay socket was asked and answered."""
        return self._replay.counters

    @property
    def queues(self) -> Mapping[str, QueueUse]:
        """What ZeroMQ keeps for readers."""
        return self._queues

    @property
    def refused_connections(self) -> dict[str, int]:
        """Connections that were refused or cut, by reason; every reason is there from the start."""
        return self._guard.refusals

    def publish(self, batches: Iterable[Batch]) -> None:
        """Send the batches in order. Never blocks."""
        self._publisher.publish(batches)

    def heartbeat(self, stream: str, last_commit: Commit | None) -> None:
        """Send the head. Never blocks."""
        self._publisher.heartbeat(stream, last_commit)

    def close(self) -> None:
        """Release the sockets. Idempotent."""
        if not self._context.closed:
            self._guard.close()
            self._replay.close()
            self._publisher.close()
            self._context.term()


class ZeroMqTransport:
    """A Transport."""

    def open(
        self, place: Place, open_reader: Callable[[], StreamReader], on_failure: Callable[[BaseException], None]
    ) -> ZeroMqCarrier:
        """Bind the sockets. Raises BackendMisconfigured."""
        return ZeroMqCarrier(place, open_reader, on_failure)

    def subscribe(
        self,
        place: Place,
        position: StreamPosition | None,
        explain: Callable[[Obstacle], str],
        recent: int | None = None,
    ) -> StreamSubscriber:
        """Dial the sockets; neither needs to be reachable yet. Raises UnusableKey."""
        keys = ClientKeys.load(place.server_key, place.secret_key_file) if place.secret_key_file else None
        return Subscriber(
            place.topic, place.live_address, place.replay_address, position, keys=keys, explain=explain, recent=recent
        )
