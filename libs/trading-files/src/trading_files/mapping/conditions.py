"""Conditions of a mapping as functions of a row."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from trading_files.mapping.around import Cells, Surroundings
from trading_files.mapping.model import Test
from trading_files.mapping.numeric import NumberOf
from trading_files.mapping.texts import one_of_texts

_EXPONENT = re.compile(r"(?<=[\d.,])[eE][+-]?\d+\Z")
_NOT_ZERO = re.compile(r"[^\D0]")

Meets = Callable[[Cells], bool]


def compile_tests(tests: Sequence[Test], around: Surroundings, number_of: NumberOf) -> Meets | None:
    """Whether a row meets all tests; None if each row does. `never` if none does."""
    compiled = []
    for test in tests:
        meets = _compile_test(test, around, number_of)
        if not all(map(around.is_absent, test.columns)) or test.begins_with:
            compiled.append(meets)
        elif not meets({}):
            return never
    if len(compiled) < 2:
        return compiled[0] if compiled else None

    def all_met(cells: Cells) -> bool:
        for meets in compiled:  # noqa: SIM110 -- all() of a generator takes twice as long
            if not meets(cells):
                return False
        return True

    return all_met


def never(_cells: Cells) -> bool:
    """The condition that no row meets."""
    return False


def _compile_test(test: Test, around: Surroundings, number_of: NumberOf) -> Meets:
    column = around.column(test.columns[0])
    if test.begins_with:
        start = around.column(test.begins_with)
        return lambda cells: start in cells and cells.get(column, "").casefold().startswith(cells[start].casefold())
    if test.empty is not None:
        empty = test.empty
        return lambda cells: (column in cells) is not empty
    if test.zero is not None:
        zero = test.zero
        return lambda cells: _is_zero(cells.get(column, "")) is zero
    if test.earlier:
        return _below(one_of_texts(test.earlier), one_of_texts(test.any_of), column)
    if test.any_of or test.none_of:
        one_of, none_of = one_of_texts(test.any_of), one_of_texts(test.none_of)
        if not test.none_of:
            return lambda cells: one_of(cells.get(column, ""))
        if not test.any_of:
            return lambda cells: not none_of(cells.get(column, ""))
        return lambda cells: one_of(cells.get(column, "")) and not none_of(cells.get(column, ""))
    number = number_of(column)
    above, below = (Decimal(bound) if bound else None for bound in (test.above, test.below))

    def in_bounds(cells: Cells) -> bool:
        text = cells.get(column)
        if text is None:
            return False
        read = Decimal(number(text))
        return (above is None or read > above) and (below is None or read < below)

    return in_bounds


def _below(was: Callable[[str], bool], is_now: Callable[[str], bool], column: str) -> Meets:
    """Whether a row has one text below a row that had another. It has to see every row of the table, in order."""
    seen = False

    def meets(cells: Cells) -> bool:
        nonlocal seen
        text = cells.get(column, "")
        found = seen and is_now(text)
        seen = seen or was(text)
        return found

    return meets


def _is_zero(text: str) -> bool:
    """Whether a text has no number but 0: "0.00", "0E-8 BTC", "-", "". Another digit, in a unit too, says it has."""
    return _NOT_ZERO.search(_EXPONENT.sub("", text)) is None
