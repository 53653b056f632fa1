"""A mapping from YAML. Everything is checked here; what is wrong is said with its line and the nearest known name."""

import re
from collections.abc import Mapping as Members
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from trading_files.errors import MappingRefused
from trading_files.mapping.model import EVENT_KINDS, Group, Mapping, Option, Output, Proof, Rule, Shape, Test, Value
from trading_files.mapping.nodes import Node, Problems, compose
from trading_model import fields
from trading_model.kind_members import KINDS

VERSION = "1"
MAX_CHARACTERS = 256 * 1024
ORDERS = ("dmy", "mdy", "ymd")
_OUTLINE = ("title:", "recognise:")
PARTS = tuple(map(str, range(1, 10)))
ASKED = ("symbol", "currency")
"""What a mapping can let the user say."""

VERIFIED = ("real sample", "documentation only")

_TOP = (
    *("version", "title", "verified", "source", "recognise", "numbers", "times"),
    *("unless", "extra_rows", "extra_cells", "warning", "carry", "ignored", "group", "fields", "rows"),
)
_COLUMNS = (
    "column",
    "list_of",
    "unit_of",
    "sign_of",
    "sum_of",
    "product_of",
    "quotient_of",
    "excess_of",
    "size_of",
    "size_from",
    "base_of",
    "quote_of",
    "option_of",
    "instant_of",
)
_SOURCES = (*_COLUMNS, "value", "text", "units", "preamble", "in_header", "ask", "option")
_SIGNS = ("after", "before", "swap")
_FLAGS = ("with_unit", "negate", "absolute", "opposite", "thousandths")
_CHANGES = ("when", "after", "before", "part", "remove", "swap", "words", "proof", *_FLAGS)
_PROOF = ("profit", "lots", "entry", "exit", "currency")
_GROUPED = ("by", "coin", "amount")
_GROUP = ("when", *_GROUPED, "fee", "fees", "amounts_in", "fees_in")
_NUMBERS = ("decimal", "thousands", "fractions")
_TIMES = ("zone", "zone_default", "order", "form")
_VALUE = (*_SOURCES, *_CHANGES, *_TIMES, "or")
_PLAIN_RULES = ("skip", "refuse", "event")
_TESTS = ("any_of", "none_of", "empty", "zero", "above", "below", "begins_with", "earlier")
_SHARED = ("ts", "account", "strategy", "venue")
"""Members of `fields` that events of other kinds have too."""

MEMBERS: Members[str, tuple[str, ...]] = {
    "fill": fields.NAMES,
    **{kind: tuple(name for name in KINDS[kind].names if name not in ("kind", "target")) for kind in EVENT_KINDS[1:]},
}
"""The members of each kind of event that a mapping may name."""

REQUIRED: Members[str, tuple[str, ...]] = {
    "fill": fields.REQUIRED,
    **{kind: tuple(member.name for member in KINDS[kind].members if member.required) for kind in EVENT_KINDS[1:]},
}

_COLUMN = re.compile(r"\{([^{}]+)\}")


def load(text: str, name: str) -> Mapping:
    """The mapping with this YAML text; `name` names it in messages. Raises MappingRefused."""
    problems = Problems()
    if len(text) > MAX_CHARACTERS:
        problems.add_at(1, f"has more than {MAX_CHARACTERS} characters")
        raise MappingRefused(problems.lines(name))
    root = compose(text, problems)
    mapping = None if root is None else _Loader(problems).mapping(root, name)
    if problems or mapping is None:
        raise MappingRefused(problems.lines(name))
    return mapping


def load_outline(text: str, name: str) -> Mapping:
    """The mapping with this YAML text, without its rules: what is needed to recognise a table. Reading the whole text
    takes ten times as long. Raises MappingRefused.
    """
    kept, is_kept = [], False
    for line in text.splitlines():
        if line[:1].strip(" #-"):
            is_kept = line.startswith(_OUTLINE)
        if is_kept:
            kept.append(line)
    problems = Problems()
    root = compose("\n".join(kept), problems)
    mapping = None if root is None else _Loader(problems).outline(root, name)
    if problems or mapping is None:
        raise MappingRefused(problems.lines(name))
    return mapping


def template_columns(text: str) -> list[str]:
    """The columns in braces of a template."""
    return _COLUMN.findall(text)


