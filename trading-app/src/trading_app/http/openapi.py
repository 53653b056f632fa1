"""The OpenAPI document: what FastAPI finds by itself, and the calls that are plain ASGI for speed."""

from typing import Any

from fastapi import FastAPI

from trading_app.access.gate import COOKIE
from trading_app.intake.fields import EARLIEST_SECONDS
from trading_app.problems import TYPES

_DIGITS = r"(0|[1-9][0-9]*)(\.[0-9]+)?"
_EXPONENT = "([eE][+-]?[0-9]{1,2})?"
_DAY = "(197[3-9]|19[89][0-9]|20[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
_RFC3339 = rf"^{_DAY}[Tt ]{_CLOCK}:[0-5][0-9](\.[0-9]{{1,9}})?([Zz]|[+-]{_CLOCK})$"
_INNER = r'[^"\\\x00-\x1f\x7f-\x9f]'
_OUTER = r'[^\s"\\\x00-\x1f\x7f-\x9f]'
# What JSON Schema can't say is in the descriptions: how many digits a number has, what is printable, what time it is.
AMOUNT_TEXT = {"type": "string", "pattern": rf"^(?!0(\.0+)?([eE]|$)){_DIGITS}{_EXPONENT}$"}
DECIMAL_TEXT = {"type": "string", "pattern": f"^-?{_DIGITS}{_EXPONENT}$"}
TIME_TEXT = [
    {"type": "string", "pattern": _RFC3339},
    {"type": "string", "pattern": r"^[1-9][0-9]{8,18}(\.[0-9]{1,19})?$"},
]
KEPT = "at most 38 digits, and at most 38 on either side of the point. Kept exactly as written"
NUMBER = {
    "anyOf": [AMOUNT_TEXT, {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**38}],
    "description": f"More than 0, {KEPT}; as a string no client can round it.",
    "examples": ["0.00141342"],
}
PRINTABLE = f"^{_OUTER}({_INNER}*{_OUTER})?$"
PRINTABLE_OR_EMPTY = f"^({_OUTER}({_INNER}*{_OUTER})?)?$"
SYMBOL = {"type": "string", "pattern": "^[A-Za-z0-9._:/-]{1,32}$"}
SYMBOL_OR_EMPTY = "^[A-Za-z0-9._:/-]{0,32}$"


def _text(maximum: int, description: str) -> dict[str, Any]:
    described = f"{description} Printable characters, no spaces at its ends."
    return {"type": "string", "minLength": 1, "maxLength": maximum, "pattern": PRINTABLE, "description": described}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "type": [schema["type"], "null"]}


TRADE_IN: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["symbol", "price", "qty", "side"],
    "properties": {
        "symbol": {**SYMBOL, "description": "Stored in upper case.", "examples": ["XRP/ETH", "BTCUSDT"]},
        "price": {**NUMBER, "description": f"Quote units per base unit. {NUMBER['description']}"},
        "qty": {**NUMBER, "description": f"Base units. {NUMBER['description']}", "examples": ["23.0"]},
        "side": {"type": "string", "pattern": "^([bB][uU][yY]|[sS][eE][lL][lL])$", "examples": ["buy", "sell"]},
        "ts": {
            "anyOf": [
                *TIME_TEXT,
                {"type": "number", "minimum": EARLIEST_SECONDS, "exclusiveMaximum": 10**19},
                {"type": "null"},
            ],
            "description": "When it was traded, from March 1973 to a day from now: RFC 3339, or s, ms, µs or ns since"
            " 1970. Now, if not given.",
            "examples": ["2026-01-31T12:00:00.250Z", 1570752011620],
        },
        "trade_id": {
            **_or_null(_text(128, "Unique within the account; a repeat is recognised by it. Made, if not given.")),
            "examples": ["binance-13519807"],
        },
        "account": _or_null(_text(64, "`default`, if not given.")),
        "strategy": _or_null(_text(64, "`default`, if not given.")),
        "venue": _or_null(_text(64, "Where it was traded.")),
        "order_id": _or_null(_text(128, "The order it filled.")),
        "fee": {
            "anyOf": [
                DECIMAL_TEXT,
                {"type": "number", "exclusiveMinimum": -(10**38), "exclusiveMaximum": 10**38},
                {"type": "null"},
            ],
            "description": f"What it cost, in fee_currency; negative for a rebate. A number, {KEPT}.",
            "examples": ["0.02"],
        },
        "fee_currency": {
            "type": ["string", "null"],
            "pattern": "^[A-Za-z0-9]{1,16}$",
            "description": "The symbol's quote currency, if not given.",
        },
    },
}
_WRITTEN = {"price": [AMOUNT_TEXT], "qty": [AMOUNT_TEXT], "fee": [DECIMAL_TEXT], "ts": TIME_TEXT}
_LEFT_EMPTY = {"type": "string", "pattern": r"^\s*$"}


def _form_field(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The same field where everything is text, and an empty text stands for nothing."""
    told = {key: schema[key] for key in ("description",) if key in schema}
    rules = {key: value for key, value in schema.items() if key not in ("description", "examples", "anyOf")}
    texts = _WRITTEN.get(name, [{**rules, "type": "string"}])
    return {**told, "anyOf": texts if name in TRADE_IN["required"] else [*texts, _LEFT_EMPTY]}


TRADE_FORM = {
    **TRADE_IN,
    "properties": {name: _form_field(name, schema) for name, schema in TRADE_IN["properties"].items()},
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
            "Trade": TRADE_IN,
            "TradeForm": TRADE_FORM,
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
