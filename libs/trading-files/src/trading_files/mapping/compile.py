"""A mapping as functions of a row, and of many rows: everything that does not depend on the row is decided once."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from itertools import count
from typing import NamedTuple

import msgspec

from trading_files.mapping.around import Asked, Cells, RowError, Surroundings, shown
from trading_files.mapping.conditions import Meets, compile_tests, never
from trading_files.mapping.fills import Fills
from trading_files.mapping.groups import PROBLEM
from trading_files.mapping.load import MEMBERS, REQUIRED
from trading_files.mapping.members import Members
from trading_files.mapping.model import Mapping, Output, Rule, Value
from trading_files.mapping.parts import Parts
from trading_files.reading.tables import Block, Row
from trading_files.readings import (
    BadRow,
    EventRow,
    FillRows,
    Question,
    Reading,
    SkippedRow,
    complaints_about,
)
from trading_files.values.amounts import with_coin_apart
from trading_model.instruments import Instruments

ReadRow = Callable[[int, Cells], list[Reading]]
"""Reads one row, given its place."""

DEFAULT = "default"
MAX_ITEMS = 1_000
"""Items of a list in a row that become events."""


class _Compiled(NamedTuple):
    """A rule: the rows that meet it, None for all; what each becomes; the fills that it makes, if it makes no other."""

    meets: Meets | None
    make: ReadRow
    fills: Fills | None


class RowReader:
    """Reads the rows of a table by a mapping."""

    def __init__(self, mapping: Mapping, around: Surroundings, decimal: str = "", order: str = "") -> None:
        """`decimal` and `order`: what the file shows, as for `Members`."""
        members = Members(mapping, around, decimal, order)
        self._around = around
        self._rules: list[_Compiled] = []
        if mapping.group is not None:
            self._rules.append(_Compiled(lambda cells: PROBLEM in cells, _not_one_trade, None))
        for rule in mapping.rules:
            meets = compile_tests(rule.when, around, members.number)
            if meets is not never:
                make = _rule(rule, around, members)
                self._rules.append(_Compiled(meets, make, make if isinstance(make, Fills) else None))
            if meets is None:
                break
        tested = Counter(around.column(test.columns[0]) for rule in mapping.rules for test in rule.when)
        self._no_rule = tested.most_common(1)[0][0] if tested else ""

    def read(self, place: int, cells: Cells) -> list[Reading]:
        """What one row says, or why it can't be read."""
        try:
            for meets, make, _ in self._rules:
                if meets is None or meets(cells):
                    return make(place, cells)
        except RowError as error:
            return [BadRow(place, error.column, error.message)]
        except Asked as asked:
            question = asked.question
            if question.code == "unit" and (apart := _with_coins_apart(cells)) != cells:
                return self.read(place, apart)
            return [Question(question.code, question.text, question.option, question.choices, (place,))]
        column = self._no_rule
        return [BadRow(place, column, f"is {shown(cells.get(column, ''))!r}, for which the mapping has no rule")]

    def read_together(self, rows: Sequence[Row] | Block) -> list[Reading | FillRows] | None:
        """What rows say, their fills column by column, in a third of the time of row by row.

        None for rows that have to be read one by one: there is something to say of a column, or they are fills by
        several rules, whose order would be lost.
        """
        try:
            found = self._read_together(rows)
        except (RowError, Asked, ValueError):
            found = None
        if self._around.notes or found is None:
            self._around.notes.clear()
            self._around.noted.clear()
            return None
        return found

    def _read_together(self, rows: Sequence[Row] | Block) -> list[Reading | FillRows] | None:
        fills: FillRows | None = None
        others: list[EventRow | SkippedRow] = []
        for meets, make, makes_fills in self._rules:
            if meets is None and makes_fills is not None:
                return None if fills is not None else _by_place(makes_fills.read_together(rows), others)
            each = rows.rows() if isinstance(rows, Block) else rows
            hits, rows = (each, ()) if meets is None else _parted(meets, each)
            if hits and makes_fills is not None:
                if fills is not None:
                    return None
                fills = makes_fills.read_together(hits)
            elif hits:
                for row in hits:
                    made = make(row.place, row.cells)
                    only = made[0]
                    if len(made) > 1 or not isinstance(only, EventRow | SkippedRow):
                        return None
                    others.append(only)
            if not rows:
                return _by_place(fills, others)
        return None


