"""Every error of the sidecar's HTTP: its code, its status and its words, as `application/problem+json` (RFC 9457)."""

from dataclasses import dataclass, field

import msgspec

STATUSES = {
    "unauthorized": 401,
    "forbidden": 403,
    "foreign_host": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_many_attempts": 429,
    "internal_error": 500,
    "not_caught_up": 503,
}
"""The status that goes with each code. The codes are part of the API: they stay."""

TITLES = {
    "unauthorized": "A valid token is needed",
    "forbidden": "The token may not do this",
    "foreign_host": "The sidecar is not known by that name",
    "not_found": "There is nothing here",
    "method_not_allowed": "This is not done here",
    "too_many_attempts": "Too many wrong tokens",
    "internal_error": "Something went wrong here",
    "not_caught_up": "The stream has not been caught up with yet",
}


@dataclass(eq=False)
class Problem(Exception):
    """A request that is refused. `code` is one of STATUSES."""

    code: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return STATUSES[self.code]

    def document(self, request_id: str) -> bytes:
        """The answer's body."""
        return msgspec.json.encode(
            {
                "type": f"urn:trading-telemetry:problem:{self.code}",
                "title": TITLES[self.code],
                "status": self.status,
                "code": self.code,
                "detail": self.detail,
                "request_id": request_id,
            }
        )
