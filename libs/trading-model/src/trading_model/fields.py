"""The fields of a trade, each declared once: its rule, whether it is required, its meaning, its JSON schema. No I/O.

Made from this table: the check of a request, its error messages, the OpenAPI schemas, the client's columns.
Compared with it by tests: `Trade`, the structs that decode requests, the tables of the documents, the page's form.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trading_model import field_rules as rules

Schema = Mapping[str, Any]

_DIGITS = r"(0|[1-9][0-9]*)(\.[0-9]+)?"
_EXPONENT = "([eE][+-]?[0-9]{1,2})?"
_DAY = "(197[3-9]|19[89][0-9]|20[0-9]{2})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
_RFC3339 = rf"^{_DAY}[Tt ]{_CLOCK}:[0-5][0-9](\.[0-9]{{1,9}})?([Zz]|[+-]{_CLOCK})$"
_INNER = r'[^"\\\x00-\x1f\x7f-\x9f]'
_OUTER = r'[^\s"\\\x00-\x1f\x7f-\x9f]'
_KEPT = "at most 38 digits, and at most 38 on either side of the point. Kept exactly as written"
_TAG = r'[^,\s"\\\x00-\x1f\x7f-\x9f]([^,"\\\x00-\x1f\x7f-\x9f]*[^,\s"\\\x00-\x1f\x7f-\x9f])?'
PRINTABLE = f"^{_OUTER}({_INNER}*{_OUTER})?$"
PRINTABLE_OR_EMPTY = f"^({_OUTER}({_INNER}*{_OUTER})?)?$"
INSTANT_OR_EMPTY = (
    r"^((0|[1-9][0-9]{0,18})(\.[0-9]{1,18})?"
    rf"|[0-9]{{4}}-[01][0-9]-[0-3][0-9][Tt ]{_CLOCK}:[0-5][0-9](\.[0-9]{{1,9}})?([Zz]|[+ -]{_CLOCK}))?$"
)
"""A time in an address, where `+` stands for a space."""

SYMBOL = f"^{_OUTER}( ?{_OUTER})*$"
SYMBOL_OR_EMPTY = f"^({_OUTER}( ?{_OUTER})*)?$"

# JSON Schema can't express the maximum of digits, what is printable, and the current time: the descriptions do.
_AMOUNT_TEXT: Schema = {"type": "string", "pattern": rf"^(?!0(\.0+)?([eE]|$)){_DIGITS}{_EXPONENT}$"}
_DECIMAL_TEXT: Schema = {"type": "string", "pattern": f"^-?{_DIGITS}{_EXPONENT}$"}
_POSITIVE: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**38}
_SIGNED: Schema = {"type": "number", "exclusiveMinimum": -(10**38), "exclusiveMaximum": 10**38}
_NULL: Schema = {"type": "null"}
_MORE_THAN_0 = f"More than 0, {_KEPT}; as a string no client can round it."


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a trade.

    `read` takes a JSON value and the current time in Unix nanoseconds, and gives the text that is journaled. It raises
    FieldError. `schema` describes the value in a request, `stored` in the journal. `default` is journaled if the client
    gave no value. A field that is not `always` is missing in the journal if the client gave no value. A field that is
    not `sent` is set by the app itself; requests with it are refused.
    """

    name: str
    read: Callable[[bytes, int], str]
    schema: Schema
    required: bool = False
    default: str | None = None
    always: bool = True
    sent: bool = True
    stored: Schema = field(default_factory=lambda: {"type": "string"})


def _timeless(read: Callable[[bytes], str]) -> Callable[[bytes, int], str]:
    return lambda raw, _now_ns: read(raw)


def _amount(meaning: str, example: str) -> Schema:
    description = f"{meaning} {_MORE_THAN_0}"
    return {"anyOf": [_AMOUNT_TEXT, _POSITIVE], "description": description, "examples": [example]}


