"""Decompresses request bodies: gzip (RFC 1952), named by `Content-Encoding` (RFC 9110, 8.4). No I/O.

The maximum applies to the decompressed size: gzip can expand a body a thousandfold.
"""

import zlib

from service_kit.http_types import Headers
from service_kit.problems import Problem

GZIP = (b"gzip", b"x-gzip")
GZIP_WINDOW = 31

MAX_MEMBERS = 1_024
"""A body may consist of several gzip members. bgzip makes one of each 64 KiB, other tools one of each file."""

MEMBER_BYTES = 65_536
"""What is given to a member at a time: all that follows its end is copied."""


def decoded(headers: Headers, body: bytes, maximum: int) -> bytes:
    """The decompressed body, at most `maximum` bytes.

    Raises Problem: `unsupported_encoding` for any encoding except gzip, `too_large`, `bad_request` if it is damaged.
    """
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding in (b"", b"identity"):
        return body
    if encoding not in GZIP:
        shown = encoding[:100].decode("latin-1")
        raise Problem(
            "unsupported_encoding",
            f"Content-Encoding {shown!r} is not supported: use gzip, or none",
            headers={"Accept-Encoding": "gzip"},
        )
    return _unzipped(body, maximum)


def _unzipped(body: bytes, maximum: int) -> bytes:
    parts, size, members, begin = [], 0, 0, 0
    while begin < len(body):
        members += 1
        if members > MAX_MEMBERS:
            raise Problem("bad_request", f"a gzip body has at most {MAX_MEMBERS} members")
        member = zlib.decompressobj(GZIP_WINDOW)
        while not member.eof:
            piece = body[begin : begin + MEMBER_BYTES]
            if not piece:
                raise Problem("bad_request", "the gzip body is truncated")
            try:
                part = member.decompress(piece, maximum - size + 1)
            except zlib.error as error:
                raise Problem("bad_request", f"the body is not gzip: {error}") from None
            begin += len(piece) - len(member.unconsumed_tail) - len(member.unused_data)
            size += len(part)
            if size > maximum:
                raise Problem("too_large", f"a body has at most {maximum} bytes, decompressed")
            parts.append(part)
    return b"".join(parts)
