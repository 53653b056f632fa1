"""Callers that ask for health without a credential, and keep their connections."""

import resource
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.trading_app.raw_http import get


class Askers:
    """Connections that each asked for health, and are kept."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._kept = [self._connect() for _ in range(count)]
        self.ask(count)

    def ask(self, count: int) -> None:
        """Ask for health on the next `count`; those that were closed are opened again, as an attacker would."""
        for _ in range(count):
            connection = self._kept.pop(0)
            try:
                connection.sendall(get("/healthz"))
            except OSError:
                connection.close()
                connection = self._connect()
            self._kept.append(connection)

    def close(self) -> None:
        """End all."""
        for connection in self._kept:
            connection.close()

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port))


@contextmanager
def askers(port: int, count: int) -> Iterator[Askers]:
    """That many, with as many descriptors as this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4_096), hard))
    with closing(Askers(port, count)) as kept:
        yield kept
