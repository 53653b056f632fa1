"""Limits the bytes that ZeroMQ queues for slow readers: its own limits count messages of any size."""

from collections import deque

import zmq

from telemetry_stream.log import QueueUse

TRACKED_BYTES = 16_384
"""Shorter frames are copied and not counted: limits on messages bound them, and a tracker costs more than the copy."""


class QueueBudget:
    """The frames of one socket that ZeroMQ still holds for any reader. Use it from the socket's thread.

    All readers' queues share a frame. pyzmq's tracker shows when libzmq releases it, so the count is the memory held.
    """

    def __init__(self, socket: zmq.Socket[bytes], max_bytes: int) -> None:
        """Makes the socket's `send(…, copy=False, track=True)` give a tracker."""
        socket.copy_threshold = TRACKED_BYTES
        self.use = QueueUse(max_bytes)
        self._held: deque[tuple[zmq.MessageTracker, int]] = deque()

    def look(self) -> bool:
        """Update the count; True if the socket may not get more now."""
        held = self._held
        while held and held[0][0].done:
            self.use.bytes -= held.popleft()[1]
        if self.use.is_full:  # frames behind the first one may be free too: one slow reader keeps the first
            self._held = deque((tracker, size) for tracker, size in held if not tracker.done)
            self.use.bytes = sum(size for _, size in self._held)
        return self.use.is_full

    def add(self, tracker: zmq.MessageTracker, size: int) -> None:
        """Count a frame that was given to the socket."""
        if not tracker.done:
            self._held.append((tracker, size))
            self.use.bytes += size
