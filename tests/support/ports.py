"""Free TCP ports, that no other part of the tests takes meanwhile."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

FIRST, LAST = 15_000, 32_000
"""Below those that the system hands out itself: while an app is down, a client that dials its port could else take it,
or even reach itself.
"""


def _candidates() -> Iterator[int]:
    """This process's share of the ports, over and over, from a place that differs from run to run."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = range(FIRST + worker, LAST, workers)
    place = os.getpid() * 61
    while True:
        yield share[place % len(share)]
        place += 1


_ports = _candidates()


def free_port() -> int:
    """A port that nobody has just now, and that is not given out again soon."""
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the candidates have no end")
