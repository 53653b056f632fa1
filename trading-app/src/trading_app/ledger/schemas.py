"""What the calls of this folder take and answer, for the OpenAPI document. No I/O."""

from typing import Any

from trading_app.http.openapi import ACCESS_CODES, problem_responses, reference, schema_of, success
from trading_app.ledger.results import EventAccepted
from trading_app.ledger.story import EventPage, Story
from trading_model import kind_members
from trading_model.kind_members import KINDS

STORED_EVENT = {
    "type": "object",
    "description": "An event as journaled; docs/wire-contract.md has the content of each kind.",
    "required": ["seq", "kind", "id"],
    "properties": {
        "seq": {"type": "integer", "minimum": 1},
        "kind": {"enum": list(KINDS)},
        "id": {"type": "string"},
        "target": {"type": "integer", "minimum": 1},
    },
}
_EVENT = {"$ref": "#/components/schemas/Event"}
EVENT_BODY = {
    "required": True,
    "content": {"application/json": {"schema": {"anyOf": [_EVENT, {"type": "array", "minItems": 1, "items": _EVENT}]}}},
}
EVENT_PAGE = success("Events, ascending by `seq`", application_json=schema_of(EventPage))
STORY = success("The trade and its story", application_json=schema_of(Story))


def accepted_events() -> dict[int | str, dict[str, Any]]:
    """The responses to events of other kinds than fills."""
    content = {"application/json": {"schema": {"anyOf": [reference("EventAccepted"), reference("BatchAccepted")]}}}
    refused = problem_responses(
        "not_json", *ACCESS_CODES, "event_conflict", "idempotency_key_conflict", "too_large", "unsupported_encoding",
        "unsupported_media_type", "invalid_event", "invalid_batch", "invalid_parameter", "damaged_history",
        "overloaded", "not_ready", "store_busy", "stream_failed",
    )  # fmt: skip
    return {
        201: {"description": "Accepted", "content": content},
        200: {"description": "Duplicate: nothing changed", "content": content},
        **refused,
    }


def event_schemas() -> dict[str, Any]:
    """A schema for each kind of event that can be sent, one that selects among them, one of a journaled event."""
    kinds = {kind: f"{kind.capitalize()}Event" for kind in KINDS}
    mapping = {kind: f"#/components/schemas/{name}" for kind, name in kinds.items()}
    return {
        **{name: kind_members.request_schema(KINDS[kind]) for kind, name in kinds.items()},
        "Event": {
            "oneOf": [reference(name) for name in kinds.values()],
            "discriminator": {"propertyName": "kind", "mapping": mapping},
        },
        "EventAccepted": schema_of(EventAccepted),
        "StoredEvent": STORED_EVENT,
    }
