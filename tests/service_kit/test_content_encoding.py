"""Compressed bodies: what comes out, and what is refused."""

import gzip
import random
import zlib

import pytest

from service_kit.content_encoding import MAX_MEMBERS, MEMBER_BYTES, decoded
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
        (b"gzip", gzip.compress(b"\x00" * 50_000_000, 1, mtime=0), "too_large"),
        (b"gzip", gzip.compress(BODY[:700], mtime=0) * 3, "too_large"),
        (b"gzip", BODY, "bad_request"),
        (b"gzip", gzip.compress(BODY, mtime=0)[:-1], "bad_request"),
        (b"gzip", gzip.compress(BODY, mtime=0) + b"more", "bad_request"),
        (b"gzip", zlib.compress(BODY), "bad_request"),
        (b"gzip", gzip.compress(b"") * (MAX_MEMBERS + 1), "bad_request"),
    ],
)
def test_a_damaged_or_too_large_gzip_body_is_refused(encoding: bytes, body: bytes, code: str) -> None:
    with pytest.raises(Problem) as refused:
        decoded({b"content-encoding": encoding}, body, MAXIMUM)
    assert refused.value.code == code


def test_members_begin_and_end_anywhere() -> None:
    plain = random.Random(1).randbytes(3 * MEMBER_BYTES)
    for cut in (1, MEMBER_BYTES - 40, MEMBER_BYTES, 2 * MEMBER_BYTES + 7):
        body = gzip.compress(plain[:cut]) + gzip.compress(plain[cut:])
        assert decoded({b"content-encoding": b"gzip"}, body, len(plain)) == plain


def test_a_body_of_empty_members_is_not_looked_at_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take 20 bytes each, and what follows one is copied: 8 MiB of them held the program up for minutes."""
    made = list[object]()
    decompressor = zlib.decompressobj

    def counted(window: int) -> object:
        made.append(window)
        return decompressor(window)

    monkeypatch.setattr(zlib, "decompressobj", counted)
    with pytest.raises(Problem):
        decoded({b"content-encoding": b"gzip"}, gzip.compress(b"") * 10_000, MAXIMUM)
    assert len(made) <= MAX_MEMBERS