def _text(maximum: int, meaning: str) -> Schema:
    description = f"{meaning} Printable characters, no spaces at its ends."
    types = ["string", "null"]
    return {"type": types, "minLength": 1, "maxLength": maximum, "pattern": PRINTABLE, "description": description}


_KEPT_DIGITS: Schema = {"type": "string", "description": "The digits as they were sent."}

FIELDS = (
    Field(
        "symbol",
        _timeless(rules.read_symbol),
        {
            "type": "string",
            "minLength": 1,
            "maxLength": rules.MAX_SYMBOL,
            "pattern": SYMBOL,
            "description": "Printable characters of any script, with single spaces between them. Stored in upper case,"
            " unless it has a capital letter.",
            "examples": ["XRP/ETH", "BTCUSDT"],
        },
        required=True,
        stored={"type": "string", "description": "As sent; in upper case if it had no capital letter."},
    ),
    Field(
        "price",
        _timeless(rules.read_decimal),
        {
            "anyOf": [_DECIMAL_TEXT, _SIGNED],
            "description": f"Quote units per base unit. 0 for an option that expires; less only where the symbol's"
            f" instrument allows negative prices. A number, {_KEPT}; as a string no client can round it.",
            "examples": ["0.00141342"],
        },
        required=True,
        stored=_KEPT_DIGITS,
    ),
    Field("qty", _timeless(rules.read_amount), _amount("Base units.", "23.0"), required=True, stored=_KEPT_DIGITS),
    Field(
        "side",
        _timeless(rules.read_side),
        {"type": "string", "pattern": "^([bB][uU][yY]|[sS][eE][lL][lL])$", "examples": ["buy", "sell"]},
        required=True,
        stored={"enum": ["buy", "sell"]},
    ),
    Field(
        "trade_id",
        _timeless(rules.read_identifier),
        {
            **_text(
                128,
                "Unique within the account, venue, symbol, position side and side; a repeat is recognised by it. Made,"
                " if not given.",
            ),
            "examples": ["binance-13519807"],
        },
    ),
    Field("account", _timeless(rules.read_name), _text(64, "`default`, if not given."), default="default"),
    Field("strategy", _timeless(rules.read_name), _text(64, "`default`, if not given."), default="default"),
    Field("venue", _timeless(rules.read_name), _text(64, "Where it was traded."), always=False),
    Field("order_id", _timeless(rules.read_identifier), _text(128, "The order it filled."), always=False),
    Field(
        "fee",
        _timeless(rules.read_decimal),
        {
            "anyOf": [_DECIMAL_TEXT, _SIGNED, _NULL],
            "description": f"What it cost, in fee_currency; negative for a rebate. A number, {_KEPT}.",
            "examples": ["0.02"],
        },
        always=False,
    ),
    Field(
        "fee_currency",
        _timeless(rules.read_currency),
        {
            "type": ["string", "null"],
            "pattern": "^[A-Za-z0-9]{1,16}$",
            "description": "The symbol's quote currency, if not given.",
        },
        always=False,
    ),
    Field(
        "currency",
        _timeless(rules.read_currency),
        {
            "type": ["string", "null"],
            "pattern": "^[A-Za-z0-9]{1,16}$",
            "description": "The currency of the P&L, where the symbol does not name it.",
        },
        always=False,
    ),
    Field(
        "position_side",
        _timeless(rules.read_position_side),
        {
            "type": ["string", "null"],
            "pattern": "^([lL][oO][nN][gG]|[sS][hH][oO][rR][tT])$",
            "description": "The side of the position that the fill belongs to, in an account that keeps both.",
            "examples": ["long", "short"],
        },
        always=False,
        stored={"enum": ["long", "short"]},
    ),
    Field(
        "multiplier",
        _timeless(rules.read_amount),
        {
            "anyOf": [_AMOUNT_TEXT, _POSITIVE, _NULL],
            "description": f"What one unit of qty stands for: P&L = multiplier × qty × price. {_MORE_THAN_0}",
            "examples": ["100"],
        },
        always=False,
    ),
    Field(
        "tags",
        _timeless(rules.read_tags),
        {
            "anyOf": [
                {
                    "type": "array",
                    "maxItems": rules.MAX_TAGS,
                    "uniqueItems": True,
                    "items": {"type": "string", "minLength": 1, "maxLength": rules.MAX_NAME, "pattern": f"^{_TAG}$"},
                },
                {"type": "string", "pattern": f"^ *{_TAG}( *, *{_TAG}){{0,15}} *$"},
                _NULL,
            ],
            "description": f"Words of your own, at most {rules.MAX_TAGS} of {rules.MAX_NAME} characters, without"
            " commas: an array, or one string with commas between them.",
            "examples": [["breakout", "news"]],
        },
        always=False,
        stored={"type": "array", "items": {"type": "string"}},
    ),
    Field(
        "import_id",
        _timeless(rules.read_identifier),
        {},
        always=False,
        sent=False,
        stored={"type": "string", "description": "The import that brought the fill."},
    ),
    Field(
        "ts",
        rules.read_timestamp,
        {
            "anyOf": [
                {"type": "string", "pattern": _RFC3339},
                {"type": "string", "pattern": r"^[1-9][0-9]{8,18}(\.[0-9]{1,19})?$"},
                {"type": "number", "minimum": rules.EARLIEST_SECONDS, "exclusiveMaximum": 10**19},
                _NULL,
            ],
            "description": "When it was traded, from March 1973 to a day from now: RFC 3339, or s, ms, µs or ns since"
            " 1970. Now, if not given.",
            "examples": ["2026-01-31T12:00:00.250Z", 1570752011620],
        },
        stored={"type": "string", "format": "date-time", "description": "In UTC."},
    ),
)
SENT = tuple(each for each in FIELDS if each.sent)
"""The fields that a client may send."""

