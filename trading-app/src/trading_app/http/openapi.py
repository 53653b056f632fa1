"""The OpenAPI document: the routes FastAPI knows, and the calls that are plain ASGI for speed.

Here is what all calls share. What one folder's calls take and answer is in its `schemas`.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import FastAPI

from trading_app.access.gate import COOKIE
from trading_app.problems import TYPES
from trading_model.fields import form_schema, in_force_schema, request_schema, stored_schema

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


IMPORT_ID = {
    "name": "import_id",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    "description": "The import that brings the trades: the `id` of an event `import` in force. They bear it.",
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


def describe(app: FastAPI, shared: Mapping[str, Any], *, guarded: bool) -> dict[str, Any]:
    """The whole document, made once. `shared` are the schemas of the routes that others refer to, by name; `guarded` is
    true if callers have to show a token.
    """
    if app.openapi_schema is None:
        schemas = {
            "Trade": request_schema(),
            "TradeForm": form_schema(),
            "Accepted": ACCEPTED,
            "BatchAccepted": BATCH_ACCEPTED,
            "StoredTrade": stored_schema(),
            "TradeInForce": in_force_schema(),
            "Problem": PROBLEM,
            **shared,
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
    form = {"schema": reference("TradeForm")}
    return {
        "summary": "Send one trade",
        "description": "The answer means that the trade is durable. `ts`, ids and labels are optional.",
        "operationId": "take_trade",
        "tags": ["trades"],
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": reference("Trade")},
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
    content = {"application/json": {"schema": reference(schema)}}
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
    return {"application/problem+json": {"schema": reference("Problem")}}


def reference(schema: str) -> dict[str, str]:
    """The schema with this name, by reference."""
    return {"$ref": f"#/components/schemas/{schema}"}


def schema_of(struct: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of a struct, with those of the structs in it in place."""
    (schema,), components = msgspec.json.schema_components([struct])
    resolved: dict[str, Any] = _resolve(schema, components)
    return resolved


_OWN = "#/$defs/"
"""How msgspec refers to a struct. Other references are to the document's own schemas."""


def _resolve(schema: Any, components: Mapping[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_resolve(one, components) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("$ref", "").startswith(_OWN):
        return _resolve(components[schema["$ref"].removeprefix(_OWN)], components)
    resolved = {name: _resolve(member, components) for name, member in schema.items()}
    if isinstance(resolved.get("title"), str):  # a member may have this name, and then a schema
        del resolved["title"]
    if isinstance(resolved.get("description"), str):
        resolved["description"] = inspect.cleandoc(resolved["description"])
    return resolved
