"""Free TCP ports, that no other process of the tests or benchmarks takes meanwhile."""

import socket
from collections.abc import Iterator
from contextlib import suppress

FIRST, LAST = 15_000, 32_000
"""Below those that the system hands out itself: while an app is down, a client that dials its port could else take it,
or even reach itself.
"""
BLOCK = 500
"""More than a test has at a time, so that a port that comes round again is long done with."""


def _own_block() -> tuple[socket.socket, range]:
    """Ports for this process alone, and the listening socket on the one before them that says so while it lives.

    Each is free when it is handed out, but is taken only later, and again after each restart of an app: in between it
    must not be handed out by another test worker, or by another run on this machine.
    """
    for start in range(FIRST, LAST - BLOCK + 1, BLOCK):
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", start)), range(start + 1, start + BLOCK)
    raise RuntimeError(f"every block of ports from {FIRST} to {LAST} belongs to a running process: end some of them")


def _ports() -> Iterator[int]:
    guard, block = _own_block()
    with guard:
        while True:
            yield from block


_candidates = _ports()


def free_port() -> int:
    """A port that nobody has just now, and that is not given out again soon."""
    for port in _candidates:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the candidates have no end")


def free_address() -> str:
    """A ZeroMQ endpoint on a free port."""
    return f"tcp://127.0.0.1:{free_port()}"