def _not_one_trade(place: int, cells: Cells) -> list[Reading]:
    return [BadRow(place, "", cells[PROBLEM])]


def _with_coins_apart(cells: Cells) -> Cells:
    """The cells with a space before coins such as 1INCH, where another cell, as that of the pair, names the coin."""
    return {
        column: with_coin_apart(text, (other for name, other in cells.items() if name != column))
        for column, text in cells.items()
    }


def _by_place(fills: FillRows | None, others: list[EventRow | SkippedRow]) -> list[Reading | FillRows]:
    """Fills and events in the order of the file, then what was skipped."""
    events = sorted((one for one in others if isinstance(one, EventRow)), key=lambda event: event.place)
    found: list[Reading | FillRows] = []
    start = 0
    for event in events:
        if fills is not None and (stop := bisect_left(fills.places, event.place)) > start:
            found.append(fills.part(start, stop))
            start = stop
        found.append(event)
    if fills is not None and start < len(fills.places):
        found.append(fills.part(start, len(fills.places)) if start else fills)
    skipped = sorted((one for one in others if isinstance(one, SkippedRow)), key=lambda row: row.place)
    return [*found, *skipped]


def _parted(meets: Meets, rows: Sequence[Row]) -> tuple[Sequence[Row], Sequence[Row]]:
    """The rows that meet a condition, and the others."""
    verdicts = [meets(row.cells) for row in rows]
    if all(verdicts):
        return rows, ()
    pairs = list(zip(rows, verdicts, strict=True))
    return [row for row, verdict in pairs if verdict], [row for row, verdict in pairs if not verdict]


def _rule(rule: Rule, around: Surroundings, members: Members) -> ReadRow:
    if rule.skip:
        reason = rule.skip
        return lambda place, _cells: [SkippedRow(place, reason)]
    if rule.refuse:
        message = rule.refuse
        return lambda place, _cells: [BadRow(place, "", message)]
    if rule.event:
        column = around.column(rule.event)
        return lambda place, cells: [_passed_on(place, cells, column, around)]
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
        for number in count():
            start = f"{output.each}.{number}."
            if not any(name.startswith(start) for name in cells):
                break
            if number == MAX_ITEMS:
                raise RowError(output.each, f"has more than {MAX_ITEMS} items")
            if number == len(numbered):
                item = msgspec.json.decode(form.replace(b"#", str(number).encode()), type=Output)
                numbered.append(_outputs(item, around, members))
            readings += numbered[number](place, cells)
        return readings

    return make_each


def _passed_on(place: int, cells: Cells, column: str, around: Surroundings) -> EventRow:
    members = cells.copy()
    kind = members.pop(column)
    if kind == "move" and around.choices.account:
        _move_within(members, around.choices.account)
    known = MEMBERS.get(kind, ())
    members |= {name: text for name, text in _chosen(kind, around).items() if name in known}
    row = EventRow(place, kind, members)
    for name, complaint in complaints_about(row):
        raise RowError(name, complaint)
    return row


def _move_within(members: Cells, account: str) -> None:
    """Make the sides of a move those of the account that the user said. Raises RowError if it names two."""
    sides = [f"{side}.account" for side in ("from", "to") if any(name.startswith(f"{side}.") for name in members)]
    if len({members.get(name, DEFAULT) for name in sides}) > 1:
        raise RowError(sides[0], "and to.account differ: take such a file without --account")
    members.update(dict.fromkeys(sides, account))


def _output(output: Output, around: Surroundings, members: Members) -> ReadRow:
    parts = Parts(_chosen(output.kind, around), [], [], [], {}, around)
    for name, value in output.members:
        if name not in parts.fixed:
            _add_member(parts, name, value, around, members)
    required = REQUIRED[output.kind] + (("ts",) if around.needs_time and output.kind != "instrument" else ())
    if output.kind != "fill":
        return _event(output.kind, parts, required)
    return Fills(parts, required, _currency_for(around.choices.currency) if around.choices.currency else None)


def _add_member(parts: Parts, name: str, value: Value, around: Surroundings, members: Members) -> None:
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


def _event(kind: str, parts: Parts, required: tuple[str, ...]) -> ReadRow:
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
