"""The OpenAPI document: what FastAPI finds by itself, and the calls that are plain ASGI for speed."""

from typing import Any

from fastapi import FastAPI

from trading_app.access.gate import COOKIE
from trading_app.problems import TYPES
from trading_model.fields import form_schema, request_schema, stored_schema

ACCEPTED = {
    "type": "object",
    "required": ["seq", "trade_id", "status"],
    "properties": {
        "seq": {"type": "integer", "minimum": 1},
        "trade_id": {"type": "string"},
        "status": {"enum": ["accepted", "duplicate"]},
    },
}
BATCH_ACCEPTED = {
    "type": "object",
    "required": ["accepted", "duplicates", "first_seq", "last_seq"],
    "properties": {
        "accepted": {"type": "integer", "minimum": 0, "description": "New trades."},
        "duplicates": {"type": "integer", "minimum": 0, "description": "Trades that were known already."},
        "first_seq": {"type": "integer", "minimum": 1, "description": "The lowest sequence any of them has."},
        "last_seq": {"type": "integer", "minimum": 1, "description": "The highest."},
    },
}
PAGE = {
    "type": "object",
    "required": ["trades", "next_after"],
    "properties": {
        "trades": {"type": "array", "items": {"$ref": "#/components/schemas/StoredTrade"}},
        "next_after": {
            "type": ["integer", "null"],
            "description": "`after` of the next page; null where there is none yet.",
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
                },
            },
        },
        "errors_omitted": {"type": "integer", "description": "So many more were found; at most 100 are listed."},
        "indexes": {
            "type": "array",
            "items": {"type": "integer"},
            "description": "Every bad item of a batch, from 0.",
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
    "description": "A name for the whole request: sent again with the same body it changes nothing.",
}


LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "integer", "minimum": 0},
    "description": "Give the trades after this one. A browser's EventSource sends it by itself.",
}


def _header(description: str, **schema: Any) -> dict[str, Any]:
    return {"required": True, "description": description, "schema": schema}


_RETRY_AFTER = {"Retry-After": _header("Wait so many seconds.", type="integer", minimum=1)}
HEADERS: dict[str, dict[str, Any]] = {
    "every": {
        "X-Request-ID": _header("The request's name, also in the log.", type="string", pattern="^[A-Za-z0-9._-]{1,64}$")
    },
    "401": {"WWW-Authenticate": _header("How to show a token.", type="string")},
    "429": _RETRY_AFTER,
    "503": _RETRY_AFTER,
}
"""The headers of the responses, by status."""


ACCESS_CODES = ("unauthorized", "forbidden", "foreign_origin", "foreign_host", "too_many_attempts", "keys_unavailable")
"""Of every call that needs a credential where one is set, and a name of the app's own where none is."""

SECURITY_SCHEMES: dict[str, Any] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, or an ID token of the provider set. POST needs the scope ingest, GET read",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Of a browser that signed in, for this app's own pages; by https `__Host-` goes before it.",
    },
}


def success(description: str, **content: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The response 200, with a schema for each media type: `text_plain` stands for `text/plain`."""
    types = {name.replace("_", "/", 1).replace("_", "-"): {"schema": schema} for name, schema in content.items()}
    return {200: {"description": description, "content": types}}


TEXT = {"type": "string"}
PAGE_OR_LINES = success(
    "Trades, ascending by `seq`",
    application_json={"$ref": "#/components/schemas/Page"},
    application_x_ndjson={**TEXT, "description": "A StoredTrade on each line."},
)
EVENTS = success(
    "Events without end", text_event_stream={**TEXT, "description": "`id` is the sequence, `data` a StoredTrade."}
)
EXPOSITION = success("docs/app-metrics.md explains each", text_plain=TEXT, application_openmetrics_text=TEXT)


EVERY_CALL = (
    "bad_request", "request_timeout", "url_too_long", "rate_limited", "headers_too_large", "too_many_connections",
    "too_many_bodies",
)  # fmt: skip
"""What every call may be refused with, whatever it asks for."""


def problem_responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The responses of these codes, one for each status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        _add_problem(responses.setdefault(TYPES[code].status, {}), code)
    return responses


def _add_problem(response: dict[str, Any], code: str) -> None:
    told = response.get("description", "")
    if f"`{code}`" not in told:
        response["description"] = "; ".join(filter(None, (told, f"`{code}`: {TYPES[code].title}")))
        response["content"] = _problem_content()


def describe(app: FastAPI, *, guarded: bool) -> dict[str, Any]:
    """The whole document, made once. `guarded` tells that callers have to show a token."""
    if app.openapi_schema is None:
        schemas = {
            "Trade": request_schema(),
            "TradeForm": form_schema(),
            "Accepted": ACCEPTED,
            "BatchAccepted": BATCH_ACCEPTED,
            "StoredTrade": stored_schema(),
            "Page": PAGE,
            "Problem": PROBLEM,
        }
        document = FastAPI.openapi(app)
        document["paths"]["/trade"] = {"post": _take_trade()}
        document["paths"].setdefault("/trades", {})["post"] = _take_trades()
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
    """Add the refusals and the headers that all calls have in common; FastAPI says of a parameter that may be left out
    that it may be null, which none can be.
    """
    for parameter in operation.get("parameters", ()):
        rules = parameter["schema"]
        parameter["schema"] = {**rules.pop("anyOf", [{}])[0], **rules}
    responses = operation["responses"]
    for code in EVERY_CALL:
        _add_problem(responses.setdefault(str(TYPES[code].status), {}), code)
    for status, response in responses.items():
        response["headers"] = {**HEADERS["every"], **HEADERS.get(status, {})}


def _take_trade() -> dict[str, Any]:
    form = {"schema": _reference("TradeForm")}
    return {
        "summary": "Take one trade",
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
        "responses": _responses("Accepted", "New", "Known already: nothing changed", "invalid_trade"),
    }


def _take_trades() -> dict[str, Any]:
    batch = {"type": "array", "minItems": 1, "items": _reference("Trade")}
    lines = {"type": "string", "description": "One trade, a JSON object, on each line."}
    return {
        "summary": "Take a batch, all of it or nothing",
        "operationId": "take_trades",
        "tags": ["trades"],
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": batch}, "application/x-ndjson": {"schema": lines}},
        },
        "responses": _responses("BatchAccepted", "Taken", "The Idempotency-Key was answered before", "invalid_batch"),
    }


def _responses(schema: str, created: str, repeated: str, *codes: str) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(schema)}}
    refused = problem_responses(
        "not_json", *ACCESS_CODES, "trade_id_conflict", "idempotency_key_conflict", "too_large",
        "unsupported_media_type", *codes, "overloaded", "not_ready", "store_busy", "stream_failed",
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
