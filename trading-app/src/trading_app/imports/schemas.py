"""What the calls of this folder take and answer, for the OpenAPI document. No I/O."""

from typing import Any

from trading_app.http.openapi import ACCESS_CODES, problem_responses, reference, success
from trading_app.ledger.schemas import PROVENANCE
from trading_model.kind_members import KINDS

_INDEX = {"type": "integer", "minimum": 0, "description": "Place in the batch, from 0."}
_SEQUENCE = {"type": "integer", "minimum": 1}
KNOWN_TRADES: dict[str, Any] = {
    "type": "object",
    "required": ["new", "known", "taken_back", "different", "history", "similar", "forms"],
    "properties": {
        "new": {"type": "integer", "minimum": 0, "description": "The number of trades that the ledger does not have."},
        "known": {
            "type": "array",
            "description": "Trades that the ledger has, with the same content, in force: `[index, seq]`.",
            "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        },
        "history": {
            "type": ["integer", "null"],
            "description": "With `similar=true`: up to which sequence the store of fills has the ledger; null without a"
            " store, and then nothing was looked for.",
        },
        "similar": {
            "type": "array",
            "description": "New trades that the store has under another identity: the same account, market, side, price"
            " and quantity within a second. `[index, seq]`.",
            "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        },
        "forms": {
            "type": "array",
            "description": "With `similar=true`: symbols of new trades that name the same market as another symbol of"
            " their account in the store, and are positions of their own: `[symbol, other]`.",
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        },
        "taken_back": {
            "type": "array",
            "description": "The same, but voided: by the event `void`, which names the trade or its import.",
            "items": {
                "type": "object",
                "required": ["index", "seq", "void", "import_id"],
                "properties": {
                    "index": _INDEX,
                    "seq": _SEQUENCE,
                    "void": _SEQUENCE,
                    "import_id": {"type": ["string", "null"]},
                },
            },
        },
        "different": {
            "type": "array",
            "description": "Trades whose identity is that of a stored trade with other content: POST /trades would"
            " answer 409. `fields` has what differs, for the first 100.",
            "items": {
                "type": "object",
                "required": ["index", "seq", "void", "fields"],
                "properties": {
                    "index": _INDEX,
                    "seq": _SEQUENCE,
                    "void": {**_SEQUENCE, "type": ["integer", "null"]},
                    "fields": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "required": ["yours", "stored"],
                            "properties": {
                                "yours": {"description": "The value that was sent; null if there is none."},
                                "stored": {"description": "The value that is stored; null if there is none."},
                            },
                        },
                    },
                },
            },
        },
    },
}
IMPORT_PAGE = success(
    "Imports, newest first",
    application_json={
        "type": "object",
        "required": ["imports", "next_before"],
        "properties": {
            "imports": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": [
                        "id", "seq", "name", "digest", "preset", "rows", "taken", "skipped", "account", "at", "who",
                        "way", "in_force", "void",
                    ],
                    "properties": {
                        "id": {"type": "string"},
                        "seq": _SEQUENCE,
                        "name": {"type": "string"},
                        "digest": {"type": "string"},
                        "preset": {"type": ["string", "null"]},
                        "rows": {"type": "integer"},
                        "taken": {"type": "integer"},
                        "skipped": {"type": "integer"},
                        "account": {"type": ["string", "null"]},
                        **PROVENANCE,
                        "in_force": {"type": "boolean"},
                        "void": {"type": ["integer", "null"], "description": "The event that takes it back."},
                    },
                },
            },
            "next_before": {"type": ["integer", "null"], "description": "`before` of the next page; null on the last."},
        },
    },
)  # fmt: skip
_UPLOAD_SCHEMA = {
    "type": "object",
    "required": ["id", "name", "state", "step", "rows", "detail", "report"],
    "properties": {
        "id": {"type": "string", "description": "Of the upload, for the calls that follow."},
        "name": {"type": "string"},
        "state": {"enum": ["reading", "planned", "taking", "taken", "failed"]},
        "step": {"type": "string", "description": "`reading`, `comparing`, `computing`, `taking`; empty at first."},
        "rows": {"type": "integer", "minimum": 0, "description": "How many rows the step has done."},
        "detail": {"type": ["string", "null"], "description": "Why it failed."},
        "report": {"type": ["object", "null"], "description": "What would change, or has: docs/importing.md."},
    },
}
UPLOAD: dict[int | str, dict[str, Any]] = success("The upload, with its report", application_json=_UPLOAD_SCHEMA)
UPLOADED: dict[int | str, dict[str, Any]] = {201: UPLOAD[200]}
FILE_BODY = {
    "description": "The file. Without one, the report says that it is empty.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
_TEXT_OPTION = {"type": "string", "maxLength": 128}
OPTIONS_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "description": "As the options of `trading-app import`: docs/importing.md.",
                "properties": {
                    **dict.fromkeys(
                        ("preset", "timezone", "account", "strategy", "venue", "symbol", "currency"), _TEXT_OPTION
                    ),
                    "mapping": {"type": "string", "description": "The text of a mapping file."},
                    "mapping_name": _TEXT_OPTION,
                    "decimal": {"enum": ["", ".", ","]},
                    "date_order": {"enum": ["", "dmy", "mdy", "ymd"]},
                    "contract_sizes": {"type": "object", "additionalProperties": {"type": "string"}},
                    "openings": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["symbol", "quantity", "average"],
                            "properties": {key: {"type": "string"} for key in ("symbol", "quantity", "average")},
                        },
                    },
                    "revive": {"type": ["boolean", "null"]},
                    "probably_known": {"enum": ["", "skip", "take"]},
                    "different": {"enum": ["", "skip"]},
                },
            }
        }
    },
}
KNOWN_EVENTS = success(
    "What the ledger has of these events",
    application_json={
        "type": "object",
        "required": ["new", "known", "taken_back", "different"],
        "properties": {name: KNOWN_TRADES["properties"][name] for name in ("new", "known", "taken_back", "different")},
    },
)
KNOWN_EVENTS_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "description": "Its kind and id; or all of it, as POST /events takes it, to be compared.",
                    "required": ["kind", "id"],
                    "properties": {"kind": {"enum": list(KINDS)}, "id": {"type": "string"}},
                },
            }
        }
    },
}
KNOWN = success("What the ledger has of these trades", application_json=KNOWN_TRADES)


def undone_import() -> dict[int | str, dict[str, Any]]:
    """The responses to taking an import back."""
    refused = problem_responses(
        *ACCESS_CODES, "not_found", "event_conflict", "invalid_parameter", "damaged_history", "overloaded", "not_ready",
        "store_busy", "stream_failed",
    )  # fmt: skip
    content = {"application/json": {"schema": reference("BatchAccepted")}}
    return {201: {"description": "Accepted: the voids", "content": content}, **refused}
