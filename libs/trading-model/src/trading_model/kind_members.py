"""What a client sends for each kind of event but the fill: its members, each declared once. No I/O.

Made from this table: the check of a request, its error messages, the JSON schemas, the command `trading-app event`.
Held against it by tests: the structs in `contents`, the tables of the documents. A fill's fields are in `fields`.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec

from trading_model import field_rules as rules
from trading_model import kind_rules
from trading_model.field_rules import FieldError
from trading_model.fields import BY_NAME as FILL_FIELDS
from trading_model.fields import FIELDS, Schema
from trading_model.kind_rules import Rule

Complaint = tuple[str, str]
"""The member, with a slash before an inner one (`from/quantity`), and what is wrong with it."""

Texts = Mapping[str, str]
"""JSON text by the name of the member."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an event's content.

    `read` gives the JSON that is journaled; a member with `members` is an object of its own. `default` gives, by the
    current time in Unix nanoseconds, what is journaled if the client sent no value. A member that is not `journaled`
    is about the request alone.
    """

    name: str
    read: Rule
    schema: Schema
    required: bool = False
    default: Callable[[int], str] | None = None
    members: "tuple[Member, ...]" = ()
    journaled: bool = True


MAX_UNKNOWN = 10
"""Maximum number of unknown members named for one event. A hostile one may have a million."""

Check = Callable[[Texts], Iterator[Complaint]]
"""What is wrong with members that are each right."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of event as it is sent.

    `scope` is what a token needs to send it. `target` says whether it names an earlier event; `import`: it may name the
    import that brought it. `content` is the member of the journaled event that holds the others.
    """

    name: str
    meaning: str
    members: tuple[Member, ...]
    scope: Literal["ingest", "correct"] = "correct"
    target: Literal["none", "import", "optional", "required"] = "none"
    aside: bool = False
    content: str = ""
    check: Check | None = None

    @property
    def journaled_as(self) -> str:
        """The name of the member with the content."""
        return self.content or self.name

    @property
    def not_journaled(self) -> frozenset[str]:
        """The members that are about the request alone."""
        return frozenset(each.name for each in self.members if not each.journaled)

    @property
    def names(self) -> tuple[str, ...]:
        """Every member that a client may send."""
        target = () if self.target == "none" else ("target",)
        return ("kind", "id", *target, *(each.name for each in self.members))


def _described(schema: Schema, meaning: str) -> Schema:
    return {**schema, "description": meaning}


def _as_in_a_fill(field: str, meaning: str) -> Schema:
    """The schema of a value that has the form of a fill's field."""
    schema = {key: value for key, value in FILL_FIELDS[field].schema.items() if key != "examples"}
    return _described(schema, meaning)


_NULL: Schema = {"type": "null"}
_DIGITS = "At most 38 digits, kept as written; as a string no client can round it."
_NUMBER_TEXT: Schema = {"type": "string", "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$"}
_POSITIVE_TEXT: Schema = {
    "type": "string",
    "pattern": r"^(?!0(\.0+)?([eE]|$))(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$",
}


def _signed(name: str, meaning: str, *, required: bool = False) -> Member:
    number: Schema = {"type": "number", "exclusiveMinimum": -(10**38), "exclusiveMaximum": 10**38}
    return Member(
        name,
        kind_rules.plain(rules.read_decimal),
        {"anyOf": [_NUMBER_TEXT, number, *_or_null(required)], "description": f"{meaning} {_DIGITS}"},
        required,
    )


def _positive(name: str, meaning: str, *, required: bool = False) -> Member:
    number: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 10**38}
    return Member(
        name,
        kind_rules.plain(rules.read_amount),
        {"anyOf": [_POSITIVE_TEXT, number, *_or_null(required)], "description": f"{meaning} More than 0. {_DIGITS}"},
        required,
    )


def _or_null(required: bool) -> list[Schema]:
    return [] if required else [_NULL]


def _word(name: str, words: Sequence[str], meaning: str, *, required: bool = False) -> Member:
    schema: Schema = {"enum": [*words, *([] if required else [None])], "description": meaning}
    return Member(name, kind_rules.one_of(*words), schema, required)


