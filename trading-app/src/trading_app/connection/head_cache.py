"""Request heads that were parsed before: on one connection, the same bytes have the same meaning. No I/O.

A program that sends trades repeats its head, except for the Content-Length. Parsing a head takes a third of the time of
a request; a look-up among the last few takes almost none.
"""

import msgspec

from service_kit.http_types import Headers
from trading_app.access.caller import Caller

MAX_HEAD_BYTES = 1_024
MAX_FIELDS = 24
"""A head with more fields is not kept: heads of 100 fields would take some 200 KB for each connection."""

MAX_HEADS = 16
"""Heads kept for each connection. Beyond it all are dropped: one sender's body lengths differ by few bytes."""

_NOT_AGAIN = (b"x-request-id", b"idempotency-key", b"transfer-encoding", b"expect")
"""A head with one of these fields is not kept: they differ in each request, or need the parser."""


class CachedHead(msgspec.Struct, frozen=True):
    """A parsed head. `brings_one` is true if its body is a single trade as JSON."""

    path: str
    headers: Headers
    body_bytes: int
    brings_one: bool
    caller: Caller


class HeadCache:
    """The known heads of one connection."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, CachedHead] = {}

    def split(self, data: bytes) -> tuple[CachedHead, bytes] | None:
        """The head and body of `data`, if it is exactly one request with a known head; else None."""
        end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) + 4
        known = self._known.get(data[:end])
        if known is None or len(data) - end != known.body_bytes:
            return None
        return known, data[end:]

    def learn(self, head: bytes, known: CachedHead) -> None:
        """Keep a head that is likely to come again."""
        if len(self._known) >= MAX_HEADS:
            self._known.clear()
        self._known[head] = known


def head_to_learn(data: bytes, headers: Headers) -> bytes | None:
    """The head of `data`, if it is worth keeping and its whole body came with it. `headers` were parsed from it."""
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) + 4
    if end < 4 or headers.get(b"content-length") != b"%d" % (len(data) - end):
        return None
    if len(headers) > MAX_FIELDS or any(name in headers for name in _NOT_AGAIN):
        return None
    return data[:end]
