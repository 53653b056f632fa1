"""One HTTP request to the app, over a connection that is kept open. Redirects are not followed: they could take the
token elsewhere.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from trading_client.answers import Answer, Later, read_answer

TIMEOUT_SECONDS = 30.0
MAX_ANSWER_BYTES = 4 << 20

TRADES, EVENTS = "/trades", "/events"


def path_of(line: bytes) -> str:
    """Where a line is posted."""
    return EVENTS if line.startswith(b'{"kind"') else TRADES


class Delivery:
    """A connection to the app. Raises ValueError, which names `url` or `token`. For one thread."""

    def __init__(self, url: str, token: str | None = None, timeout: float = TIMEOUT_SECONDS) -> None:
        parts = urlsplit(url)
        if (
            parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
        ):
            raise ValueError(f"url {url!r} is not an address like http://127.0.0.1:8000")
        if token is not None and not (token.isascii() and token.isprintable() and token and " " not in token):
            raise ValueError("token has characters that a token can't have")
        self.url = url.rstrip("/")
        self._host, self._port = parts.hostname, parts.port  # port raises ValueError if it is not a number
        self._path = parts.path.rstrip("/")
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, lines: Sequence[bytes]) -> Answer:
        """Post lines that all belong to a path, as one request."""
        if path == TRADES:
            body, content_type = b"\n".join(lines) + b"\n", "application/x-ndjson"
        else:
            body, content_type = b"[" + b",".join(lines) + b"]", "application/json"
        try:
            status, headers, answer = self._request(path, body, {"Content-Type": content_type, **self._headers})
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Later(f"no answer from {self.url} ({str(error) or type(error).__name__})")
        return read_answer(status, headers, answer, time.time)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def _request(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if self._connection is not None:
            try:
                return self._exchange(self._connection, path, body, headers)
            except (ConnectionError, http.client.HTTPException):  # the app closes a connection that was idle
                self.close()
        self._connection = self._connect()
        return self._exchange(self._connection, path, body, headers)

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _exchange(
        self, connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        connection.request("POST", self._path + path, body, headers)
        response = connection.getresponse()
        answer = response.read(MAX_ANSWER_BYTES)
        if not response.isclosed():
            self.close()  # there is more, which is not the app's
        return response.status, {name.lower(): value for name, value in response.getheaders()}, answer
