"""Publishes committed batches on a PUB socket."""

import time
from collections.abc import Iterable

import zmq

from telemetry_stream.events import Batch, Commit
from telemetry_stream.topics import Topic
from telemetry_stream.transports.zeromq.connection_guard import ConnectionGuard
from telemetry_stream.transports.zeromq.queue_budget import TRACKED_BYTES, QueueBudget
from telemetry_stream.transports.zeromq.sockets import bind
from telemetry_stream.wire import encode_batch, encode_heartbeat

HIGH_WATER_MARK = 1_000
"""Maximum number of messages queued for a slow subscriber. Beyond it ZeroMQ drops; the subscriber requests a replay."""

QUEUE_BYTES = 33_554_432
"""Maximum bytes of large messages that subscribers have not read. Beyond it batches are dropped until some are read, or
until the subscriber that is furthest behind is cut.
"""

# An int, and frames sent one by one: pyzmq's `send_multipart` combines enum flags per frame, which takes longer than
# everything else in it.
_MORE = int(zmq.SNDMORE)

SUBSCRIPTION_BYTES = 4_096
"""Maximum length of what a subscriber sends; a longer message ends its connection."""


class Publisher:
    """A bound PUB socket. Use it from one thread at a time."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], address: str, gatekeeper: ConnectionGuard, topic: Topic
    ) -> None:
        """Bind. Raises zmq.ZMQError, for instance where the address is in use."""
        self._topic = topic
        self._socket = context.socket(zmq.PUB)
        self._socket.set(zmq.SNDHWM, HIGH_WATER_MARK)
        self._socket.set(zmq.MAXMSGSIZE, SUBSCRIPTION_BYTES)
        self._socket.set(zmq.LINGER, 500)
        self.queue = QueueBudget(self._socket, QUEUE_BYTES)
        gatekeeper.guard(self._socket)
        bind(self._socket, address)

    def publish(self, batches: Iterable[Batch]) -> None:
        """Send the batches in order. Never blocks. Drops batches while too much is unread: subscribers see a gap."""
        for batch in batches:
            if self.queue.look():
                self.queue.use.refused += 1
                continue
            topic, header, body = encode_batch(self._topic, batch, time.time_ns())
            self._socket.send(topic, _MORE)
            self._socket.send(header, _MORE)
            if len(body) < TRACKED_BYTES:
                self._socket.send(body)
            else:
                self.queue.add(self._socket.send(body, copy=False, track=True), len(body))

    def heartbeat(self, stream: str, last_commit: Commit | None) -> None:
        """Send the head. Never blocks."""
        self.queue.look()
        head = last_commit.last if last_commit else 0
        self._socket.send_multipart(encode_heartbeat(self._topic, stream, head, time.time_ns(), last_commit))

    def close(self) -> None:
        """Close after what is queued was sent, or half a second."""
        self._socket.close()
