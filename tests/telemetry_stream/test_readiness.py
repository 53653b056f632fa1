"""Waiting for ZeroMQ sockets: each wait ends by a message or at its own time, though all share one timer."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from itertools import count

import pytest
import zmq

from telemetry_stream.transports.zeromq.readiness import Readiness, readable
from tests.telemetry_stream.streams import run

LONG = 600.0
SHORT = 0.02
PATIENCE = 20.0
"""Seconds after which a wait that should have ended fails its test."""

Pair = tuple["zmq.Socket[bytes]", "zmq.Socket[bytes]"]
_names = count()


@pytest.fixture
def pair() -> Iterator[Callable[[], Pair]]:
    """Makes pairs of sockets; what the second sends, the first receives."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made: list[zmq.Socket[bytes]] = []

    def make() -> Pair:
        address = f"inproc://readiness-{next(_names)}"
        receiver, sender = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        made.extend((receiver, sender))
        receiver.bind(address)
        sender.connect(address)
        return receiver, sender

    yield make
    for socket in made:
        socket.close(linger=0)
    context.term()


def test_a_short_wait_after_a_long_one_ends_at_its_time(pair: Callable[[], Pair]) -> None:
    receiver, sender = pair()

    async def test() -> None:
        readiness = watching(receiver)
        waiting = asyncio.ensure_future(readiness.wait({receiver}, LONG))
        await asyncio.sleep(0)
        sender.send(b"1")
        assert await soon(waiting)
        assert receiver.recv(zmq.NOBLOCK) == b"1"
        assert not await soon(readiness.wait({receiver}, SHORT))

    run(test())


def test_a_long_wait_after_a_short_one_outlasts_its_timer(pair: Callable[[], Pair]) -> None:
    receiver, sender = pair()

    async def test() -> None:
        readiness = watching(receiver)
        sender.send(b"1")
        assert await soon(readiness.wait({receiver}, SHORT, looked=True))  # its timer stays
        assert receiver.recv(zmq.NOBLOCK) == b"1"
        assert not readable(receiver)
        waiting = asyncio.ensure_future(readiness.wait({receiver}, LONG, looked=True))
        await asyncio.sleep(2 * SHORT)
        assert not waiting.done()
        sender.send(b"2")
        assert await soon(waiting)
        assert receiver.recv(zmq.NOBLOCK) == b"2"

    run(test())


def test_a_wait_that_outlasts_an_earlier_timer_ends_at_its_time(pair: Callable[[], Pair]) -> None:
    receiver, sender = pair()

    async def test() -> None:
        readiness = watching(receiver)
        sender.send(b"1")
        assert await soon(readiness.wait({receiver}, SHORT, looked=True))
        assert receiver.recv(zmq.NOBLOCK) == b"1"
        assert not readable(receiver)
        assert not await soon(readiness.wait({receiver}, 3 * SHORT, looked=True))

    run(test())


def test_a_message_at_a_socket_nobody_waits_for_is_found_later(pair: Callable[[], Pair]) -> None:
    (receiver, sender), (other, other_sender) = pair(), pair()

    async def test() -> None:
        readiness = watching(receiver, other)
        waiting = asyncio.ensure_future(readiness.wait({receiver}, LONG))
        await asyncio.sleep(0)
        other_sender.send(b"other")
        sender.send(b"1")
        assert await soon(waiting)
        assert await soon(readiness.wait({other}, LONG))
        assert other.recv(zmq.NOBLOCK) == b"other"

    run(test())


def test_a_socket_nobody_waits_for_does_not_keep_the_loop_busy(pair: Callable[[], Pair]) -> None:
    (receiver, _), (other, other_sender) = pair(), pair()

    async def test() -> None:
        looks = 0

        class Counted(Readiness):
            def _look(self, socket: "zmq.Socket[bytes]") -> None:
                nonlocal looks
                looks += 1
                super()._look(socket)

        readiness = Counted()
        for socket in (receiver, other):
            readiness.add(socket)
        other_sender.send(b"unread")
        while await soon(readiness.wait({receiver}, SHORT)):
            pass  # the connection of a pair changes the state of its sockets too
        assert not await soon(readiness.wait({receiver}, 5 * SHORT))
        assert looks < 10

    run(test())


def test_a_removed_socket_ends_the_wait(pair: Callable[[], Pair]) -> None:
    receiver, _ = pair()

    async def test() -> None:
        readiness = watching(receiver)
        waiting = asyncio.ensure_future(readiness.wait({receiver}, LONG))
        await asyncio.sleep(0)
        readiness.remove(receiver)
        assert not await soon(waiting)
        assert not await readiness.wait({receiver}, LONG)

    run(test())


def watching(*sockets: "zmq.Socket[bytes]") -> Readiness:
    readiness = Readiness()
    for socket in sockets:
        readiness.add(socket)
    return readiness


async def soon(waiting: "Coroutine[object, object, bool] | asyncio.Future[bool]") -> bool:
    return await asyncio.wait_for(waiting, PATIENCE)
