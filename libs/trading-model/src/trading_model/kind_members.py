"""What a client sends for each kind of event but the fill: its members, each declared once. No I/O.

Made from this table: the check of a request, its error messages, the JSON schemas, the command `trading-app event`.
Held against it by tests: the structs in `contents`, the tables of the documents. A fill's fields are in `fields`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec

from trading_model import field_rules as rules
from trading_model import kind_rules
from trading_model import member_forms as form
from trading_model.fields import BY_NAME as FILL_FIELDS
from trading_model.fields import FIELDS, Schema
from trading_model.kind_rules import Rule
from trading_model.member_forms import as_in_a_fill, described
from trading_model.members import Complaint, Member, Texts, object_schema

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


_POSITION_SIDE = Member(
    "position_side",
    kind_rules.plain(rules.read_position_side),
    as_in_a_fill("position_side", "In an account that keeps both sides: the one whose position it is."),
)
_ACCOUNT = form.name("account", "`default`, if not given.", "default")
_STRATEGY = form.name("strategy", "`default`, if not given.", "default")
_REASON = form.text("reason", "Why.")
_CURRENCY = form.currency("currency", "The P&L's currency, if the fills name it.")
_TAGS = Member("tags", kind_rules.read_tags, as_in_a_fill("tags", f"At most {rules.MAX_TAGS} words of your own."))

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
    Member(each.name, _kept(each.name), described(each.schema, each.schema.get("description", "")))
    for each in FIELDS
    if each.sent and each.name not in NOT_REPLACED
)
_QUANTITY = form.signed_but_0("quantity", "How much; negative for a short position.")
_HOLDER = (form.symbol(), _QUANTITY, _ACCOUNT, _STRATEGY, _POSITION_SIDE, _CURRENCY)


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
            form.currency("currency", "The currency of `amount`.", required=True),
            form.signed_but_0("amount", "Received if more than 0, paid if less."),
            form.word("reason", (*INCOME, *FLOWS), "Income counts in the net P&L; a flow never does.", required=True),
            form.time("When."),
            _ACCOUNT,
            form.name("strategy", "The account's own money, if not given."),
            form.symbol("What it was paid for.", required=False),
            _POSITION_SIDE,
            form.name("venue", "Where."),
            form.text("text", "For people."),
        ),
        scope="ingest",
        target="import",
    ),
    Kind(
        "split",
        "From a time on there are `n` units for each `d` held before.",
        (
            form.symbol(),
            form.whole("n", "Units after.", required=True),
            form.whole("d", "Units before.", required=True),
            form.time("From when on."),
            form.name("account", "All accounts, if not given."),
            form.name("strategy", "All strategies, if not given."),
            form.signed("quantity", "What the broker booked, if it rounded."),
            form.signed("cash", "What the broker paid for the fraction, in the P&L's currency."),
        ),
        target="import",
        check=_check_split,
    ),
    Kind(
        "opening",
        "At a time the position is this much at this average.",
        (
            form.symbol(),
            form.signed("quantity", "Negative if short.", required=True),
            form.signed("average", "Average entry price.", required=True),
            form.time("When."),
            _ACCOUNT,
            _STRATEGY,
            _POSITION_SIDE,
            _CURRENCY,
            form.flag(
                AFTER_TRADES, "Say it although the position has trades before that time. Not stored.", journaled=False
            ),
        ),
        target="import",
    ),
    Kind(
        "move",
        "Quantity without a trade, from one position to another.",
        (
            form.time("When."),
            form.word("reason", ("transfer", "reward", "rename", "merger", "reassignment"), "Why.", required=True),
            form.nested("from", _HOLDER, "The position it leaves; missing for a reward or a deposit of coins."),
            form.nested("to", _HOLDER, "The position it joins; missing for a withdrawal of coins."),
            form.signed("price", "Closes at `from` and opens at `to` there; the cost moves along, if not given."),
            form.text("text", "For people."),
        ),
        target="import",
        check=_check_move,
    ),
    Kind(
        "instrument",
        "What a symbol, or each symbol that a pattern matches, is. It holds for the whole history of the symbol.",
        (
            form.symbol("The symbol; instead of `pattern`.", required=False),
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
            form.currency("currency", "The P&L's currency."),
            form.positive("multiplier", "Contract size for each unit as sent."),
            form.word("settlement", ("linear", "inverse"), "Inverse: P&L is quantity × (1 / entry − 1 / exit)."),
            form.positive("lot", "Smallest tradable quantity."),
            form.positive("dust", "Worth below which a position counts as closed."),
            form.strings(
                "aliases",
                rules.read_symbol,
                kind_rules.MAX_ALIASES,
                as_in_a_fill("symbol", "As fills have it."),
                "Other symbols of the same instrument; an empty list takes all of them away.",
            ),
            form.flag("negative_prices", "Whether a price may be less than 0."),
            form.word("mark", ("last", "account", "venue", "market"), "Whose last price marks a position."),
            form.flag(
                WHILE_OPEN,
                "Say it although an open position becomes an inverse contract, or no longer is one. Not stored.",
                journaled=False,
            ),
        ),
        check=_check_instrument,
    ),
    Kind(
        "price",
        "A mark of a symbol at a time: by hand, or a day's close.",
        (
            form.symbol(),
            form.signed("price", "The mark.", required=True),
            form.time("When."),
            form.name("source", "Where it comes from."),
        ),
        content="mark",
    ),
    Kind(
        "rate",
        "At a time one unit of `base` was worth `rate` units of `quote`.",
        (
            form.currency("base", "The currency that is priced.", required=True),
            form.currency("quote", "The currency of the price.", required=True),
            form.positive("rate", "Units of `quote` for one of `base`.", required=True),
            form.time("When."),
            form.whole("max_age", "Seconds for which it holds; if not given, until the next one."),
        ),
        check=_check_rate,
    ),
    Kind(
        "import",
        "A file that was taken. Its fills bear the event's id as `import_id`; a void takes all of them back.",
        (
            form.text("name", "Of the file.", required=True),
            Member(
                "digest",
                kind_rules.plain(rules.read_identifier),
                {**as_in_a_fill("trade_id", "Of the file's content."), "type": "string"},
                required=True,
            ),
            form.name("preset", "How its columns were read."),
            form.count("rows", "How many it has."),
            form.count("taken", "Fills and other events that were new."),
            form.count("skipped", "Rows that say neither."),
            form.name("account", "The account of all its fills, where that is one."),
        ),
        scope="ingest",
    ),
    Kind(
        "note",
        "A text or tags for a fill (`target`), an order or a day. Changes no figure.",
        (
            form.text("text", "For people."),
            _TAGS,
            Member(
                "order_id",
                kind_rules.plain(rules.read_identifier),
                as_in_a_fill("order_id", "The order it is about."),
            ),
            form.name("account", "The account it is about."),
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


def request_schema(kind: Kind) -> dict[str, Any]:
    """The JSON schema of one event of this kind as it is sent."""
    own = object_schema(kind.members)
    target: Schema = {
        "type": "integer",
        "minimum": 1,
        "maximum": kind_rules.MAX_SEQUENCE,
        "description": "The `seq` of the event that it refers to.",
    }
    if kind.target == "import":
        target = described(target, "The `seq` of the import that brought it.")
    if kind.target != "required":
        target = {**target, "type": ["integer", "null"]}
    head: dict[str, Any] = {
        "kind": {"const": kind.name},
        "id": as_in_a_fill("trade_id", "Unique within the kind; a repeat is recognised by it. Made, if not given."),
    }
    if kind.target != "none":
        head["target"] = target
    required = ["kind", *(["target"] if kind.target == "required" else []), *own["required"]]
    return {**own, "description": kind.meaning, "required": required, "properties": {**head, **own["properties"]}}
