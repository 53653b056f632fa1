"""Waits in an asyncio loop until a ZeroMQ socket can be read."""

import asyncio
from collections.abc import Set

import zmq


def readable(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message can be received at once."""
    return bool(int(socket.get(zmq.EVENTS)) & zmq.POLLIN)


class Readiness:
    """Reports when a message may wait at one of the sockets.

    pyzmq's own asyncio sockets lose messages when a `recv` is cancelled; here nothing is received while waiting.
    ZeroMQ's file descriptor only shows that something changed, and stays readable until EVENTS is read, which may also
    happen in passing, while sending and receiving. So EVENTS is read whenever a descriptor is readable, and
    for the wanted sockets before each wait.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptors: dict[zmq.Socket[bytes], int] = {}
        self._wanted: Set[zmq.Socket[bytes]] = frozenset()
        self._woken: asyncio.Future[bool] = self._loop.create_future()

    def add(self, socket: zmq.Socket[bytes]) -> None:
        """Watch a socket, until `remove`."""
        self._descriptors[socket] = socket.FD
        self._loop.add_reader(socket.FD, self._look, socket)

    def remove(self, socket: zmq.Socket[bytes]) -> None:
        """Stop watching a socket, and wake whoever waits for it. To be called before it is closed."""
        self._loop.remove_reader(self._descriptors.pop(socket))
        if socket in self._wanted:
            self._wake(False)

    async def wait(self, wanted: Set[zmq.Socket[bytes]], seconds: float) -> bool:
        """Return True once one of the wanted sockets can be read, False after that time or once one is removed.

        One wait at a time.
        """
        if not wanted <= self._descriptors.keys():
            return False
        if any(map(readable, wanted)):
            return True
        self._wanted, self._woken = wanted, self._loop.create_future()
        timer = self._loop.call_later(seconds, self._wake, False)
        try:
            return await self._woken
        finally:
            timer.cancel()

    def _look(self, socket: zmq.Socket[bytes]) -> None:
        if readable(socket) and socket in self._wanted:
            self._wake(True)

    def _wake(self, found: bool) -> None:
        if not self._woken.done():
            self._woken.set_result(found)
