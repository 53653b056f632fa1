"""Whether a table has the columns that a mapping reads, and which others it has."""

import difflib
from collections.abc import Iterator

from trading_files.mapping.around import Surroundings
from trading_files.mapping.groups import COLUMNS
from trading_files.mapping.load import REQUIRED
from trading_files.mapping.model import Mapping, Test, Value
from trading_files.reading.columns import column_key
from trading_files.readings import BadRow, Question, Reading
from trading_files.readings import Warning as Said

MAX_SHOWN = 20
"""Columns that a message names."""


def check_columns(mapping: Mapping, around: Surroundings) -> Iterator[Reading]:
    """What is wrong with a table's columns: one that is needed is missing, or one is read by nothing and said to be."""
    missing = None if mapping.shapes else _missing(mapping, around)
    if missing is not None:
        name, column = missing
        close = difflib.get_close_matches(column, around.names, 1)
        near = f"; the nearest is {close[0]}" if close else ""
        shown = ", ".join(around.names[:MAX_SHOWN])
        yield BadRow(1, column, f"is not a column of the file, and {name} needs it{near}. The columns are {shown}")
    holds_events = any(rule.event and around.has(rule.event) for rule in mapping.rules)
    if mapping.ignored is None or holds_events:
        return
    read = {column_key(name) for name in (*_columns(mapping), *mapping.ignored)}
    unread = [name for name in around.names if column_key(name.partition(".")[0]) not in read]
    absent = [name for name in _columns(mapping) if not around.has(name)]
    for name in unread:
        close = difflib.get_close_matches(column_key(name), absent, 1, 0.8)
        if close:
            said = f"the column {name} is not known; if it is {close[0]}, rename it, or map it in a file"
            yield Question("column", said, "--map", (close[0],))
    if unread:
        names = ", ".join(unread[:MAX_SHOWN])
        yield Said("columns_not_read", f"columns that say nothing here: {names}", (), len(unread))


def _missing(mapping: Mapping, around: Surroundings) -> tuple[str, str] | None:
    """The first member that some event needs and whose columns the table does not have, and the column."""
    if mapping.group is not None and not mapping.group.amounts_in:
        for name, value in (("coin", mapping.group.coin), ("amount", mapping.group.amount)):
            if value.columns and not _any_of(value, around):
                return f"{name} of group", value.columns[0]
        if not any(map(around.has, mapping.group.by)):
            return "by of group", mapping.group.by[0]
    for rule in mapping.rules:
        for output in rule.outputs:
            if output.each:
                continue
            needed = (*REQUIRED[output.kind], "ts")
            for name, value in output.members:
                if name in needed and value.columns and value.otherwise is None and not _any_of(value, around):
                    return name, value.columns[0]
    return None


def _any_of(value: Value, around: Surroundings) -> bool:
    return any(map(around.has, value.columns))


def _columns(mapping: Mapping) -> Iterator[str]:
    """Every column that a mapping names."""
    if mapping.group is not None:
        yield from (*COLUMNS, *mapping.group.by)
        yield from _tested((*mapping.group.when, *mapping.group.fees))
        for value in (mapping.group.coin, mapping.group.amount, mapping.group.fee or Value()):
            yield from _read(value)
    for rule in mapping.rules:
        yield from _tested(rule.when)
        if rule.event:
            yield rule.event
        for output in rule.outputs:
            yield from _tested(output.when)
            for _, value in output.members:
                yield from _read(value)


def _tested(tests: tuple[Test, ...]) -> Iterator[str]:
    for test in tests:
        yield from test.columns
        if test.begins_with:
            yield test.begins_with


def _read(value: Value) -> Iterator[str]:
    yield from value.columns
    yield from _tested(value.when)
    if value.zone is not None:
        yield from _read(value.zone)
    if value.otherwise is not None:
        yield from _read(value.otherwise)
    if value.proof is not None:
        yield from (value.proof.profit, value.proof.lots, value.proof.entry, value.proof.exit)
    if value.option is not None:
        for part in (value.option.root, value.option.expiry, value.option.strike, value.option.right):
            yield from _read(part)
