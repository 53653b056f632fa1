"""What the calls of this folder take and answer, for the OpenAPI document. No I/O."""

from typing import Any

from trading_app.http.openapi import ACCESS_CODES, problem_responses, reference, schema_of, success
from trading_app.imports.listing import ImportPage
from trading_app.imports.options import Options
from trading_app.imports.uploads import Shown
from trading_app.intake.known import KnownEvents, KnownTrades
from trading_app.ledger.known import Named

KNOWN = success("What the ledger has of these trades", application_json=schema_of(KnownTrades))
KNOWN_EVENTS = success("What the ledger has of these events", application_json=schema_of(KnownEvents))
IMPORT_PAGE = success("Imports, newest first", application_json=schema_of(ImportPage))
UPLOAD_SCHEMA = schema_of(Shown)
UPLOAD: dict[int | str, dict[str, Any]] = success("The upload, with its report", application_json=reference("Upload"))
UPLOADED: dict[int | str, dict[str, Any]] = {201: UPLOAD[200]}
FILE_BODY = {
    "description": "The file. Without one, the report says that it is empty.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
OPTIONS_BODY = {"required": True, "content": {"application/json": {"schema": schema_of(Options)}}}
_ASKED = "Its kind and id; or all of it, as POST /events takes it, to be compared."
_NAMES = {"type": "array", "minItems": 1, "items": schema_of(Named) | {"description": _ASKED}}
KNOWN_EVENTS_BODY = {"required": True, "content": {"application/json": {"schema": _NAMES}}}


def undone_import() -> dict[int | str, dict[str, Any]]:
    """The responses to taking an import back."""
    refused = problem_responses(
        *ACCESS_CODES, "not_found", "event_conflict", "invalid_parameter", "damaged_history", "overloaded", "not_ready",
        "store_busy", "stream_failed",
    )  # fmt: skip
    content = {"application/json": {"schema": reference("BatchAccepted")}}
    return {201: {"description": "Accepted: the voids", "content": content}, **refused}