def _text(name: str, meaning: str, *, required: bool = False) -> Member:
    schema: Schema = {
        "type": "string" if required else ["string", "null"],
        "minLength": 1,
        "maxLength": kind_rules.MAX_TEXT,
        "description": f"{meaning} At most {kind_rules.MAX_TEXT} characters.",
    }
    return Member(name, kind_rules.read_text, schema, required)


def _whole(name: str, meaning: str, *, required: bool = False) -> Member:
    whole: Schema = {"type": "integer", "minimum": 1, "maximum": kind_rules.MAX_WHOLE_NUMBER}
    schema: Schema = {"anyOf": [whole, *_or_null(required)], "description": meaning}
    return Member(name, kind_rules.read_whole_number, schema, required)


def _count(name: str, meaning: str) -> Member:
    count: Schema = {"type": "integer", "minimum": 0, "maximum": kind_rules.MAX_WHOLE_NUMBER}
    schema: Schema = {"anyOf": [count, _NULL], "description": meaning}
    return Member(name, kind_rules.read_count, schema, default=lambda _now_ns: "0")


def _strings(name: str, read: Callable[[bytes], str], maximum: int, item: Schema, meaning: str) -> Member:
    schema: Schema = {
        "type": ["array", "null"],
        "maxItems": maximum,
        "uniqueItems": True,
        "items": item,
        "description": meaning,
    }
    return Member(name, kind_rules.list_of(read, maximum), schema)


def _symbol(meaning: str = "The symbol, as fills have it.", *, required: bool = True) -> Member:
    schema = _as_in_a_fill("symbol", meaning)
    if not required:
        schema = {**schema, "type": ["string", "null"]}
    return Member("symbol", kind_rules.plain(rules.read_symbol), schema, required)


def _name(name: str, meaning: str, default: str | None = None) -> Member:
    made = None if default is None else lambda _now_ns: f'"{default}"'
    return Member(name, kind_rules.plain(rules.read_name), _as_in_a_fill("account", meaning), default=made)


def _currency(name: str, meaning: str, *, required: bool = False) -> Member:
    schema: Schema = {
        "type": "string" if required else ["string", "null"],
        "pattern": "^[A-Za-z0-9]{1,16}$",
        "description": meaning,
    }
    return Member(name, kind_rules.plain(rules.read_currency), schema, required)


def _time(meaning: str) -> Member:
    limits = "From March 1973 to a day from now: RFC 3339, or s, ms, µs or ns since 1970. Now, if not given."
    return Member(
        "ts",
        kind_rules.read_time,
        _as_in_a_fill("ts", f"{meaning} {limits}"),
        default=lambda now_ns: f'"{rules.format_timestamp(now_ns)}"',
    )


_POSITION_SIDE = Member(
    "position_side",
    kind_rules.plain(rules.read_position_side),
    _as_in_a_fill("position_side", "In an account that keeps both sides: the one whose position it is."),
)
_ACCOUNT = _name("account", "`default`, if not given.", "default")
_STRATEGY = _name("strategy", "`default`, if not given.", "default")
_REASON = _text("reason", "Why.")
_CURRENCY = _currency("currency", "The P&L's currency, if the fills name it.")
_TAGS = Member("tags", kind_rules.read_tags, _as_in_a_fill("tags", f"At most {rules.MAX_TAGS} words of your own."))

INCOME = ("funding", "interest", "borrow", "dividend", "tax", "commission", "rebate", "reward", "adjustment")
FLOWS = ("deposit", "withdrawal")

WHILE_OPEN = "while_open"
AFTER_TRADES = "after_trades"

NOT_REPLACED = ("trade_id", "import_id")
"""Fields of a fill that a replace can't change: it is the same fill of the same import."""


def _kept(name: str) -> Rule:
    """The rule of a fill's field gives text for the fill, which is read once the whole fill is known."""
    read = FILL_FIELDS[name].read

    def keep(raw: bytes, now_ns: int) -> str:
        read(raw, now_ns)
        return raw.decode()

    return keep


_NEW_FILL = tuple(
    Member(each.name, _kept(each.name), _described(each.schema, each.schema.get("description", "")))
    for each in FIELDS
    if each.sent and each.name not in NOT_REPLACED
)
_QUANTITY = Member(
    "quantity",
    kind_rules.read_amount_but_0,
    _signed("quantity", "How much; negative for a short position.", required=True).schema,
    required=True,
)
_HOLDER = (_symbol(), _QUANTITY, _ACCOUNT, _STRATEGY, _POSITION_SIDE, _CURRENCY)