BY_NAME = {each.name: each for each in FIELDS}
NAMES = tuple(each.name for each in SENT)
REQUIRED = tuple(each.name for each in FIELDS if each.required)


def request_schema() -> dict[str, Any]:
    """The JSON schema of a trade as it is sent."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(REQUIRED),
        "properties": {each.name: each.schema for each in SENT},
    }


def form_schema() -> dict[str, Any]:
    """The JSON schema of a trade from an HTML form: every value is a string, and an empty string means no value."""
    return {**request_schema(), "properties": {each.name: _form_field(each) for each in SENT}}


def stored_schema() -> dict[str, Any]:
    """The JSON schema of a trade as journaled."""
    left_out = ", ".join(f"`{each.name}`" for each in FIELDS if not each.always)
    return {
        "type": "object",
        "description": f"A trade as journaled. {' and '.join(left_out.rsplit(', ', 1))} only where they were given.",
        "required": ["seq", *(each.name for each in FIELDS if each.always)],
        "properties": {"seq": {"type": "integer", "minimum": 1}, **{each.name: each.stored for each in FIELDS}},
    }


def in_force_schema() -> dict[str, Any]:
    """The JSON schema of a trade with its corrections applied, ready to be sent again."""
    return {
        "type": "object",
        "description": "A trade that is in force, as it can be sent again.",
        "additionalProperties": False,
        "required": [each.name for each in SENT if each.always],
        "properties": {each.name: each.stored for each in SENT},
    }


def _form_field(each: Field) -> dict[str, Any]:
    described = {key: each.schema[key] for key in ("description",) if key in each.schema}
    rest = {key: value for key, value in each.schema.items() if key not in ("description", "examples", "anyOf")}
    texts = [one for one in each.schema.get("anyOf", ()) if one["type"] == "string"] or [{**rest, "type": "string"}]
    empty = [] if each.required else [{"type": "string", "pattern": r"^\s*$"}]
    return {**described, "anyOf": [*texts, *empty]}
