"""CURVE for the ZeroMQ sockets (https://rfc.zeromq.org/spec/26/)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import zmq

from telemetry_stream.keys import read_secret_key, write_secret_key


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The publisher's own secret key, and the public keys of those that may subscribe."""

    secret: bytes = field(repr=False)
    clients: frozenset[bytes]

    @classmethod
    def load(cls, secret_file: Path, clients: Iterable[str]) -> "ServerKeys":
        """The keys that the settings name. Raises UnusableKey."""
        return cls(read_secret_key(secret_file), frozenset(key.encode() for key in clients))

    def configure(self, socket: zmq.Socket[bytes]) -> None:
        """Let the socket speak CURVE only, before it is bound.

        The context's ZAP handler decides who may connect; without one, nobody may.
        """
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, self.secret)
        socket.set(zmq.ZAP_DOMAIN, b"stream")
        socket.set(zmq.ZAP_ENFORCE_DOMAIN, 1)


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """The publisher's public key, and the subscriber's own secret key."""

    server: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def load(cls, server: str, secret_file: Path) -> "ClientKeys":
        """The keys that the settings name. Raises UnusableKey."""
        return cls(server.encode(), read_secret_key(secret_file))

    def configure(self, socket: zmq.Socket[bytes]) -> None:
        """Let the socket talk to that publisher only, before it is connected."""
        socket.set(zmq.CURVE_SERVERKEY, self.server)
        socket.set(zmq.CURVE_PUBLICKEY, self.public)
        socket.set(zmq.CURVE_SECRETKEY, self.secret)

    @property
    def public(self) -> bytes:
        """The public key that belongs to the secret one."""
        return zmq.curve_public(self.secret)


def make_key_file(file: Path) -> bytes:
    """Make a pair, write its secret key to a new file with mode 600, and give the public one. Raises OSError."""
    public, secret = zmq.curve_keypair()
    write_secret_key(file, secret)
    return public


def public_key_of(file: Path) -> bytes:
    """The public key that belongs to the secret one in a file. Raises UnusableKey."""
    return zmq.curve_public(read_secret_key(file))
