"""Who calls an app, and what a call is named: the same way in both apps. No I/O."""

import hashlib
import hmac
import itertools
import re
import secrets
from collections.abc import Sequence

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestIds:
    """Names requests: as the caller does in `X-Request-ID`, if that can be used, else with a name of our own."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count(1)

    def name(self, given: bytes) -> str:
        """The request's id; `given` is what the header says, empty without one."""
        if _GIVEN_ID.fullmatch(given):
            return str(given, "ascii")
        return f"{self._process}-{next(self._count):x}"


class Tokens:
    """The tokens that let a caller in; with none, everybody is let in. Kept as digests."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._digests = [hashlib.sha256(token.encode()).digest() for token in tokens]

    def admit(self, authorization: bytes) -> bool:
        """Whether the header `Authorization` (RFC 6750, Bearer) shows one of them; empty without the header."""
        if not self._digests:
            return True
        scheme, _, token = authorization.partition(b" ")
        digest = hashlib.sha256(token.strip()).digest()
        # All are compared, and each in constant time: how long it takes tells nothing.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return scheme.lower() == b"bearer" and any(matches)
