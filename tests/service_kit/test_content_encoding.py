"""Compressed bodies: what comes out, and what is refused."""

import gzip
import zlib

import pytest

from service_kit.content_encoding import decoded
from service_kit.problems import Problem

BODY = b'{"symbol":"A"}' * 100
MAXIMUM = len(BODY)


@pytest.mark.parametrize("encoding", [b"gzip", b"x-gzip", b" GZIP "])
def test_gzip_is_decompressed(encoding: bytes) -> None:
    assert decoded({b"content-encoding": encoding}, gzip.compress(BODY, mtime=0), MAXIMUM) == BODY


@pytest.mark.parametrize("headers", [{}, {b"content-encoding": b"identity"}, {b"content-encoding": b""}])
def test_an_uncompressed_body_is_unchanged(headers: dict[bytes, bytes]) -> None:
    assert decoded(headers, BODY, MAXIMUM) == BODY


def test_several_gzip_members_are_one_body() -> None:
    parts = gzip.compress(BODY[:50], mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(BODY[50:])
    assert decoded({b"content-encoding": b"gzip"}, parts, MAXIMUM) == BODY


@pytest.mark.parametrize(
    ("encoding", "body", "code"),
    [
        (b"br", BODY, "unsupported_encoding"),
        (b"gzip, gzip", gzip.compress(gzip.compress(BODY, mtime=0), mtime=0), "unsupported_encoding"),
        (b"gzip", gzip.compress(BODY + b"x", mtime=0), "too_large"),
        (b"gzip", gzip.compress(b"\x00" * 50_000_000, 9, mtime=0), "too_large"),
        (b"gzip", gzip.compress(BODY[:700], mtime=0) * 3, "too_large"),
        (b"gzip", BODY, "bad_request"),
        (b"gzip", gzip.compress(BODY, mtime=0)[:-1], "bad_request"),
        (b"gzip", gzip.compress(BODY, mtime=0) + b"more", "bad_request"),
        (b"gzip", zlib.compress(BODY), "bad_request"),
    ],
)
def test_a_damaged_or_too_large_gzip_body_is_refused(encoding: bytes, body: bytes, code: str) -> None:
    with pytest.raises(Problem) as refused:
        decoded({b"content-encoding": encoding}, body, MAXIMUM)
    assert refused.value.code == code
