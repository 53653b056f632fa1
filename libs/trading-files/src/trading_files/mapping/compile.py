"""A mapping as one function of a row: everything that does not depend on the row is decided once."""

from collections.abc import Callable

from trading_files.mapping.around import Asked, Cells, Get, RowError, Surroundings, shown
from trading_files.mapping.conditions import compile_tests
from trading_files.mapping.load import REQUIRED
from trading_files.mapping.members import Members
from trading_files.mapping.model import Mapping, Output, Rule, Value
from trading_files.readings import BadRow, EventRow, FillRow, Question, Reading, SkippedRow

ReadRow = Callable[[int, Cells], list[Reading]]
"""Reads one row, given its place."""

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
    outputs = [
        (compile_tests(each.when, around, members.number), _output(each, around, members)) for each in rule.outputs
    ]
    if len(outputs) == 1 and outputs[0][0] is None:
        only = outputs[0][1]
        return lambda place, cells: [only(place, cells)]

    def make(place: int, cells: Cells) -> list[Reading]:
        readings = [output(place, cells) for meets, output in outputs if meets is None or meets(cells)]
        events: list[Reading] = [one for one in readings if not isinstance(one, SkippedRow)]
        return events or readings[:1] or [SkippedRow(place, "nothing in the row")]

    return make


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
        return EventRow(place, kind, members)

    return event
