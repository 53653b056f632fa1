"""A mapping as one function of a row: everything that does not depend on the row is decided once."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import msgspec

from trading_files.mapping.around import Asked, Cells, Get, RowError, Surroundings, shown
from trading_files.mapping.conditions import Meets, compile_tests, never
from trading_files.mapping.load import REQUIRED
from trading_files.mapping.members import Members, Plain
from trading_files.mapping.model import Mapping, Output, Rule, Value
from trading_files.readings import BadRow, EventRow, FillRow, Question, Reading, SkippedRow, complaints_about
from trading_model.instruments import Instruments

ReadRow = Callable[[int, Cells], list[Reading]]
"""Reads one row, given its place."""

DEFAULT = "default"
MAX_ITEMS = 1_000
"""Items of a list in a row that become events."""


def compile_rows(mapping: Mapping, around: Surroundings, decimal: str = "", order: str = "") -> ReadRow:
    """The function that reads the rows of a table. `decimal` and `order`: what the file shows, as for `Members`."""
    members = Members(mapping, around, decimal, order)
    rules: list[tuple[Meets | None, ReadRow]] = []
    for rule in mapping.rules:
        meets = compile_tests(rule.when, around, members.number)
        if meets is not never:
            rules.append((meets, _rule(rule, around, members)))
        if meets is None:
            break
    tested = [around.column(test.columns[0]) for rule in mapping.rules for test in rule.when]
    no_rule = tested[0] if tested else ""

    def read(place: int, cells: Cells) -> list[Reading]:
        try:
            for meets, make in rules:
                if meets is None or meets(cells):
                    return make(place, cells)
        except RowError as error:
            return [BadRow(place, error.column, error.message)]
        except Asked as asked:
            question = asked.question
            return [Question(question.code, question.text, question.option, question.choices, (place,))]
        return [BadRow(place, no_rule, f"is {shown(cells.get(no_rule, ''))!r}, for which the mapping has no rule")]

    return read


def _rule(rule: Rule, around: Surroundings, members: Members) -> ReadRow:
    if rule.skip:
        reason = rule.skip
        return lambda place, _cells: [SkippedRow(place, reason)]
    if rule.refuse:
        message = rule.refuse
        return lambda place, _cells: [BadRow(place, "", message)]
    if rule.event:
        column = around.column(rule.event)
        return lambda place, cells: [_passed_on(place, cells, column)]
    if len(rule.outputs) == 1 and not rule.outputs[0].when and not rule.outputs[0].each:
        return _output(rule.outputs[0], around, members)
    outputs = [_outputs(output, around, members) for output in rule.outputs]

    def make_all(place: int, cells: Cells) -> list[Reading]:
        readings = [reading for make in outputs for reading in make(place, cells)]
        events: list[Reading] = [one for one in readings if not isinstance(one, SkippedRow)]
        return events or readings[:1] or [SkippedRow(place, "nothing in the row")]

    return make_all


def _outputs(output: Output, around: Surroundings, members: Members) -> ReadRow:
    """What a row becomes by one output: nothing if it does not meet its conditions; several events with `each`."""
    if output.each:
        return _for_each(output, around, members)
    meets, make = compile_tests(output.when, around, members.number), _output(output, around, members)
    return lambda place, cells: make(place, cells) if meets is None or meets(cells) else []


def _for_each(output: Output, around: Surroundings, members: Members) -> ReadRow:
    form = msgspec.json.encode(msgspec.structs.replace(output, each=""))
    numbered: list[ReadRow] = []

    def make_each(place: int, cells: Cells) -> list[Reading]:
        readings: list[Reading] = []
        for number in range(MAX_ITEMS):
            start = f"{output.each}.{number}."
            if not any(name.startswith(start) for name in cells):
                break
            if number == len(numbered):
                item = msgspec.json.decode(form.replace(b"#", str(number).encode()), type=Output)
                numbered.append(_outputs(item, around, members))
            readings += numbered[number](place, cells)
        return readings

    return make_each


def _passed_on(place: int, cells: Cells, column: str) -> EventRow:
    members = cells.copy()
    row = EventRow(place, members.pop(column), members)
    for name, complaint in complaints_about(row):
        raise RowError(name, complaint)
    return row


def _output(output: Output, around: Surroundings, members: Members) -> ReadRow:
    parts = _Parts(_chosen(output.kind, around), [], [], [], {})
    for name, value in output.members:
        if name not in parts.fixed:
            _add_member(parts, name, value, around, members)
    required = REQUIRED[output.kind] + (("ts",) if around.needs_time and output.kind != "instrument" else ())
    if output.kind != "fill":
        return _event(output.kind, parts, required)
    return _fill(parts, required, _currency_for(around.choices.currency) if around.choices.currency else None)


class _Parts(NamedTuple):
    """What the members of an event are made by: fixed texts, single columns, functions."""

    fixed: dict[str, str]
    plain: list[Plain]
    checked: list[Plain]
    """Single columns most of whose texts stand as they are."""

    getters: list[tuple[str, Get]]
    labels: dict[str, str]

    def members(self, cells: Cells) -> dict[str, str]:
        """The members of a row's event."""
        members = self.fixed.copy()
        column = ""
        try:
            for name, column, read, stands in self.checked:
                text = cells.get(column)
                if text is None:
                    continue
                if stands(text):  # type: ignore[misc]  # it is what makes a column a checked one
                    members[name] = text
                elif made := read(text):
                    members[name] = made
            for name, column, read, _ in self.plain:
                text = cells.get(column)
                if text is not None and (made := read(text)):
                    members[name] = made
        except ValueError as error:
            raise RowError(column, str(error)) from None
        for name, get in self.getters:
            text = get(cells)
            if text is not None:
                members[name] = text
        return members


