"""Waits in an asyncio loop until a ZeroMQ socket can be read."""

import asyncio
from collections.abc import Set

import zmq

_POLLIN = int(zmq.POLLIN)
"""An int: an enum's `&` takes longer than the look at the socket."""


def readable(socket: zmq.Socket[bytes]) -> bool:
    """Whether a message can be received at once."""
    return bool(int(socket.get(zmq.EVENTS)) & _POLLIN)


class Readiness:
    """Reports when a message may wait at one of the sockets.

    pyzmq's own asyncio sockets lose messages when a `recv` is cancelled; here nothing is received while waiting.
    ZeroMQ's file descriptor only shows that something changed, and stays readable until EVENTS is read, which may also
    happen in passing, while sending and receiving. So EVENTS is read for the wanted sockets before each wait and after
    it, and for the others whenever their descriptor is readable.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._descriptors: dict[zmq.Socket[bytes], int] = {}
        self._wanted: Set[zmq.Socket[bytes]] = frozenset()
        self._woken: asyncio.Future[bool] = self._loop.create_future()
        self._wake_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, socket: zmq.Socket[bytes]) -> None:
        """Watch a socket, until `remove`."""
        self._descriptors[socket] = socket.FD
        self._loop.add_reader(socket.FD, self._look, socket)

    def remove(self, socket: zmq.Socket[bytes]) -> None:
        """Stop watching a socket, and wake whoever waits for it. To be called before it is closed."""
        self._loop.remove_reader(self._descriptors.pop(socket))
        if socket in self._wanted:
            self._wake(False)

    async def wait(self, wanted: Set[zmq.Socket[bytes]], seconds: float, *, looked: bool = False) -> bool:
        """Return True once one of the wanted sockets may be readable, False after that time or once one is removed.

        `looked` is whether the caller has just found all of them unreadable, and used none since. The caller looks at
        them all after each wait. One wait at a time.
        """
        if not wanted <= self._descriptors.keys():
            return False
        if not looked and any(map(readable, wanted)):
            return True
        self._wanted, self._woken = wanted, self._loop.create_future()
        self._wake_at = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._wake_at:
            self._set_timer()
        return await self._woken

    def _look(self, socket: zmq.Socket[bytes]) -> None:
        if socket in self._wanted and not self._woken.done():
            self._wake(True)  # whoever waits looks at it
        else:
            readable(socket)  # for its effect: the descriptor is not readable any more

    def _set_timer(self) -> None:
        # One timer for many waits: most end long before their time, and to set a timer takes as long as to look.
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._wake_at, self._time_is_up)

    def _time_is_up(self) -> None:
        self._timer = None
        if self._woken.done():
            return
        if self._loop.time() < self._wake_at:
            self._set_timer()
        else:
            self._wake(False)

    def _wake(self, found: bool) -> None:
        if not self._woken.done():
            self._woken.set_result(found)
