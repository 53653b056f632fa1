"""HTTP as bytes on a socket, for what a well-behaved client does not send."""

import json
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

TRADE = b'{"symbol":"RAW","price":1,"qty":1,"side":"buy"}'


@dataclass(frozen=True)
class Answer:
    """A response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class Connection:
    """One connection to the app."""

    def __init__(self, open_socket: socket.socket) -> None:
        self.socket = open_socket
        self._input: BinaryIO = open_socket.makefile("rb")

    def close(self) -> None:
        """Let go of the socket's reading end, which keeps it open."""
        self._input.close()

    def rest(self) -> bytes:
        """All that comes until the other side ends the connection."""
        return self._input.read()

    def send(self, data: bytes) -> None:
        """Send the bytes."""
        self.socket.sendall(data)

    def end_sending(self) -> None:
        """Say that nothing more comes."""
        self.socket.shutdown(socket.SHUT_WR)

    def answer(self, *, head_only: bool = False) -> Answer:
        """The next response; one without a Content-Length is read to the end of the connection."""
        status_line = self._input.readline()
        assert status_line, "the connection was closed without an answer"
        status = int(status_line.split()[1])
        headers = {}
        while line := self._input.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if head_only or status in (100, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(self._chunk, b""))
        else:
            body = self._input.read(int(headers.get("content-length", -1)))
        return Answer(status, headers, body)

    def _chunk(self) -> bytes:
        """The next piece of a chunked body (RFC 9112, 7.1); empty for the last."""
        size = int(self._input.readline(), 16)
        piece = self._input.read(size)
        assert self._input.readline() == b"\r\n"
        return piece

    def has_ended(self) -> bool:
        """Whether the other side has ended the connection by now, and all that it said was read."""
        readable, _, _ = select.select([self.socket], [], [], 0)
        return bool(readable) and not self.socket.recv(1, socket.MSG_PEEK)

    def is_closed(self) -> bool:
        """Whether the other side ends the connection, with nothing more to say."""
        return self.rest() == b""


def send_until_cut(to: socket.socket, data: bytes, maximum: int) -> int:
    """Send it over and over, until the other side takes no more; how many bytes it took, at most about `maximum`."""
    sent = 0
    try:
        while sent < maximum:
            sent += to.send(data)
    except (TimeoutError, ConnectionError):
        return sent
    raise AssertionError(f"all of {maximum} bytes were taken")


@contextmanager
def connected(port: int) -> Iterator[Connection]:
    """A connection; waits 10 seconds at most for anything."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as open_socket:
        connection = Connection(open_socket)
        try:
            yield connection
        finally:
            connection.close()


def post(path: str, body: bytes, *headers: str, content_type: str = "application/json") -> bytes:
    """A request with a body."""
    more = "".join(f"{header}\r\n" for header in headers)
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n{more}"
    head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    """A request without one."""
    more = "".join(f"{header}\r\n" for header in headers)
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode()
