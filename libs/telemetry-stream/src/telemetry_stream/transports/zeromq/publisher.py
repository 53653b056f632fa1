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
"""Messages kept for a subscriber that does not keep up; past it ZeroMQ drops, and the subscriber asks for a replay."""

QUEUE_BYTES = 33_554_432
"""Of large messages that subscribers have not read yet. Past it nothing more is sent until they are read, or until the
subscriber that reads least is cut.
"""

_MORE = int(zmq.SNDMORE)  # pyzmq's own way to send frames adds flags up for each, which takes longer than the rest

SUBSCRIPTION_BYTES = 4_096
"""What subscribers send is not longer; one that sends more is cut off."""


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
        """Send the batches in order. Never blocks. Drops them while readers leave too much unread: these see a gap."""
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
