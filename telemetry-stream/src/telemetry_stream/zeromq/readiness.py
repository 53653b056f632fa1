"""Waits in an asyncio loop until a ZeroMQ socket can be read."""

import asyncio

import zmq


def readable(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message can be received at once."""
    return bool(int(socket.get(zmq.EVENTS)) & zmq.POLLIN)


class Readiness:
    """Tells when a message may be waiting at one of the sockets.

    pyzmq's own asyncio sockets lose messages when a `recv` is cancelled; here nothing is received while waiting.
    ZeroMQ's file descriptor only tells that something changed, and only once, so EVENTS is read of every socket before
    each wait.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._sockets: list[zmq.Socket[bytes]] = []

    def add(self, socket: zmq.Socket[bytes]) -> None:
        """Watch a socket, until `remove`."""
        self._sockets.append(socket)
        asyncio.get_running_loop().add_reader(socket.FD, self._changed.set)

    def remove(self, socket: zmq.Socket[bytes]) -> None:
        """Stop watching a socket. To be called before it is closed."""
        self._sockets.remove(socket)
        asyncio.get_running_loop().remove_reader(socket.FD)

    async def wait(self, wanted: set[zmq.Socket[bytes]], seconds: float) -> bool:
        """Return True once one of the wanted sockets can be read, False after that time."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self._changed.clear()
                    ready = {socket for socket in self._sockets if readable(socket)}
                    if ready & wanted:
                        return True
                    await self._changed.wait()
        except TimeoutError:
            return False
