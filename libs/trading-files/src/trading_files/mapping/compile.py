"""A mapping as one function of a row: everything that does not depend on the row is decided once."""

from collections.abc import Callable

import msgspec

from trading_files.mapping.around import Asked, Cells, Get, RowError, Surroundings, shown
from trading_files.mapping.conditions import compile_tests
from trading_files.mapping.load import REQUIRED
from trading_files.mapping.members import Members
from trading_files.mapping.model import Mapping, Output, Rule, Value
from trading_files.readings import BadRow, EventRow, FillRow, Question, Reading, SkippedRow

ReadRow = Callable[[int, Cells], list[Reading]]
"""Reads one row, given its place."""

DEFAULT = "default"
MAX_ITEMS = 1_000
"""Items of a list in a row that become events."""

Make = Callable[[int, Cells], Reading]


def compile_rows(mapping: Mapping, around: Surroundings, decimal: str = "", order: str = "") -> ReadRow:
    """The function that reads the rows of a table. `decimal` and `order`: what the file shows, as for `Members`."""
    members = Members(mapping, around, decimal, order)
    rules = [(compile_tests(rule.when, around, members.number), _rule(rule, around, members)) for rule in mapping.rules]
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
        only = _output(rule.outputs[0], around, members)
        return lambda place, cells: [only(place, cells)]
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
    return lambda place, cells: [make(place, cells)] if meets is None or meets(cells) else []


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
    return EventRow(place, members.pop(column), members)


def _output(output: Output, around: Surroundings, members: Members) -> Make:
    fixed = _chosen(output.kind, around)
    getters: list[tuple[str, Get]] = []
    labels: dict[str, str] = {}
    for name, value in output.members:
        if name in fixed:
            continue
        labels[name] = members.label(name, value)
        get = members.getter(name, value)
        if value == Value("value", text=value.text):
            text = get({})
            if text is not None:
                fixed[name] = text
        else:
            getters.append((name, get))
    required = REQUIRED[output.kind] + (("ts",) if around.needs_time and output.kind != "instrument" else ())
    make = _fill if output.kind == "fill" else _event
    return make(output.kind, fixed, getters, labels, required)


def _chosen(kind: str, around: Surroundings) -> dict[str, str]:
    choices = around.choices
    if kind == "instrument":
        return {}
    chosen = {"account": choices.account, "strategy": choices.strategy}
    if kind in ("fill", "cash"):
        chosen["venue"] = choices.venue
    return {name: text for name, text in chosen.items() if text}


def _fill(
    _kind: str,
    fixed: dict[str, str],
    getters: list[tuple[str, Get]],
    labels: dict[str, str],
    required: tuple[str, ...],
) -> Make:
    def fill(place: int, cells: Cells) -> Reading:
        members = fixed.copy()
        for name, get in getters:
            text = get(cells)
            if text is not None:
                members[name] = text
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
        return FillRow(place, members)

    return fill


def _event(
    kind: str,
    fixed: dict[str, str],
    getters: list[tuple[str, Get]],
    labels: dict[str, str],
    required: tuple[str, ...],
) -> Make:
    def event(place: int, cells: Cells) -> Reading:
        members = fixed.copy()
        for name, get in getters:
            text = get(cells)
            if text is not None:
                members[name] = text
        for name in required:
            if name not in members:
                raise RowError(labels.get(name, name), "is empty")
        if kind == "cash" and not members["amount"].strip("-0."):
            return SkippedRow(place, "an amount of 0")
        if kind == "cash" and "symbol" in members:
            members.setdefault("strategy", DEFAULT)  # that of the fills to whose position the money belongs
        return EventRow(place, kind, members)

    return event
