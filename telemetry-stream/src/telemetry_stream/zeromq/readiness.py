"""Waits in an asyncio loop until a ZeroMQ socket can be read."""

import asyncio

import zmq


def readable(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message can be received at once."""
    return bool(int(socket.get(zmq.EVENTS)) & zmq.POLLIN)


class Readiness:
    """Tells when a message may be waiting at one of the sockets.

    pyzmq's own asyncio sockets lose messages when a `recv` is cancelled; here nothing is received while waiting.
    ZeroMQ's file descriptor only tells that something changed, and stays readable until EVENTS is read; so EVENTS is
    read of every socket before each wait, and a descriptor that has told is not watched before the next one.
    """

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._descriptors: dict[zmq.Socket[bytes], int] = {}
        self._watched: set[int] = set()

    def add(self, socket: zmq.Socket[bytes]) -> None:
        """Watch a socket, until `remove`."""
        self._descriptors[socket] = socket.FD

    def remove(self, socket: zmq.Socket[bytes]) -> None:
        """Stop watching a socket, and wake whoever waits. To be called before it is closed."""
        self._note(self._descriptors.pop(socket))

    async def wait(self, wanted: set[zmq.Socket[bytes]], seconds: float) -> bool:
        """Return True once one of the wanted sockets can be read, False after that time or once one is removed."""
        try:
            async with asyncio.timeout(seconds):
                while wanted <= self._descriptors.keys():
                    self._changed.clear()
                    self._watch()
                    ready = {socket for socket in self._descriptors if readable(socket)}
                    if ready & wanted:
                        return True
                    await self._changed.wait()
        except TimeoutError:
            pass
        return False

    def _watch(self) -> None:
        for descriptor in self._descriptors.values():
            if descriptor not in self._watched:
                self._watched.add(descriptor)
                self._loop.add_reader(descriptor, self._note, descriptor)

    def _note(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        self._watched.discard(descriptor)
        self._changed.set()
