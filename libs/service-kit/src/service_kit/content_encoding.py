"""Request bodies that are compressed: gzip (RFC 1952), as `Content-Encoding` says (RFC 9110, 8.4). No I/O.

The bound holds for what comes out: a thousandth of it on the wire is enough to fill it.
"""

import zlib

from service_kit.http_types import Headers
from service_kit.problems import Problem

GZIP = (b"gzip", b"x-gzip")
GZIP_WINDOW = 31


def decoded(headers: Headers, body: bytes, maximum: int) -> bytes:
    """The body as it was before it was compressed, at most `maximum` bytes.

    Raises Problem: `unsupported_encoding` for any other than gzip, `too_large`, `bad_request` where it is damaged.
    """
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    if encoding in (b"", b"identity"):
        return body
    if encoding not in GZIP:
        shown = encoding[:100].decode("latin-1")
        raise Problem(
            "unsupported_encoding",
            f"Content-Encoding {shown!r} is not read here: use gzip, or none",
            headers={"Accept-Encoding": "gzip"},
        )
    return _unzipped(body, maximum)


def _unzipped(body: bytes, maximum: int) -> bytes:
    parts, size = [], 0
    while body:  # of several members one after the other
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            part = member.decompress(body, maximum - size + 1)
        except zlib.error as error:
            raise Problem("bad_request", f"the body is not gzip: {error}") from None
        size += len(part)
        if size > maximum:
            raise Problem("too_large", f"a body has at most {maximum} bytes, decompressed")
        if not member.eof:
            raise Problem("bad_request", "the body is not gzip: it ends before its end")
        parts.append(part)
        body = member.unused_data
    return b"".join(parts)
