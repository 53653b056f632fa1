"""Cuts connections that send more than any subscriber does, and those that read least where too much is unread.

libzmq bounds a frame and the number of whole messages, but not a message of endless frames: it keeps what has arrived
of it until the last one comes. So the bytes of each connection are counted, as TCP does (Linux; elsewhere only the
connections are).
"""

import fcntl
import os
import socket
import struct
import sys
import termios
from collections.abc import Callable
from contextlib import suppress

MAX_CONNECTIONS = 256
"""Further ones are cut at once, or strangers could take all file descriptors of the process."""

MAX_BYTES = 4 * 1024 * 1024
"""What one connection may send in its life: tens of thousands of requests. Empty frames take 30 times the room."""

TOO_MANY = "too_many_connections"
TOO_MUCH = "too_many_bytes"
UNREAD = "unread"

BEHIND_SECONDS = 1.0
"""A connection may be cut for what it does not read once something has waited for it, without a break, for so long."""

_WAITING = struct.Struct("i")
"""What the ioctl TIOCOUTQ gives: the bytes that were sent and not taken by the other side (Linux, tcp(7))."""

_RECEIVED = struct.Struct("128xQ")
"""`tcpi_bytes_received` in Linux's `struct tcp_info` (tcp(7)), since Linux 4.1."""

_Ends = tuple[object, object]
_Key = tuple[bytes, int]


class Connections:
    """The open connections of listening sockets, by endpoint and file descriptor. These stay ZeroMQ's: nothing here
    closes one. (The two sockets' news come apart, so a descriptor may be reused before the old one is forgotten.)
    """

    def __init__(self) -> None:
        self._ends: dict[_Key, _Ends] = {}
        self._behind_since: dict[_Key, float] = {}

    def __len__(self) -> int:
        """How many are open."""
        return len(self._ends)

    def opened(self, descriptor: int, endpoint: bytes) -> str | None:
        """Note a connection that was accepted at `endpoint`; why it was cut, if it was."""
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
            if not endpoint.endswith(_port(connection)):
                return None  # closed meanwhile, and the descriptor is another's
            if len(self) >= MAX_CONNECTIONS:
                _cut(connection)
                return TOO_MANY
            self._ends[endpoint, descriptor] = connection.getsockname(), connection.getpeername()
        return None

    def closed(self, descriptor: int, endpoint: bytes) -> None:
        """Forget a connection."""
        self._ends.pop((endpoint, descriptor), None)
        self._behind_since.pop((endpoint, descriptor), None)

    def cut_greedy(self) -> int:
        """Cut those that have sent too much; how many these were."""
        return sum(self._cut_if(key, lambda connection: _received(connection) > MAX_BYTES) for key in list(self._ends))

    def note_behind(self, now: float) -> None:
        """Look for which of them something waits; `now` is in seconds."""
        for key in list(self._ends):
            with suppress(OSError), socket.socket(fileno=os.dup(key[1])) as connection:
                if _waiting(connection):
                    self._behind_since.setdefault(key, now)
                    continue
            self._behind_since.pop(key, None)

    def cut_furthest_behind(self, now: float) -> int:
        """Cut the one that has not caught up for the longest time, if that is long enough; how many were cut."""
        key = min(self._behind_since, key=self._behind_since.__getitem__, default=None)
        if key is None or now - self._behind_since[key] < BEHIND_SECONDS:
            return 0
        return int(self._cut_if(key, _waiting))

    def _cut_if(self, key: _Key, condition: Callable[[socket.socket], object]) -> bool:
        endpoint, descriptor = key
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
            if (connection.getsockname(), connection.getpeername()) == self._ends[key] and condition(connection):
                _cut(connection)
                self.closed(descriptor, endpoint)
                return True
        return False


def _port(connection: socket.socket) -> bytes:
    """How the endpoint of such a connection ends; empty for one without a port."""
    name = connection.getsockname()
    return b":%d" % name[1] if isinstance(name, tuple) else b""


def _cut(connection: socket.socket) -> None:
    """End it; ZeroMQ then closes it, and the other side learns so at once (a reset)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)


def _waiting(connection: socket.socket) -> int:
    """The bytes that wait for the other side in the system; 0 where that does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    waiting: int = _WAITING.unpack(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(_WAITING.size)))[0]
    return waiting


def _received(connection: socket.socket) -> int:
    """The bytes that came over it; 0 where the system does not tell."""
    if not hasattr(socket, "TCP_INFO") or connection.family == socket.AF_UNIX:
        return 0
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED.size)
    received: int = _RECEIVED.unpack(information)[0] if len(information) == _RECEIVED.size else 0
    return received
