"""The OpenAPI document: what FastAPI finds by itself, and the calls that are plain ASGI for speed."""

from typing import Any

from fastapi import FastAPI

from trading_app.problems import STATUSES, TITLES

NUMBER = {
    "anyOf": [{"type": "string", "pattern": r"^(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?$"}, {"type": "number"}],
    "description": "More than 0, at most 38 digits. Kept exactly as written; as a string no client can round it.",
    "examples": ["0.00141342"],
}
SIGNED_NUMBER = {
    "anyOf": [{"type": "string", "pattern": r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?$"}, {"type": "number"}],
    "description": "At most 38 digits. Kept exactly as written.",
    "examples": ["0.25", "-0.01"],
}


def _text(most: int, description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": most, "description": description, **more}


TRADE_IN: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["symbol", "price", "qty", "side"],
    "properties": {
        "symbol": _text(
            32, "Stored in upper case.", pattern=r"^[A-Za-z0-9._:/-]{1,32}$", examples=["XRP/ETH", "BTCUSDT"]
        ),
        "price": {**NUMBER, "description": f"Quote units per base unit. {NUMBER['description']}"},
        "qty": {**NUMBER, "description": f"Base units. {NUMBER['description']}", "examples": ["23.0"]},
        "side": {"type": "string", "pattern": "^([bB][uU][yY]|[sS][eE][lL][lL])$", "examples": ["buy", "sell"]},
        "ts": {
            "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}],
            "description": "When it was traded: RFC 3339, or s, ms, µs or ns since 1970. Now, if not given.",
            "examples": ["2026-01-31T12:00:00.250Z", 1570752011620],
        },
        "trade_id": {
            **_text(128, "Unique within the account; a repeat is recognised by it. Made, if not given."),
            "type": ["string", "null"],
            "examples": ["binance-13519807"],
        },
        "account": {**_text(64, "`default`, if not given."), "type": ["string", "null"]},
        "strategy": {**_text(64, "`default`, if not given."), "type": ["string", "null"]},
        "venue": {**_text(64, "Where it was traded."), "type": ["string", "null"]},
        "order_id": {**_text(128, "The order it filled."), "type": ["string", "null"]},
        "fee": {
            "anyOf": [*SIGNED_NUMBER["anyOf"], {"type": "null"}],
            "description": "What it cost, in fee_currency; negative for a rebate.",
            "examples": ["0.02"],
        },
        "fee_currency": {
            **_text(16, "The symbol's quote currency, if not given.", pattern="^[A-Za-z0-9]{1,16}$"),
            "type": ["string", "null"],
        },
    },
}

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
STORED_TRADE: dict[str, Any] = {
    "type": "object",
    "description": "A trade as journaled. `venue`, `order_id`, `fee` and `fee_currency` only where they were given.",
    "required": ["seq", "trade_id", "symbol", "price", "qty", "side", "ts", "account", "strategy"],
    "properties": {
        "seq": {"type": "integer", "minimum": 1},
        "trade_id": {"type": "string"},
        "symbol": {"type": "string", "description": "In upper case."},
        "price": {"type": "string", "description": "The digits as they were sent."},
        "qty": {"type": "string", "description": "The digits as they were sent."},
        "side": {"enum": ["buy", "sell"]},
        "ts": {"type": "string", "format": "date-time", "description": "In UTC."},
        "account": {"type": "string"},
        "strategy": {"type": "string"},
        "venue": {"type": "string"},
        "order_id": {"type": "string"},
        "fee": {"type": "string"},
        "fee_currency": {"type": "string"},
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
        "code": {"enum": list(STATUSES)},
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
    "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    "description": "A name for the whole request: sent again with the same body it changes nothing.",
}


LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "integer", "minimum": 0},
    "description": "Give the trades after this one. A browser's EventSource sends it by itself.",
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


def problem_responses(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The responses of these codes, one for each status."""
    responses: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        entry = responses.setdefault(STATUSES[code], {"description": "", "content": _problem_content()})
        entry["description"] = "; ".join(filter(None, (entry["description"], f"`{code}`: {TITLES[code]}")))
    return responses


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document, made once."""
    if app.openapi_schema is None:
        schemas = {
            "Trade": TRADE_IN,
            "Accepted": ACCEPTED,
            "BatchAccepted": BATCH_ACCEPTED,
            "StoredTrade": STORED_TRADE,
            "Page": PAGE,
            "Problem": PROBLEM,
        }
        document = FastAPI.openapi(app)
        document["paths"]["/trade"] = {"post": _take_trade()}
        document["paths"].setdefault("/trades", {})["post"] = _take_trades()
        document.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{}, {"token": []}]
        app.openapi_schema = document
    return app.openapi_schema


def _take_trade() -> dict[str, Any]:
    trade = {"schema": _reference("Trade")}
    return {
        "summary": "Take one trade",
        "description": "The answer means that the trade is durable. `ts`, ids and labels are optional.",
        "operationId": "take_trade",
        "tags": ["trades"],
        "parameters": [IDEMPOTENCY_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": trade,
                "application/x-www-form-urlencoded": trade,
                "multipart/form-data": trade,
            },
        },
        "responses": _responses("Accepted", "New", "Known already: nothing changed", "invalid_trade", "foreign_origin"),
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
        "not_json", "bad_request", "unauthorized", "trade_id_conflict", "idempotency_key_conflict", "too_large",
        "unsupported_media_type", *codes, "overloaded", "not_ready", "stream_failed",
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