def _no_object(_raw: bytes, _now_ns: int) -> str:
    raise AssertionError("an object is read member by member")


def _holder(name: str, meaning: str) -> Member:
    schema: Schema = {
        "anyOf": [_object(_HOLDER), _NULL],
        "description": meaning,
    }
    return Member(name, _no_object, schema, members=_HOLDER)


def _object(members: Sequence[Member]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [each.name for each in members if each.required],
        "properties": {each.name: each.schema for each in members},
    }


def _check_split(texts: Texts) -> Iterator[Complaint]:
    if texts["n"] == texts["d"]:
        yield "n", "is the same as d, which changes nothing"
    for name in ("quantity", "cash"):
        if name in texts and "account" not in texts:
            yield name, "belongs to one account; name it in `account`"


def _check_move(texts: Texts) -> Iterator[Complaint]:
    if "from" not in texts and "to" not in texts:
        yield "from", "is missing, and so is to; name at least one of the two"
    elif "from" not in texts and "price" not in texts:
        yield "price", "is needed where nothing is said in `from`: what a unit cost; 0 if it cost nothing"
    elif "from" in texts and "to" in texts:
        source, sink = (msgspec.json.decode(texts[name]) for name in ("from", "to"))
        quantities = source.pop("quantity"), sink.pop("quantity")
        if source == sink:
            yield "to", "is the same position as from"
        elif source["symbol"] == sink["symbol"] and _differ(*quantities):
            yield "to/quantity", "differs from that of `from`, for the same symbol"


def _check_instrument(texts: Texts) -> Iterator[Complaint]:
    if ("symbol" in texts) == ("pattern" in texts):
        yield "symbol", "or pattern is needed, and only one of the two"
        return
    said = texts.keys() - {"symbol", "pattern", WHILE_OPEN}
    if not said:
        yield "symbol" if "symbol" in texts else "pattern", "is given, but nothing is said about it"
    aliases = msgspec.json.decode(texts.get("aliases", "[]"))
    if "aliases" in texts and "pattern" in texts:
        yield "aliases", "belong to one symbol, not to a pattern"
    symbol = msgspec.json.decode(texts.get("symbol", '""'))
    if symbol.upper() in [alias.upper() for alias in aliases]:
        yield "aliases", f"has {symbol} itself"
    if texts.get("settlement") == '"inverse"' and texts.get("negative_prices") == "true":
        yield "negative_prices", "can't be with an inverse contract, whose worth is 1 / price"


def _check_rate(texts: Texts) -> Iterator[Complaint]:
    if texts["base"] == texts["quote"]:
        yield "quote", "is the same currency as base"


def _check_note(texts: Texts) -> Iterator[Complaint]:
    if "text" not in texts and "tags" not in texts:
        yield "text", "is missing, and so is tags; name at least one of the two"
    if not texts.keys() & {"target", "order_id", "day"}:
        yield "target", "is missing, and so are order_id and day; say what the note is about"


def _differ(one: str, other: str) -> bool:
    return Decimal(one) != Decimal(other)