def _add_member(parts: _Parts, name: str, value: Value, around: Surroundings, members: Members) -> None:
    parts.labels[name] = members.label(name, value)
    if value == Value("value", text=value.text):
        text = members.getter(name, value)({})
        if text is not None:
            parts.fixed[name] = text
    elif (plain := members.plain(name, value)) is not None:
        if not around.is_absent(plain.column):
            (parts.plain if plain.stands is None else parts.checked).append(plain)
    elif not _says_nothing(value, around):
        parts.getters.append((name, members.getter(name, value)))


def _says_nothing(value: Value, around: Surroundings) -> bool:
    """Whether a value comes from columns that no row of the table has."""
    if value.source == "list_of" and not around.is_absent(f"{value.columns[0]}.0"):
        return False
    return bool(value.columns) and value.otherwise is None and all(map(around.is_absent, value.columns))


def _chosen(kind: str, around: Surroundings) -> dict[str, str]:
    choices = around.choices
    if kind == "instrument":
        return {}
    chosen = {"account": choices.account, "strategy": choices.strategy}
    if kind in ("fill", "cash"):
        chosen["venue"] = choices.venue
    return {name: text for name, text in chosen.items() if text}


def _currency_for(chosen: str) -> Callable[[str], str]:
    """The user's answer for a symbol whose form names no currency, else an empty text."""
    names_one = cache(lambda symbol: bool(Instruments().terms(symbol).currency))
    return lambda symbol: "" if names_one(symbol) else chosen


def _fill(parts: _Parts, required: tuple[str, ...], currency_for: Callable[[str], str] | None) -> ReadRow:
    members_of, labels = parts.members, parts.labels

    def fill(place: int, cells: Cells) -> list[Reading]:
        members = members_of(cells)
        for name in required:
            if name not in members:
                raise RowError(labels.get(name, name), "is empty")
        qty = members["qty"]
        if qty[0] == "-":
            if members["side"] != "sell":
                raise RowError(labels["qty"], f"is {qty}, and the side is {members['side']}")
            members["qty"] = qty = qty[1:]
        if not qty.strip("0."):
            raise RowError(labels["qty"], "must be more than 0")
        if "fee" not in members:
            members.pop("fee_currency", None)
        if currency_for is not None and "currency" not in members and (currency := currency_for(members["symbol"])):
            members["currency"] = currency
        return [FillRow(place, members)]

    return fill


def _event(kind: str, parts: _Parts, required: tuple[str, ...]) -> ReadRow:
    def event(place: int, cells: Cells) -> list[Reading]:
        members = parts.members(cells)
        for name in required:
            if name not in members:
                raise RowError(parts.labels.get(name, name), "is empty")
        if kind == "cash" and not members["amount"].strip("-0."):
            return [SkippedRow(place, "an amount of 0")]
        if kind == "cash" and "symbol" in members:
            members.setdefault("strategy", DEFAULT)  # that of the fills to whose position the money belongs
        if "id" in members and "account" in members:  # an exchange's ids are of one account, the ledger's of all
            members["id"] = f"{members['account']}:{members['id']}"
        row = EventRow(place, kind, members)
        for name, complaint in complaints_about(row):
            raise RowError(parts.labels.get(name, name), complaint)
        return [row]

    return event
