"""The OpenAPI document: the routes FastAPI knows, and the calls that are plain ASGI for speed."""

from typing import Any

from fastapi import FastAPI

from trading_app.access.gate import COOKIE
from trading_app.problems import TYPES
from trading_model import kind_members
from trading_model.fields import form_schema, in_force_schema, request_schema, stored_schema
from trading_model.kind_members import KINDS

ACCEPTED = {
    "type": "object",
    "required": ["seq", "trade_id", "status"],
    "properties": {
        "seq": {"type": "integer", "minimum": 1},
        "trade_id": {"type": "string"},
        "status": {"enum": ["accepted", "duplicate"]},
        "voided": {"const": True, "description": "It is a duplicate of a trade that was voided, and stays voided."},
    },
}
BATCH_ACCEPTED = {
    "type": "object",
    "required": ["accepted", "duplicates", "first_seq", "last_seq"],
    "properties": {
        "accepted": {"type": "integer", "minimum": 0, "description": "New trades."},
        "duplicates": {"type": "integer", "minimum": 0, "description": "Trades that were in the journal already."},
        "first_seq": {"type": "integer", "minimum": 1, "description": "The lowest sequence of these trades."},
        "last_seq": {"type": "integer", "minimum": 1, "description": "The highest sequence of these trades."},
        "voided": {
            "type": "integer",
            "minimum": 1,
            "description": "The number of duplicates that were taken back, and stay so; left out if there are none.",
        },
        "voided_trades": {
            "type": "array",
            "description": "The first 100 of these.",
            "items": {
                "type": "object",
                "required": ["index", "seq"],
                "properties": {
                    "index": {"type": "integer", "minimum": 0, "description": "Place in the batch, from 0."},
                    "seq": {"type": "integer", "minimum": 1},
                },
            },
        },
    },
}
_INDEX = {"type": "integer", "minimum": 0, "description": "Place in the batch, from 0."}
_SEQUENCE = {"type": "integer", "minimum": 1}
KNOWN_TRADES: dict[str, Any] = {
    "type": "object",
    "required": ["new", "known", "taken_back", "different", "history", "similar"],
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
            "description": "New trades that the store has under another identity: the same account, symbol, side, price"
            " and quantity within a second. `[index, seq]`.",
            "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
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
PAGE = {
    "type": "object",
    "required": ["trades", "next_after"],
    "properties": {
        "trades": {
            "type": "array",
            "items": {
                "anyOf": [
                    {"$ref": "#/components/schemas/StoredTrade"},
                    {"$ref": "#/components/schemas/TradeInForce"},
                ]
            },
        },
        "next_after": {
            "type": ["integer", "null"],
            "description": "`after` of the next page; null on the last page.",
        },
    },
}
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"enum": list(TYPES)},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "pointer": {"type": "string"},
                    "detail": {"type": "string"},
                    "seq": {
                        "type": "integer",
                        "description": "The stored event that the sent one is in conflict with.",
                    },
                    "yours": {"description": "The value that was sent; null if there is none."},
                    "stored": {"description": "The value that is stored; null if there is none."},
                },
            },
        },
        "errors_omitted": {"type": "integer", "description": "The number of further errors; at most 100 are listed."},
        "indexes": {
            "type": "array",
            "items": {"type": "integer"},
            "description": "The index of every invalid item of a batch, from 0.",
        },
    },
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 128,
        "pattern": r"^[!#-\[\]-~]([ !#-\[\]-~]*[!#-\[\]-~])?$",
    },
    "description": "A name for the whole request. The same name with the same body changes nothing.",
}


LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "integer", "minimum": 0, "exclusiveMaximum": 10**18},
    "description": "Return the trades after this one. A browser's EventSource sends it automatically.",
}


def _header(description: str, **schema: Any) -> dict[str, Any]:
    return {"required": True, "description": description, "schema": schema}


_RETRY_AFTER = {"Retry-After": _header("Seconds to wait before the next attempt.", type="integer", minimum=1)}
HEADERS: dict[str, dict[str, Any]] = {
    "every": {
        "X-Request-ID": _header("The request's id, also in the log.", type="string", pattern="^[A-Za-z0-9._-]{1,64}$")
    },
    "401": {"WWW-Authenticate": _header("The authentication scheme.", type="string")},
    "429": _RETRY_AFTER,
    "503": _RETRY_AFTER,
}
"""Headers of the responses, by status; `every` is for all."""