_KINDS = (
    Kind(
        "void",
        "An earlier event never happened, whatever its kind. Void the void to restore it.",
        (_REASON,),
        target="required",
    ),
    Kind(
        "replace",
        "An earlier fill was really another one. Fields that are not named stay; null takes one away.",
        (*_NEW_FILL, _REASON),
        target="required",
    ),
    Kind(
        "cash",
        "Money without a fill.",
        (
            _currency("currency", "The currency of `amount`.", required=True),
            Member(
                "amount",
                kind_rules.read_amount_but_0,
                {**_signed("amount", "Received if more than 0, paid if less.", required=True).schema},
                required=True,
            ),
            _word("reason", (*INCOME, *FLOWS), "Income counts in the net P&L; a flow never does.", required=True),
            _time("When."),
            _ACCOUNT,
            _name("strategy", "The account's own money, if not given."),
            _symbol("What it was paid for.", required=False),
            _POSITION_SIDE,
            _name("venue", "Where."),
            _text("text", "For people."),
        ),
        scope="ingest",
        target="import",
    ),
    Kind(
        "split",
        "From a time on there are `n` units for each `d` held before.",
        (
            _symbol(),
            _whole("n", "Units after.", required=True),
            _whole("d", "Units before.", required=True),
            _time("From when on."),
            _name("account", "All accounts, if not given."),
            _name("strategy", "All strategies, if not given."),
            _signed("quantity", "What the broker booked, if it rounded."),
            _signed("cash", "What the broker paid for the fraction, in the P&L's currency."),
        ),
        target="import",
        check=_check_split,
    ),
    Kind(
        "opening",
        "At a time the position is this much at this average.",
        (
            _symbol(),
            _signed("quantity", "Negative if short.", required=True),
            _signed("average", "Average entry price.", required=True),
            _time("When."),
            _ACCOUNT,
            _STRATEGY,
            _POSITION_SIDE,
            _CURRENCY,
            Member(
                AFTER_TRADES,
                kind_rules.read_boolean,
                {
                    "type": ["boolean", "null"],
                    "description": "Say it although the position has trades before that time. Not stored.",
                },
                journaled=False,
            ),
        ),
        target="import",
    ),
    Kind(
        "move",
        "Quantity without a trade, from one position to another.",
        (
            _time("When."),
            _word("reason", ("transfer", "reward", "rename", "merger", "reassignment"), "Why.", required=True),
            _holder("from", "The position it leaves; missing for a reward or a deposit of coins."),
            _holder("to", "The position it joins; missing for a withdrawal of coins."),
            _signed("price", "Closes at `from` and opens at `to` there; the cost moves along, if not given."),
            _text("text", "For people."),
        ),
        target="import",
        check=_check_move,
    ),
    Kind(
        "instrument",
        "What a symbol, or each symbol that a pattern matches, is. It holds for the whole history of the symbol.",
        (
            _symbol("The symbol; instead of `pattern`.", required=False),
            Member(
                "pattern",
                kind_rules.read_pattern,
                {
                    "type": ["string", "null"],
                    "minLength": 2,
                    "maxLength": 128,
                    "pattern": "[*]",
                    "description": "A symbol in which `*` stands for any characters; instead of `symbol`.",
                },
            ),
            _currency("currency", "The P&L's currency."),
            _positive("multiplier", "Contract size for each unit as sent."),
            _word("settlement", ("linear", "inverse"), "Inverse: P&L is quantity × (1 / entry − 1 / exit)."),
            _positive("lot", "Smallest tradable quantity."),
            _positive("dust", "Worth below which a position counts as closed."),
            _strings(
                "aliases",
                rules.read_symbol,
                kind_rules.MAX_ALIASES,
                _as_in_a_fill("symbol", "As fills have it."),
                "Other symbols of the same instrument; an empty list takes all of them away.",
            ),
            Member(
                "negative_prices",
                kind_rules.read_boolean,
                {"type": ["boolean", "null"], "description": "Whether a price may be less than 0."},
            ),
            _word("mark", ("last", "account", "venue", "market"), "Whose last price marks a position."),
            Member(
                WHILE_OPEN,
                kind_rules.read_boolean,
                {
                    "type": ["boolean", "null"],
                    "description": "Say it although an open position becomes an inverse contract, or no longer is one."
                    " Not stored.",
                },
                journaled=False,
            ),
        ),
        check=_check_instrument,
    ),
    Kind(
        "price",
        "A mark of a symbol at a time: by hand, or a day's close.",
        (
            _symbol(),
            _signed("price", "The mark.", required=True),
            _time("When."),
            _name("source", "Where it comes from."),
        ),
        content="mark",
    ),
    Kind(
        "rate",
        "At a time one unit of `base` was worth `rate` units of `quote`.",
        (
            _currency("base", "The currency that is priced.", required=True),
            _currency("quote", "The currency of the price.", required=True),
            _positive("rate", "Units of `quote` for one of `base`.", required=True),
            _time("When."),
            _whole("max_age", "Seconds for which it holds; if not given, until the next one."),
        ),
        check=_check_rate,
    ),
    Kind(
        "import",
        "A file that was taken. Its fills bear the event's id as `import_id`; a void takes all of them back.",
        (
            _text("name", "Of the file.", required=True),
            Member(
                "digest",
                kind_rules.plain(rules.read_identifier),
                {**_as_in_a_fill("trade_id", "Of the file's content."), "type": "string"},
                required=True,
            ),
            _name("preset", "How its columns were read."),
            _count("rows", "How many it has."),
            _count("taken", "Fills and other events that were new."),
            _count("skipped", "Rows that say neither."),
            _name("account", "The account of all its fills, where that is one."),
        ),
        scope="ingest",
    ),
    Kind(
        "note",
        "A text or tags for a fill (`target`), an order or a day. Changes no figure.",
        (
            _text("text", "For people."),
            _TAGS,
            Member(
                "order_id",
                kind_rules.plain(rules.read_identifier),
                _as_in_a_fill("order_id", "The order it is about."),
            ),
            _name("account", "The account it is about."),
            Member(
                "day",
                kind_rules.read_day,
                {"type": ["string", "null"], "format": "date", "description": "The day it is about."},
            ),
        ),
        scope="ingest",
        target="optional",
        aside=True,
        check=_check_note,
    ),
)
KINDS = {each.name: each for each in _KINDS}
"""Every kind but the fill, by its name."""


