"""Who may call, and what a call is named. Decisions without I/O, the same for every way a request may take."""

import hashlib
import hmac
import itertools
import re
import secrets
from collections.abc import Mapping, Sequence

from trading_app.problems import Problem

OPEN_ROUTES = frozenset(("/healthz", "/readyz"))
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

Headers = Mapping[bytes, bytes]


class RequestIds:
    """Names requests: as the caller does in `X-Request-ID`, if that can be used, else with a name of our own."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(4)
        self._count = itertools.count(1)

    def name(self, headers: Headers) -> str:
        """The request's id."""
        given = headers.get(b"x-request-id")
        if given is not None and _GIVEN_ID.fullmatch(given):
            return str(given, "ascii")
        return f"{self._process}-{next(self._count):x}"


class Tokens:
    """The tokens that let a caller in; with none, everybody is let in."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._digests = [hashlib.sha256(token.encode()).digest() for token in tokens]

    def refusal(self, path: str, headers: Headers) -> Problem | None:
        """Why the call may not be made; None if it may. Health is open to all."""
        if not self._digests or path in OPEN_ROUTES or self._know(headers.get(b"authorization", b"")):
            return None
        return Problem(
            "unauthorized",
            "send the header 'Authorization: Bearer TOKEN' with one of WEBAPP_API_TOKENS",
            headers={"WWW-Authenticate": 'Bearer realm="trading-app"'},
        )

    def _know(self, authorization: bytes) -> bool:
        scheme, _, token = authorization.partition(b" ")
        digest = hashlib.sha256(token.strip()).digest()
        # All are compared, and each in constant time: how long it takes tells nothing.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return scheme.lower() == b"bearer" and any(matches)
