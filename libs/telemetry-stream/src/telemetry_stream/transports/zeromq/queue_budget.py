"""Bounds the bytes that ZeroMQ keeps for readers that do not read: its own limits count messages, however large."""

from collections import deque

import zmq

from telemetry_stream.log import QueueUse

TRACKED_BYTES = 16_384
"""A shorter frame is copied and not counted: the limits on messages bound those, and to follow one takes longer."""


class QueueBudget:
    """The frames of one socket that ZeroMQ has not sent yet, for any reader. Use it from the socket's thread.

    pyzmq says when libzmq releases a frame, which all readers' queues share, so that what is counted is what is held.
    """

    def __init__(self, socket: zmq.Socket[bytes], max_bytes: int) -> None:
        """Makes the socket's `send(…, copy=False, track=True)` give a tracker."""
        socket.copy_threshold = TRACKED_BYTES
        self.use = QueueUse(max_bytes)
        self._held: deque[tuple[zmq.MessageTracker, int]] = deque()

    def look(self) -> bool:
        """Look what has been sent meanwhile; whether no more may be given to the socket."""
        held = self._held
        while held and held[0][0].done:
            self.use.bytes -= held.popleft()[1]
        if self.use.is_full:  # one reader may keep the first, while others have gone
            self._held = deque((tracker, size) for tracker, size in held if not tracker.done)
            self.use.bytes = sum(size for _, size in self._held)
        return self.use.is_full

    def add(self, tracker: zmq.MessageTracker, size: int) -> None:
        """Count what was given to the socket."""
        if not tracker.done:
            self._held.append((tracker, size))
            self.use.bytes += size
