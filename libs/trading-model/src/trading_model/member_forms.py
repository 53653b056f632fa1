"""Makes members of events: a function for each form that several members have, with rule and JSON schema. No I/O."""

from collections.abc import Callable, Sequence

from trading_model import field_rules as rules
from trading_model import kind_rules
from trading_model.fields import BY_NAME as FILL_FIELDS
from trading_model.fields import Schema
from trading_model.members import Member, object_schema


def described(schema: Schema, meaning: str) -> Schema:
    """The schema with this description."""
    return {**schema, "description": meaning}


def as_in_a_fill(field: str, meaning: str) -> Schema:
    """The schema of a value that has the form of a fill's field."""
    schema = {key: value for key, value in FILL_FIELDS[field].schema.items() if key != "examples"}
    return described(schema, meaning)


_NULL: Schema = {"type": "null"}
_DIGITS = "At most 38 digits, kept as written; as a string no client can round it."
_NUMBER_TEXT: Schema = {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$"}
_POSITIVE_TEXT: Schema = {
    "type": "string",
    "pattern": r"^(?!0(\.0+)?([eE]|$))(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$",
}


def signed(name: str, meaning: str, *, required: bool = False) -> Member:
    """A number of either sign, exact."""
    number: Schema = {"type": "number", "exclusiveMinimum": -(10**38), "exclusiveMaximum": 10**38}
    return Member(
        name,
        kind_rules.plain(rules.read_decimal),
        {"anyOf": [_NUMBER_TEXT, number, *_or_null(required)], "description": f"{meaning} {_DIGITS}"},
        required,
    )


def positive(name: str, meaning: str, *, required: bool = False) -> Member:
    """A number above 0, exact."""
    number: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**38}
    return Member(
        name,
        kind_rules.plain(rules.read_amount),
        {"anyOf": [_POSITIVE_TEXT, number, *_or_null(required)], "description": f"{meaning} More than 0. {_DIGITS}"},
        required,
    )


def word(name: str, words: Sequence[str], meaning: str, *, required: bool = False) -> Member:
    """One of some words."""
    schema: Schema = {"enum": [*words, *([] if required else [None])], "description": meaning}
    return Member(name, kind_rules.one_of(*words), schema, required)


def text(name: str, meaning: str, *, required: bool = False) -> Member:
    """A text for people."""
    schema: Schema = {
        "type": "string" if required else ["string", "null"],
        "minLength": 1,
        "maxLength": kind_rules.MAX_TEXT,
        "description": f"{meaning} At most {kind_rules.MAX_TEXT} characters.",
    }
    return Member(name, kind_rules.read_text, schema, required)


def whole(name: str, meaning: str, *, required: bool = False) -> Member:
    """A whole number from 1."""
    number: Schema = {"type": "integer", "minimum": 1, "maximum": kind_rules.MAX_WHOLE_NUMBER}
    schema: Schema = {"anyOf": [number, *_or_null(required)], "description": meaning}
    return Member(name, kind_rules.read_whole_number, schema, required)


def count(name: str, meaning: str) -> Member:
    """A whole number from 0; 0, if not given."""
    number: Schema = {"type": "integer", "minimum": 0, "maximum": kind_rules.MAX_WHOLE_NUMBER}
    schema: Schema = {"anyOf": [number, _NULL], "description": meaning}
    return Member(name, kind_rules.read_count, schema, default=lambda _now_ns: "0")


def strings(name: str, read: Callable[[bytes], str], maximum: int, item: Schema, meaning: str) -> Member:
    """A list of different strings, each read by `read`."""
    schema: Schema = {
        "type": ["array", "null"],
        "maxItems": maximum,
        "uniqueItems": True,
        "items": item,
        "description": meaning,
    }
    return Member(name, kind_rules.list_of(read, maximum), schema)


def symbol(meaning: str = "The symbol, as fills have it.", *, required: bool = True) -> Member:
    """The member `symbol`."""
    schema = as_in_a_fill("symbol", meaning)
    if not required:
        schema = {**schema, "type": ["string", "null"]}
    return Member("symbol", kind_rules.plain(rules.read_symbol), schema, required)


def name(name: str, meaning: str, default: str | None = None) -> Member:
    """A name as accounts have it."""
    made = None if default is None else lambda _now_ns: f'"{default}"'
    return Member(name, kind_rules.plain(rules.read_name), as_in_a_fill("account", meaning), default=made)


def currency(name: str, meaning: str, *, required: bool = False) -> Member:
    """A currency code."""
    schema: Schema = {
        "type": "string" if required else ["string", "null"],
        "pattern": "^[A-Za-z0-9]{1,16}$",
        "description": meaning,
    }
    return Member(name, kind_rules.plain(rules.read_currency), schema, required)


def time(meaning: str) -> Member:
    """The member `ts`; now, if not given."""
    limits = "From March 1973 to a day from now: RFC 3339, or s, ms, µs or ns since 1970. Now, if not given."
    return Member(
        "ts",
        kind_rules.read_time,
        as_in_a_fill("ts", f"{meaning} {limits}"),
        default=lambda now_ns: f'"{rules.format_timestamp(now_ns)}"',
    )


def flag(name: str, meaning: str, *, journaled: bool = True) -> Member:
    """True or false."""
    schema: Schema = {"type": ["boolean", "null"], "description": meaning}
    return Member(name, kind_rules.read_boolean, schema, journaled=journaled)


def signed_but_0(name: str, meaning: str) -> Member:
    """A number above or below 0, exact and required."""
    return Member(name, kind_rules.read_amount_but_0, signed(name, meaning, required=True).schema, required=True)


def nested(name: str, members: tuple[Member, ...], meaning: str) -> Member:
    """An object with members of its own."""
    schema: Schema = {"anyOf": [object_schema(members), _NULL], "description": meaning}
    return Member(name, _no_object, schema, members=members)


def _no_object(_raw: bytes, _now_ns: int) -> str:
    raise AssertionError("an object is read member by member")


def _or_null(required: bool) -> list[Schema]:
    return [] if required else [_NULL]