def read_members(members: Sequence[Member], given: Mapping[str, msgspec.Raw], now_ns: int) -> "Reading":
    """Check what a client sent for these members. A value of null is no value."""
    reading = Reading({}, set(), [])
    for each in members:
        raw = bytes(given.get(each.name, b"null"))
        if raw != b"null":
            _read(each, raw, now_ns, reading)
        elif each.required:
            reading.complaints.append((each.name, "is missing"))
        elif each.default is not None:
            reading.texts[each.name] = each.default(now_ns)
            reading.made.add(each.name)
    return reading


@dataclass(slots=True)
class Reading:
    """The JSON text of each member that has a value, which of them were not sent, and what is wrong."""

    texts: dict[str, str]
    made: set[str]
    complaints: list[Complaint]


def _read(member: Member, raw: bytes, now_ns: int, reading: Reading) -> None:
    try:
        if not member.members:
            text = member.read(raw, now_ns)
            if text:  # an empty list is no value
                reading.texts[member.name] = text
            return
        given = _decode_object(raw)
    except FieldError as error:
        reading.complaints.append((member.name, str(error)))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        reading.complaints.append((member.name, "must be a JSON object"))
    else:
        inner = read_members(member.members, given, now_ns)
        known = [each.name for each in member.members]
        inner.complaints += unknown_members(given, known)
        reading.complaints += [(f"{member.name}/{name}", detail) for name, detail in inner.complaints]
        reading.texts[member.name] = object_text(inner.texts)


def unknown_members(given: Iterable[str], known: Sequence[str]) -> list[Complaint]:
    """A complaint about each member that is not known, at most MAX_UNKNOWN of them."""
    strange = itertools.islice((name for name in given if name not in known), MAX_UNKNOWN)
    return [(name[:64], f"is not known; the members are {', '.join(known)}") for name in strange]


def object_text(texts: Texts) -> str:
    """The JSON object with these members."""
    return "{" + ",".join([f'"{name}":{text}' for name, text in texts.items()]) + "}"


def request_schema(kind: Kind) -> dict[str, Any]:
    """The JSON schema of one event of this kind as it is sent."""
    own = _object(kind.members)
    target: Schema = {
        "type": "integer",
        "minimum": 1,
        "maximum": kind_rules.MAX_SEQUENCE,
        "description": "The `seq` of the event that it refers to.",
    }
    if kind.target == "import":
        target = _described(target, "The `seq` of the import that brought it.")
    if kind.target != "required":
        target = {**target, "type": ["integer", "null"]}
    head: dict[str, Any] = {
        "kind": {"const": kind.name},
        "id": _as_in_a_fill("trade_id", "Unique within the kind; a repeat is recognised by it. Made, if not given."),
    }
    if kind.target != "none":
        head["target"] = target
    required = ["kind", *(["target"] if kind.target == "required" else []), *own["required"]]
    return {**own, "description": kind.meaning, "required": required, "properties": {**head, **own["properties"]}}


_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
