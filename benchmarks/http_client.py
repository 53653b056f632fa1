"""HTTP/1.1 over a plain socket, no more of it than the apps' answers need: a library's client would cost more time than
what is measured with it.
"""

import re
import socket
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body."""

    status: int
    body: bytes


class Connection:
    """One keep-alive connection to a port of this machine, with a token. Raises OSError where nobody listens."""

    def __init__(self, port: int, token: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._common = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n".encode()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_raised: object) -> None:
        self._socket.close()

    def get(self, path: str) -> Answer:
        """Ask, uncompressed."""
        self._socket.sendall(b"GET %b HTTP/1.1\r\n%bAccept: text/plain\r\n\r\n" % (path.encode(), self._common))
        return self._receive()

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> Answer:
        """Send."""
        self._socket.sendall(post_request(path, body, content_type, self._common))
        return self._receive()

    def _receive(self) -> Answer:
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._piece()
        length = _LENGTH.search(received, 0, end)
        assert length is not None, bytes(received[:end])
        whole = end + 4 + int(length[1])
        while len(received) < whole:
            received += self._piece()
        return Answer(int(received[9:12]), bytes(memoryview(received)[end + 4 : whole]))

    def _piece(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ConnectionResetError("closed before the answer was whole")
        return piece


def post_request(path: str, body: bytes, content_type: str, common: bytes) -> bytes:
    """A request's bytes; `common` are the header lines that all requests have."""
    head = b"POST %b HTTP/1.1\r\n%bContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (path.encode(), common, content_type.encode(), len(body)) + body