ACCESS_CODES = ("unauthorized", "forbidden", "foreign_origin", "foreign_host", "too_many_attempts", "keys_unavailable")
"""Codes of every call that needs a credential; if none is set, it needs one of the app's own host names instead."""

SECURITY_SCHEMES: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, or an ID token of the provider. POST needs the scope ingest, for"
        " corrections the scope correct; GET needs the scope read.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "A signed-in browser's session for the app's pages. With https its name starts with `__Host-`.",
    },
}


def success(description: str, **content: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The response 200, with a schema for each media type: `text_plain` stands for `text/plain`."""
    types = {name.replace("_", "/", 1).replace("_", "-"): {"schema": schema} for name, schema in content.items()}
    return {200: {"description": description, "content": types}}


TEXT = {"type": "string"}
TRADES = success(
    "Trades, by `seq`",
    application_json={"$ref": "#/components/schemas/Page"},
    application_x_ndjson={**TEXT, "description": "A StoredTrade on each line."},
    text_csv={**TEXT, "description": "A StoredTrade in each row; UTF-8 with a byte order mark."},
    **{"application_vnd.apache.parquet": {**TEXT, "format": "binary"}},
)
EVENTS = success(
    "Events without end", text_event_stream={**TEXT, "description": "`id` is the sequence, `data` a StoredTrade."}
)
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
_PROVENANCE = {
    "at": {"type": "string", "format": "date-time", "description": "When it was committed."},
    "who": {"type": ["string", "null"], "description": "The name of the caller's credential, if there was one."},
    "way": {
        "type": ["string", "null"],
        "description": "`api`, `batch`, `form`, `page`, `import`, `webhook` or `file`.",
    },
}
IMPORT_ID = {
    "name": "import_id",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    "description": "The import that brings the trades: the `id` of an event `import` in force. They bear it.",
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
                        **_PROVENANCE,
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
        "required": ["new", "known", "taken_back"],
        "properties": {name: KNOWN_TRADES["properties"][name] for name in ("new", "known", "taken_back")},
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
                    "required": ["kind", "id"],
                    "properties": {"kind": {"enum": list(KINDS)}, "id": {"type": "string"}},
                },
            }
        }
    },
}
KNOWN = success("What the ledger has of these trades", application_json=KNOWN_TRADES)
_CHAPTER = {
    "type": "object",
    "required": ["seq", "kind", "at", "who", "way", "reason", "in_force", "event"],
    "properties": {
        "seq": {"type": "integer", "minimum": 1},
        "kind": {"enum": list(KINDS)},
        **_PROVENANCE,
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
            **_PROVENANCE,
            "in_force": {"type": "boolean", "description": "Whether it counts: neither it nor its import is voided."},
            "now": {"$ref": "#/components/schemas/StoredTrade"},
            "story": {"type": "array", "items": _CHAPTER},
        },
    },
)
EXPOSITION = success("docs/app-metrics.md explains each metric", text_plain=TEXT, application_openmetrics_text=TEXT)


EVERY_CALL = (
    "bad_request", "request_timeout", "url_too_long", "rate_limited", "headers_too_large", "too_many_connections",
    "too_many_bodies",
)  # fmt: skip
"""Codes that every call may be refused with."""


def problem_responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses for these codes, one for each status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        _add_problem(responses.setdefault(TYPES[code].status, {}), code)
    return responses


def _add_problem(response: dict[str, Any], code: str) -> None:
    known = response.get("description", "")
    if f"`{code}`" not in known:
        response["description"] = "; ".join(filter(None, (known, f"`{code}`: {TYPES[code].title}")))
        response["content"] = _problem_content()


def accepted_events() -> dict[int | str, dict[str, Any]]:
    """The responses to events of other kinds than fills."""
    content = {"application/json": {"schema": {"anyOf": [_reference("EventAccepted"), _reference("BatchAccepted")]}}}
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


def undone_import() -> dict[int | str, dict[str, Any]]:
    """The responses to taking an import back."""
    refused = problem_responses(
        *ACCESS_CODES, "not_found", "event_conflict", "invalid_parameter", "damaged_history", "overloaded", "not_ready",
        "store_busy", "stream_failed",
    )  # fmt: skip
    content = {"application/json": {"schema": _reference("BatchAccepted")}}
    return {201: {"description": "Accepted: the voids", "content": content}, **refused}


def _event_schemas() -> dict[str, Any]:
    """A schema for each kind of event that can be sent, one that selects among them, one of a journaled event."""
    kinds = {kind: f"{kind.capitalize()}Event" for kind in KINDS}
    mapping = {kind: f"#/components/schemas/{name}" for kind, name in kinds.items()}
    return {
        **{name: kind_members.request_schema(KINDS[kind]) for kind, name in kinds.items()},
        "Event": {
            "oneOf": [_reference(name) for name in kinds.values()],
            "discriminator": {"propertyName": "kind", "mapping": mapping},
        },
        "EventAccepted": EVENT_ACCEPTED,
        "StoredEvent": STORED_EVENT,
    }


def describe(app: FastAPI, *, guarded: bool) -> dict[str, Any]:
    """The whole document, made once. `guarded` is true if callers have to show a token."""
    if app.openapi_schema is None:
        schemas = {
            "Trade": request_schema(),
            "TradeForm": form_schema(),
            "Accepted": ACCEPTED,
            "BatchAccepted": BATCH_ACCEPTED,
            "StoredTrade": stored_schema(),
            "TradeInForce": in_force_schema(),
            "Page": PAGE,
            "Problem": PROBLEM,
            **_event_schemas(),
        }
        document = FastAPI.openapi(app)
        document["paths"]["/trade"] = {"post": _accept_trade()}
        document["paths"].setdefault("/trades", {})["post"] = _accept_trades()
        document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
        shown: list[dict[str, list[str]]] = [{name: []} for name in SECURITY_SCHEMES]
        document["security"] = shown if guarded else [{}, *shown]
        for item in document["paths"].values():
            for operation in item.values():
                _complete(operation)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(operation: dict[str, Any]) -> None:
    """Add the refusals and headers common to all calls, and correct the schemas of optional parameters.

    FastAPI declares that they may be null, but a query parameter can't be.
    """
    for parameter in operation.get("parameters", ()):
        rules = parameter["schema"]
        parameter["schema"] = {**rules.pop("anyOf", [{}])[0], **rules}
    responses = operation["responses"]
    for code in EVERY_CALL:
        _add_problem(responses.setdefault(str(TYPES[code].status), {}), code)
    for status, response in responses.items():
        response["headers"] = {**HEADERS["every"], **HEADERS.get(status, {})}


def _accept_trade() -> dict[str, Any]:
    form = {"schema": _reference("TradeForm")}
    return {
        "summary": "Send one trade",
        "description": "The answer means that the trade is durable. `ts`, ids and labels are optional.",
        "operationId": "take_trade",
        "tags": ["trades"],
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _reference("Trade")},
                "application/x-www-form-urlencoded": form,
                "multipart/form-data": form,
            },
        },
        "responses": _responses("Accepted", "New", "Duplicate: nothing changed", "invalid_trade"),
    }


_BATCH = {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Trade"}}
_LINES = {"type": "string", "description": "One trade, a JSON object, on each line."}
BATCH_BODY = {
    "required": True,
    "content": {"application/json": {"schema": _BATCH}, "application/x-ndjson": {"schema": _LINES}},
}


def _accept_trades() -> dict[str, Any]:
    return {
        "summary": "Send a batch, accepted as a whole or not at all",
        "operationId": "take_trades",
        "tags": ["trades"],
        "parameters": [IDEMPOTENCY_KEY, IMPORT_ID],
        "requestBody": BATCH_BODY,
        "responses": _responses(
            "BatchAccepted",
            "Accepted",
            "A request with this Idempotency-Key was accepted before",
            "invalid_batch",
            "invalid_parameter",
            "event_conflict",
        ),
    }


def _responses(schema: str, created: str, repeated: str, *codes: str) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(schema)}}
    refused = problem_responses(
        "not_json", *ACCESS_CODES, "trade_id_conflict", "idempotency_key_conflict", "too_large",
        "unsupported_media_type", *codes, "invalid_parameter", "overloaded", "not_ready", "store_busy", "stream_failed",
    )  # fmt: skip
    return {
        "201": {"description": created, "content": content},
        "200": {"description": repeated, "content": content},
        **{str(status): response for status, response in refused.items()},
    }


def _problem_content() -> dict[str, Any]:
    return {"application/problem+json": {"schema": _reference("Problem")}}


def _reference(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}
