"""Errors of an HTTP API: code, status and title, as `application/problem+json` (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import msgspec


class ProblemType(NamedTuple):
    """The HTTP status and the title of an error code."""

    status: int
    title: str


COMMON_TYPES = {
    "bad_request": ProblemType(400, "Malformed request"),
    "unauthorized": ProblemType(401, "A valid token is required"),
    "forbidden": ProblemType(403, "The token does not allow this"),
    "foreign_origin": ProblemType(403, "Request from another site"),
    "foreign_host": ProblemType(403, "Unknown host name"),
    "not_found": ProblemType(404, "Not found"),
    "method_not_allowed": ProblemType(405, "Method not allowed"),
    "request_timeout": ProblemType(408, "Request timed out"),
    "too_large": ProblemType(413, "Request body too large"),
    "url_too_long": ProblemType(414, "URL too long"),
    "unsupported_encoding": ProblemType(415, "Unsupported Content-Encoding"),
    "too_many_attempts": ProblemType(429, "Too many wrong tokens"),
    "rate_limited": ProblemType(429, "Rate limit exceeded"),
    "headers_too_large": ProblemType(431, "Request header fields too large"),
    "internal_error": ProblemType(500, "Internal error"),
    "too_many_connections": ProblemType(503, "Too many connections"),
    "too_many_answers": ProblemType(503, "Too many unread responses"),
    "too_many_bodies": ProblemType(503, "Too many large request bodies"),
}
"""By code, the errors that any program may answer. Codes are part of the API and never change."""

MAX_ERRORS = 100
"""Maximum of errors listed; `errors_omitted` counts the others, and `indexes` names every bad item."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One error of one field. `pointer` is a JSON Pointer into the body (RFC 6901), as a URI fragment.

    `index` is the item of a batch that the field belongs to; None for a single item. `members` are added to the error's
    JSON object.
    """

    pointer: str
    detail: str
    index: int | None = None
    members: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The error as a JSON object."""
        shown: dict[str, Any] = {"pointer": self.pointer, "detail": self.detail, **self.members}
        return shown if self.index is None else {"index": self.index, **shown}


@dataclass(eq=False)
class Problem(Exception):
    """A refused request. `code` is a key of `types`; `retry_after` is in seconds.

    A program with codes of its own defines a subclass whose `types` include them.
    """

    types: ClassVar[Mapping[str, ProblemType]] = COMMON_TYPES

    code: str
    detail: str
    errors: Sequence[FieldProblem] = ()
    retry_after: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return self.types[self.code].status

    def document(self, request_id: str) -> bytes:
        """The JSON body of the answer."""
        document: dict[str, Any] = {
            "type": f"urn:trading-telemetry:problem:{self.code}",
            "title": self.types[self.code].title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = [error.document() for error in self.errors[:MAX_ERRORS]]
        if len(self.errors) > MAX_ERRORS:
            document["errors_omitted"] = len(self.errors) - MAX_ERRORS
        indexes = sorted({error.index for error in self.errors if error.index is not None})
        if indexes:
            document["indexes"] = indexes
        return msgspec.json.encode(document)
