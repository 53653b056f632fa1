"""An HTTP server that answers each request as a test says."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Reply:
    """An answer. Without a status the connection is closed in place of an answer."""

    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    closes: bool = False
    """The connection is closed after the answer, without having said so."""


def accepted(count: int) -> Reply:
    """What the app answers to a batch of new trades."""
    return Reply(201, b'{"accepted":%d,"duplicates":0,"first_seq":1,"last_seq":%d}' % (count, count))


@dataclass
class Scripted:
    """The server: its address, and the bodies of the requests that came."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def scripted(reply: Callable[[int, bytes], Reply]) -> Iterator[Scripted]:
    """A server; `reply` gets the number of the request, from 0, and its body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            number = len(server.bodies)
            server.bodies.append(body)
            server.headers.append(dict(self.headers))
            answer = reply(number, body)
            self.close_connection = answer.closes or not answer.status
            if not answer.status:
                return
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_arguments: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        http_server.daemon_threads = True
        server = Scripted(f"http://127.0.0.1:{http_server.server_address[1]}")
        thread = threading.Thread(target=http_server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            http_server.shutdown()
            thread.join()