def template_pieces(text: str) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first column of a template, and each column with what stands behind it."""
    first, *others = _COLUMN.split(text)
    return first, list(zip(others[::2], others[1::2], strict=True))


class _Loader:
    """Reads nodes; what is wrong goes to `problems`, and something of the right type comes back all the same."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._times: dict[str, Node] = {}

    def mapping(self, root: Node, name: str) -> Mapping:
        p = self._problems
        top = p.members(root, _TOP, "a mapping")
        if "version" in top and (version := p.text(top["version"], "version")) != VERSION:
            p.add(top["version"], f"version is {version}; this is read by version {VERSION}")
        numbers = p.members(top["numbers"], _NUMBERS, "numbers") if "numbers" in top else {}
        self._times = p.members(top["times"], _TIMES, "times") if "times" in top else {}
        common = self._members(top["fields"], "fill") if "fields" in top else {}
        texts = {name: p.text(top[name], name) for name in ("title", "source", "extra_rows", "warning") if name in top}
        lists = {name: p.texts(top[name], name) for name in ("unless", "carry", "ignored") if name in top}
        shapes = p.items(top["recognise"], "recognise") if "recognise" in top else []
        mapping = Mapping(
            name=name,
            rules=self._rules(top.get("rows"), common, root),
            shapes=tuple(map(self._shape, shapes)),
            verified=p.word(top["verified"], VERIFIED, "verified") if "verified" in top else "",
            decimal=p.word(numbers["decimal"], (".", ","), "decimal") if "decimal" in numbers else "",
            extra_cells="extra_cells" in top and p.boolean(top["extra_cells"], "extra_cells"),
            thousands="thousands" in numbers and p.boolean(numbers["thousands"], "thousands"),
            fractions="fractions" in numbers and p.boolean(numbers["fractions"], "fractions"),
            group=self._group(top["group"]) if "group" in top else None,
        )
        if mapping.group is not None and not mapping.decimal:
            p.add(top["group"], "a group adds numbers up, so numbers must say decimal")
        return msgspec.structs.replace(mapping, **texts, **lists)

    def outline(self, root: Node, name: str) -> Mapping:
        p = self._problems
        top = p.members(root, ("title", "recognise"), "a preset")
        shapes = p.items(top["recognise"], "recognise") if "recognise" in top else []
        return Mapping(name, (), p.text(top["title"], "title"), shapes=tuple(map(self._shape, shapes)))

    def _group(self, node: Node) -> Group:
        p = self._problems
        said = p.members(node, _GROUP, "group")
        for name in () if "amounts_in" in said else _GROUPED:
            if name not in said:
                p.add(node, f"group needs {name}, or amounts_in")
        values = {name: self._value(said[name], name) for name in ("coin", "amount", "fee") if name in said}
        return Group(
            by=p.texts(said["by"], "by") if "by" in said else (),
            coin=values.get("coin", Value()),
            amount=values.get("amount", Value()),
            fee=values.get("fee"),
            fees=self._tests(said["fees"]) if "fees" in said else (),
            when=self._tests(said["when"]) if "when" in said else (),
            amounts_in=p.text(said["amounts_in"], "amounts_in") if "amounts_in" in said else "",
            fees_in=p.text(said["fees_in"], "fees_in") if "fees_in" in said else "",
        )

    # Rules

    def _rules(self, node: Node, common: dict[str, Value], root: Node) -> tuple[Rule, ...]:
        if node is None:
            if not common:
                self._problems.add(root, "has neither fields nor rows, so no row becomes anything")
                return ()
            return (Rule((), (self._output("fill", common, root),)),)
        items = self._problems.items(node, "rows")
        rules = tuple(self._rule(item, common) for item in items)
        for at, (item, rule) in enumerate(zip(items, rules, strict=True)):
            if any(test.earlier for test in rule.when) and (at or len(rule.when) > 1):
                self._problems.add(item, "earlier is the only condition of the first rule, which sees every row")
        return rules

    def _rule(self, node: Node, common: dict[str, Value]) -> Rule:
        p = self._problems
        members = p.members(node, ("when", *_PLAIN_RULES, "make", *EVENT_KINDS), "a rule")
        when = self._tests(members["when"]) if "when" in members else ()
        said = [name for name in members if name != "when"]
        if len(said) != 1:
            known = ", ".join((*_PLAIN_RULES, "make", *EVENT_KINDS))
            p.add(node, f"a rule says one of {known}; this one says {len(said)} of them")
            return Rule(when)
        (what,) = said
        if what in _PLAIN_RULES:
            return msgspec.structs.replace(Rule(when), **{what: p.text(members[what], what)})
        if what == "make":
            return Rule(when, tuple(self._made(item, common) for item in p.items(members["make"], "make")))
        return Rule(when, (self._event(what, members[what], common),))

    def _made(self, node: Node, common: dict[str, Value]) -> Output:
        p = self._problems
        members = p.members(node, ("when", "each", *EVENT_KINDS), "an item of make")
        when = self._tests(members.pop("when")) if "when" in members else ()
        each = p.text(members.pop("each"), "each") if "each" in members else ""
        if len(members) != 1:
            p.add(node, f"an item of make says one of {', '.join(EVENT_KINDS)}")
            return Output("fill", ())
        ((kind, content),) = members.items()
        return msgspec.structs.replace(self._event(kind, content, common, when), each=each)

    def _event(self, kind: str, node: Node, common: dict[str, Value], when: tuple[Test, ...] = ()) -> Output:
        shared = common if kind == "fill" else {name: common[name] for name in _SHARED if name in common}
        shared = {name: value for name, value in shared.items() if name in MEMBERS[kind]}
        own: dict[str, Value] = {}
        if not (node.id == "scalar" and node.value == ""):
            own = self._members(node, kind)
            for key, value in self._problems.pairs(node, kind):
                if value.id == "scalar" and value.value == "" and value.style is None:
                    shared.pop(str(key.value), None)
        return self._output(kind, shared | own, node, when)

    def _output(self, kind: str, members: dict[str, Value], node: Node, when: tuple[Test, ...] = ()) -> Output:
        for name in REQUIRED[kind]:
            if name not in members:
                self._problems.add(node, f"a {kind} needs {name}, which no line says")
        return Output(kind, tuple(members.items()), when)

    def _members(self, node: Node, kind: str) -> dict[str, Value]:
        """The members of an event. One without a value takes back that of `fields`."""
        nodes = self._problems.members(node, MEMBERS[kind], f"a {kind}")
        return {
            name: self._value(value, name)
            for name, value in nodes.items()
            if not (value.id == "scalar" and value.value == "" and value.style is None)
        }

    # Values

    def _value(self, node: Node, what: str) -> Value:
        p = self._problems
        if node.id != "mapping":
            return self._with_times(Value(columns=p.texts(node, what)), what, {})
        said = p.members(node, _VALUE, what)
        sources = [name for name in _SOURCES if name in said]
        if len(sources) != 1:
            known = ", ".join(_SOURCES)
            p.add(node, f"{what} needs exactly one source ({known}); it has {len(sources)}")
            return Value("value")
        value = self._source(sources[0], said[sources[0]], what)
        changes: dict[str, Any] = {name: p.boolean(said[name], f"{name} of {what}") for name in _FLAGS if name in said}
        changes |= {name: p.text(said[name], f"{name} of {what}") for name in _SIGNS if name in said}
        if "when" in said:
            changes["when"] = self._tests(said["when"])
        if "part" in said:
            changes["part"] = PARTS.index(part) + 1 if (part := p.word(said["part"], PARTS, "part")) in PARTS else 0
        if "remove" in said:
            changes["remove"] = p.texts(said["remove"], f"remove of {what}")
        if "words" in said:
            changes["words"] = self._words(said["words"], what)
        if "proof" in said:
            changes["proof"] = self._proof(said["proof"], sources[0])
        if "or" in said:
            changes["otherwise"] = self._value(said["or"], what)
        named = "ts" if value.source == "instant_of" else what
        return self._with_times(msgspec.structs.replace(value, **changes), named, said)

    def _source(self, source: str, node: Node, what: str) -> Value:
        p, name = self._problems, f"{source} of {what}"
        if source in _COLUMNS:
            return Value(source, columns=p.texts(node, name))
        if source == "option":
            return Value(source, option=self._option(node))
        if source in ("text", "units"):
            text = self._template(node, what)
            return Value(source, tuple(template_columns(text)), text)
        if source == "ask":
            return Value(source, text=p.word(node, ASKED, name))
        return Value(source, text=p.any_text(node, name) if source == "value" else p.text(node, name))

    def _with_times(self, value: Value, what: str, said: dict[str, Node]) -> Value:
        own = {name: said[name] for name in _TIMES if name in said}
        if what != "ts":
            for node in own.values():
                self._problems.add(node, f"{what} is no time; zone, order and form belong to ts")
            return value
        p, said = self._problems, self._times | own
        times: dict[str, Any] = {name: p.text(said[name], name) for name in ("zone_default", "form") if name in said}
        if "order" in said:
            times["order"] = p.word(said["order"], ORDERS, "order")
        if "zone" in said:
            times["zone"] = self._zone(said["zone"])
        return msgspec.structs.replace(value, **times)

    def _zone(self, node: Node) -> Value:
        """A zone: its name, or the column with its name."""
        if node.id == "scalar":
            return Value("value", text=self._problems.text(node, "zone"))
        return self._value(node, "zone")

    def _template(self, node: Node, what: str) -> str:
        text = self._problems.text(node, f"text of {what}")
        if text and not template_columns(text):
            self._problems.add(node, f"text of {what} has no column in braces; a fixed text is `value: {text[:40]}`")
        elif "{" in _COLUMN.sub("", text) or "}" in _COLUMN.sub("", text):
            self._problems.add(node, f"text of {what} has a brace without its partner")
        return text

    def _proof(self, node: Node, source: str) -> Proof:
        p = self._problems
        if source != "size_of":
            p.add(node, f"proof belongs to size_of, not to {source}")
        said = p.members(node, _PROOF, "proof")
        for name in _PROOF:
            if name not in said:
                p.add(node, f"proof needs {name}")
        columns = {name: p.text(said[name], name) if name in said else "" for name in _PROOF[:-1]}
        return Proof(**columns, currency=self._value(said["currency"], "currency") if "currency" in said else Value())

    def _option(self, node: Node) -> Option:
        parts = self._problems.members(node, ("root", "expiry", "strike", "right"), "option")
        values = {}
        for name in ("root", "expiry", "strike", "right"):
            if name not in parts:
                self._problems.add(node, f"option needs {name}")
            values[name] = self._value(parts[name], name) if name in parts else Value("value")
        return Option(**values)

    def _words(self, node: Node, what: str) -> tuple[tuple[str, str], ...]:
        p = self._problems
        pairs = p.pairs(node, f"words of {what}")
        words = {p.text(key, "a word"): p.any_text(value, f"the meaning of {key.value}") for key, value in pairs}
        if len(words) < len(pairs):
            p.add(node, f"words of {what} has a word twice")
        return tuple(words.items())

    # Conditions

    def _tests(self, node: Node) -> tuple[Test, ...]:
        pairs = self._problems.pairs(node, "when")
        return tuple(self._test(str(key.value), content) for key, content in pairs)

    def _test(self, column: str, node: Node) -> Test:
        p = self._problems
        columns = (column,)
        if node.id != "mapping":
            return Test(columns, any_of=p.texts_or_empty(node, f"when {column}"))
        said = p.members(node, _TESTS, f"when {column}")
        if not said:
            p.add(node, f"when {column} says nothing")
        for name in ("above", "below"):
            if name in said and not _is_number(p.text(said[name], name)):
                p.add(said[name], f"{name} of {column} must be a number such as 0")
        return Test(
            columns,
            any_of=p.texts_or_empty(said["any_of"], "any_of") if "any_of" in said else (),
            none_of=p.texts_or_empty(said["none_of"], "none_of") if "none_of" in said else (),
            empty=p.boolean(said["empty"], "empty") if "empty" in said else None,
            zero=p.boolean(said["zero"], "zero") if "zero" in said else None,
            above=p.any_text(said["above"], "above") if "above" in said else "",
            below=p.any_text(said["below"], "below") if "below" in said else "",
            begins_with=p.text(said["begins_with"], "begins_with") if "begins_with" in said else "",
            earlier=p.texts(said["earlier"], "earlier") if "earlier" in said else (),
        )

    def _shape(self, node: Node) -> Shape:
        p = self._problems
        said = p.members(node, ("columns", "without", "values", "tables"), "recognise")
        if "columns" not in said:
            p.add(node, "recognise needs columns")
        return Shape(
            columns=p.texts(said["columns"], "columns") if "columns" in said else (),
            without=p.texts(said["without"], "without") if "without" in said else (),
            values=self._tests(said["values"]) if "values" in said else (),
            tables=p.texts(said["tables"], "tables") if "tables" in said else (),
        )


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
