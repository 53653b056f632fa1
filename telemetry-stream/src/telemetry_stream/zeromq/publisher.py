"""Publishes committed batches on a PUB socket."""

import time
from collections.abc import Iterable

import zmq

from telemetry_stream.types import Batch
from telemetry_stream.wire import encode_batch, encode_heartbeat

HIGH_WATER_MARK = 1_000
"""Messages kept for a subscriber that does not keep up; past it ZeroMQ drops, and the subscriber asks for a replay."""

SUBSCRIPTION_BYTES = 4_096
"""What subscribers send is not longer; one that sends more is cut off."""


class Publisher:
    """A bound PUB socket. Use it from one thread at a time."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        """Bind. Raises zmq.ZMQError, for instance where the address is in use."""
        self._socket = context.socket(zmq.PUB)
        self._socket.set(zmq.SNDHWM, HIGH_WATER_MARK)
        self._socket.set(zmq.MAXMSGSIZE, SUBSCRIPTION_BYTES)
        self._socket.set(zmq.LINGER, 500)
        bind(self._socket, address)

    def publish(self, batches: Iterable[Batch]) -> None:
        """Send the batches in order. Never blocks."""
        for batch in batches:
            self._socket.send_multipart(encode_batch(batch, time.time_ns()), copy=True)

    def heartbeat(self, stream: str, head: int) -> None:
        """Send the head. Never blocks."""
        self._socket.send_multipart(encode_heartbeat(stream, head, time.time_ns()))

    def close(self) -> None:
        """Close after what is queued was sent, or half a second."""
        self._socket.close()


def bind(socket: zmq.Socket[bytes], address: str) -> None:
    """Bind, and close the socket where that fails. Raises zmq.ZMQError with the address in it."""
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        raise zmq.ZMQError(error.errno, f"{address}: {error.strerror}") from None
