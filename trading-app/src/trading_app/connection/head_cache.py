"""Heads that were parsed before: on a connection the same bytes mean the same. No I/O.

A program that sends trades sends the same head again and again, up to the length of its body. To parse it costs a third
of such a request, to find it among the last few next to nothing.
"""

import msgspec

from service_kit.http_types import Headers
from trading_app.access.caller import Caller

MAX_HEAD_BYTES = 1_024
MAX_FIELDS = 24
"""A head with more is not kept: with a hundred each, a connection's would take some 200 KB."""

MAX_HEADS = 16
"""Of a connection. Lengths of bodies differ by a few dozen bytes at the most; past it all are forgotten."""

_NOT_AGAIN = (b"x-request-id", b"idempotency-key", b"transfer-encoding", b"expect")
"""What differs each time, or asks for more than an answer."""


class CachedHead(msgspec.Struct, frozen=True):
    """What a head said; `brings_one` tells that a trade comes with it, as JSON."""

    path: str
    headers: Headers
    body_bytes: int
    brings_one: bool
    caller: Caller


class HeadCache:
    """The heads of one connection that are known."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, CachedHead] = {}

    def split(self, data: bytes) -> tuple[CachedHead, bytes] | None:
        """The head and the body of a request that came whole and by itself; None where its head is not known."""
        end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) + 4
        known = self._known.get(data[:end])
        if known is None or len(data) - end != known.body_bytes:
            return None
        return known, data[end:]

    def learn(self, head: bytes, known: CachedHead) -> None:
        """Keep a head that may come again."""
        if len(self._known) >= MAX_HEADS:
            self._known.clear()
        self._known[head] = known


def head_to_learn(data: bytes, headers: Headers) -> bytes | None:
    """The head of `data`, if its whole body came with it and it may come again. `headers` were read from it."""
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES) + 4
    if end < 4 or headers.get(b"content-length") != b"%d" % (len(data) - end):
        return None
    if len(headers) > MAX_FIELDS or any(name in headers for name in _NOT_AGAIN):
        return None
    return data[:end]
