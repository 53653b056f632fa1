"""Speaks ZMTP 3.0 (https://rfc.zeromq.org/spec/23/) over a plain socket, to send what libzmq would not."""

import socket
import struct

MORE, LONG, COMMAND = 1, 2, 4


def dial(address: str, kind: bytes) -> socket.socket:
    """A connection without encryption whose handshake is done; `kind` is this side's type of socket."""
    host, port = address.removeprefix("tcp://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    connection.sendall(b"\xff" + b"\0" * 8 + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" * 32)
    connection.sendall(frame(b"\x05READY" + _property(b"Socket-Type", kind), COMMAND))
    received = b""
    while b"Socket-Type" not in received:
        received += connection.recv(1_000)
    return connection


def frame(content: bytes, flags: int = 0) -> bytes:
    """One frame as it goes over the wire."""
    if len(content) > 255:
        return struct.pack(">BQ", flags | LONG, len(content)) + content
    return bytes([flags, len(content)]) + content


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
