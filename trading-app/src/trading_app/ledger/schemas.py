"""What the calls of this folder take and answer, for the OpenAPI document. No I/O."""

from typing import Any

from trading_app.http.openapi import ACCESS_CODES, problem_responses, reference, success
from trading_model import kind_members
from trading_model.kind_members import KINDS

EVENT_ACCEPTED = {
    "type": "object",
    "required": ["seq", "kind", "id", "status"],
    "properties": {
        "seq": {"type": "integer", "minimum": 1},
        "kind": {"enum": list(KINDS)},
        "id": {"type": "string"},
        "status": {"enum": ["accepted", "duplicate"]},
    },
}
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
EVENT_PAGE = success(
    "Events, ascending by `seq`",
    application_json={
        "type": "object",
        "required": ["events", "next_after"],
        "properties": {
            "events": {"type": "array", "items": {"$ref": "#/components/schemas/StoredEvent"}},
            "next_after": {"type": ["integer", "null"], "description": "`after` of the next page; null on the last."},
        },
    },
)
PROVENANCE = {
    "at": {"type": "string", "format": "date-time", "description": "When it was committed."},
    "who": {"type": ["string", "null"], "description": "The name of the caller's credential, if there was one."},
    "way": {
        "type": ["string", "null"],
        "description": "`api`, `batch`, `form`, `page`, `import`, `webhook` or `file`.",
    },
}
"""When, by whom and by which way an event came."""

_CHAPTER = {
    "type": "object",
    "required": ["seq", "kind", "at", "who", "way", "reason", "in_force", "event"],
    "properties": {
        "seq": {"type": "integer", "minimum": 1},
        "kind": {"enum": list(KINDS)},
        **PROVENANCE,
        "reason": {"type": ["string", "null"]},
        "in_force": {"type": "boolean"},
        "event": {"$ref": "#/components/schemas/StoredEvent"},
    },
}
STORY = success(
    "The trade and its story",
    application_json={
        "type": "object",
        "required": ["trade", "at", "who", "way", "in_force", "now", "story"],
        "properties": {
            "trade": {"$ref": "#/components/schemas/StoredTrade"},
            **PROVENANCE,
            "in_force": {"type": "boolean", "description": "Whether it counts: neither it nor its import is voided."},
            "now": {"$ref": "#/components/schemas/StoredTrade"},
            "story": {"type": "array", "items": _CHAPTER},
        },
    },
)


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
        "EventAccepted": EVENT_ACCEPTED,
        "StoredEvent": STORED_EVENT,
    }
