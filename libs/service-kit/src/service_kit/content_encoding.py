"""Decompresses request bodies: gzip (RFC 1952), named by `Content-Encoding` (RFC 9110, 8.4). No I/O.

The maximum applies to the decompressed size: gzip can expand a body a thousandfold.
"""

import zlib

from service_kit.http_types import Headers
from service_kit.problems import Problem

GZIP = (b"gzip", b"x-gzip")
GZIP_WINDOW = 31


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
    parts, size = [], 0
    while body:  # a gzip body may consist of several members
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            part = member.decompress(body, maximum - size + 1)
        except zlib.error as error:
            raise Problem("bad_request", f"the body is not gzip: {error}") from None
        size += len(part)
        if size > maximum:
            raise Problem("too_large", f"a body has at most {maximum} bytes, decompressed")
        if not member.eof:
            raise Problem("bad_request", "the gzip body is truncated")
        parts.append(part)
        body = member.unused_data
    return b"".join(parts)
