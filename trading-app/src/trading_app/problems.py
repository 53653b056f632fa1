"""Every error of the API: its code, its status and its words, as `application/problem+json` (RFC 9457)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

STATUSES = {
    "not_json": 400,
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "foreign_origin": 403,
    "foreign_host": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "trade_id_conflict": 409,
    "idempotency_key_conflict": 409,
    "too_large": 413,
    "url_too_long": 414,
    "unsupported_media_type": 415,
    "invalid_trade": 422,
    "invalid_batch": 422,
    "invalid_parameter": 422,
    "too_many_attempts": 429,
    "too_many_streams": 429,
    "rate_limited": 429,
    "headers_too_large": 431,
    "internal_error": 500,
    "overloaded": 503,
    "too_many_connections": 503,
    "too_many_bodies": 503,
    "keys_unavailable": 503,
    "not_ready": 503,
    "stream_failed": 503,
}
"""The status that goes with each code. The codes are part of the API: they stay."""

TITLES = {
    "not_json": "The body is not JSON",
    "bad_request": "The request can't be understood",
    "unauthorized": "A valid token is needed",
    "forbidden": "The token may not do this",
    "foreign_origin": "The request was sent from another site",
    "foreign_host": "The app is not known by that name",
    "not_found": "There is nothing here",
    "method_not_allowed": "This is not done here",
    "request_timeout": "The request did not come in time",
    "trade_id_conflict": "The trade_id is taken by a trade that says something else",
    "idempotency_key_conflict": "The Idempotency-Key is taken by a request that says something else",
    "too_large": "The request is too large",
    "url_too_long": "The address is too long",
    "unsupported_media_type": "The Content-Type is not taken here",
    "invalid_trade": "The trade is not valid",
    "invalid_batch": "The batch is not valid; nothing of it was taken",
    "invalid_parameter": "A parameter is not valid",
    "too_many_attempts": "Too many wrong tokens",
    "too_many_streams": "Too many streams are open",
    "rate_limited": "More requests than you may send",
    "headers_too_large": "The head of the request is too large",
    "internal_error": "Something went wrong here",
    "overloaded": "More arrives than can be written",
    "too_many_connections": "Too many connections are open",
    "too_many_bodies": "Too many large bodies are on their way",
    "keys_unavailable": "ID tokens can't be checked now",
    "not_ready": "Not able to take trades now",
    "stream_failed": "The journal could not be written",
}

MOST_ERRORS = 100
"""So many single errors are listed; `errors_omitted` counts the others, and `indexes` names every bad item."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one field. `pointer` is a JSON Pointer into the body (RFC 6901), as a URI fragment."""

    pointer: str
    detail: str
    index: int | None = None

    def document(self) -> dict[str, Any]:
        """As it stands in the answer."""
        shown: dict[str, Any] = {"pointer": self.pointer, "detail": self.detail}
        return shown if self.index is None else {"index": self.index, **shown}


@dataclass(eq=False)
class Problem(Exception):
    """A request that is refused. `code` is one of STATUSES; `retry_after` is in seconds."""

    code: str
    detail: str
    errors: Sequence[FieldProblem] = ()
    retry_after: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return STATUSES[self.code]

    def document(self, request_id: str) -> bytes:
        """The answer's body."""
        document: dict[str, Any] = {
            "type": f"urn:trading-telemetry:problem:{self.code}",
            "title": TITLES[self.code],
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = [error.document() for error in self.errors[:MOST_ERRORS]]
        if len(self.errors) > MOST_ERRORS:
            document["errors_omitted"] = len(self.errors) - MOST_ERRORS
        indexes = sorted({error.index for error in self.errors if error.index is not None})
        if indexes:
            document["indexes"] = indexes
        return msgspec.json.encode(document)
