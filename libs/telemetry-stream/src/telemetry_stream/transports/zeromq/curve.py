"""CURVE keys for the ZeroMQ sockets (https://rfc.zeromq.org/spec/26/): made, checked, and read from their files.

Written as Z85 (https://rfc.zeromq.org/spec/32/), 40 characters a key. A secret key is in a file of its own, which only
its owner may read; public keys are settings.
"""

import os
import stat
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

KEY_CHARACTERS = 40
KEY_BYTES = 32


class UnusableKey(ValueError):
    """A key or its file can't be used. The message names the file and what to do, and never shows a key."""


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The app's own secret key, and the public keys of those that may subscribe."""

    secret: bytes = field(repr=False)
    clients: frozenset[bytes]

    @classmethod
    def load(cls, secret_file: Path, clients: Iterable[str]) -> "ServerKeys":
        """Those of the settings. Raises UnusableKey."""
        return cls(read_secret_key(secret_file), frozenset(key.encode() for key in clients))

    def configure(self, socket: zmq.Socket[bytes]) -> None:
        """Let the socket speak CURVE only. Whom it lets in is asked of the context's ZAP handler, without which it
        lets in nobody. To be called before it is bound.
        """
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, self.secret)
        socket.set(zmq.ZAP_DOMAIN, b"stream")
        socket.set(zmq.ZAP_ENFORCE_DOMAIN, 1)


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """The app's public key, and the subscriber's own secret key."""

    server: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def load(cls, server: str, secret_file: Path) -> "ClientKeys":
        """Those of the settings. Raises UnusableKey."""
        return cls(server.encode(), read_secret_key(secret_file))

    def configure(self, socket: zmq.Socket[bytes]) -> None:
        """Let the socket talk to that server only. To be called before it is connected."""
        socket.set(zmq.CURVE_SERVERKEY, self.server)
        socket.set(zmq.CURVE_PUBLICKEY, self.public)
        socket.set(zmq.CURVE_SECRETKEY, self.secret)

    @property
    def public(self) -> bytes:
        """The public key that belongs to the secret one."""
        return zmq.curve_public(self.secret)


def is_key(written: str) -> bool:
    """Whether that is a key in Z85."""
    try:
        return len(written) == KEY_CHARACTERS and len(z85.decode(written.encode("ascii"))) == KEY_BYTES
    except (ValueError, KeyError, struct.error):
        return False


def read_secret_key(file: Path) -> bytes:
    """The secret key in a file. Raises UnusableKey."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise UnusableKey(f"{file} can't be read ({error.strerror}); trading-app zmq-keys {file} makes one") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise UnusableKey(f"{file} is no file")
        if mode & 0o077:
            raise UnusableKey(f"{file} is open to others (mode {mode & 0o777:o}): chmod 600 {file}")
        written = os.read(descriptor, KEY_CHARACTERS + 2).strip()
    finally:
        os.close(descriptor)
    if not is_key(written.decode("latin-1")):
        raise UnusableKey(f"{file} does not hold a key of {KEY_CHARACTERS} characters; trading-app zmq-keys makes one")
    return written


def make_key_file(file: Path) -> bytes:
    """Make a pair, write its secret key to a new file with mode 600, and give the public one. Raises OSError."""
    public, secret = zmq.curve_keypair()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(secret + b"\n")
    return public
