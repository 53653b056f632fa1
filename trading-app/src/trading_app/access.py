"""Who may make which call. A decision without I/O, the same for every way a request may take."""

from collections.abc import Mapping, Sequence

from telemetry_stream.callers import Tokens
from trading_app.problems import Problem

OPEN_ROUTES = frozenset(("/healthz", "/readyz"))

Headers = Mapping[bytes, bytes]


class Gate:
    """Lets callers with a token in, and everybody where no tokens are set."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = Tokens(tokens)

    def refusal(self, path: str, headers: Headers) -> Problem | None:
        """Why the call may not be made; None if it may. Health is open to all."""
        if path in OPEN_ROUTES or self._tokens.admit(headers.get(b"authorization", b"")):
            return None
        return Problem(
            "unauthorized",
            "send the header 'Authorization: Bearer TOKEN' with one of WEBAPP_API_TOKENS",
            headers={"WWW-Authenticate": 'Bearer realm="trading-app"'},
        )
