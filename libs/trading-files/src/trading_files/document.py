"""A whole file to readings: which of its tables are of which source, and what their rows say."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from trading_files.interpret import Interpreter
from trading_files.mapping.model import Mapping
from trading_files.presets.recognise import recognise
from trading_files.presets.shelf import preset
from trading_files.reading.tables import Document, Row, Table
from trading_files.readings import (
    BadRow,
    Choices,
    EventRow,
    FillRow,
    FillRows,
    Question,
    Reading,
    Recognised,
    one_by_one,
)
from trading_files.readings import Warning as Said
from trading_files.values.numbers import POINT

_ONE_DECIMAL_SIGN = ("json", "ndjson")
"""Kinds of files in which a number has a point."""

_VARYING_ROWS = ("json", "ndjson", "xml")
"""Kinds of files in which a row may have other columns than its table."""

MAX_ABOVE = 1_000
"""Lines above tables that are kept."""

MAX_UNKNOWN_ROWS = 200_000
"""Rows of a table that no preset knows, after which no table is looked for below it, if none was found above."""


CUT = "is shorter than the row above, and the file ends in it: get the whole file, or end the line if it is whole"


def read_document(document: Document, presets: Sequence[Mapping], choices: Choices | None = None) -> Iterator[Reading]:
    """What a file says, table by table, each after its Recognised. A question ends it.

    `presets` are those that its tables may be of: `shelf.outlines()`, or the one that the user named, or his mapping,
    which reads every table.
    """
    return one_by_one(read_together(document, presets, choices))


def read_together(
    document: Document, presets: Sequence[Mapping], choices: Choices | None = None
) -> Iterator[Reading | FillRows]:
    """What a file says, as `read_document` gives it, but with fills of many rows together, as
    `Interpreter.readings_together` has them.
    """
    return _Document(document, presets, choices or Choices()).readings()


class _Document:
    def __init__(self, document: Document, presets: Sequence[Mapping], choices: Choices) -> None:
        self._document = document
        self._presets = presets
        self._choices = choices
        self._decimal = POINT if document.kind in _ONE_DECIMAL_SIGN else ""
        self._is_complete = document.kind not in _VARYING_ROWS
        self._found: set[str] = set()
        self._unknown: list[tuple[str, Question]] = []
        self._held: list[tuple[Mapping, str, list[Reading | FillRows]]] = []
        """What tables say for which another one may stand."""

        self._above: tuple[tuple[str, ...], ...] = ()
        """Lines above this table and the ones before: a report names the account once."""

    def readings(self) -> Iterator[Reading | FillRows]:
        last = 0
        for reading in self._readings():
            if isinstance(reading, FillRows):
                last = reading.places[-1]
            elif isinstance(reading, FillRow | EventRow):
                last = reading.place
            yield reading
        if last in self._document.cut:
            yield BadRow(last, "", CUT)

    def _readings(self) -> Iterator[Reading | FillRows]:
        for table in self._document.tables:
            self._above = (*self._above, *table.preamble)[-MAX_ABOVE:]
            whole = replace(table, preamble=self._above)
            mapping = self._choose(whole)
            if isinstance(mapping, Question):
                self._unknown.append((table.name, mapping))
                if not self._found and _is_endless(whole):
                    break
                continue
            self._found.add(mapping.name)
            readings = self._readings_of(whole, mapping)
            if mapping.unless:
                self._held.append((mapping, table.name, list(readings)))
                continue
            for reading in readings:
                yield reading
                if isinstance(reading, Question):
                    return
        yield from self._held_back()
        if not self._found and self._unknown:
            yield self._unknown[0][1]
        elif names := [name for name, _ in self._unknown if name]:
            yield Said("tables_not_read", f"tables that no preset knows: {', '.join(names[:10])}", (), len(names))

    def _held_back(self) -> Iterator[Reading | FillRows]:
        """What those tables say for which no other one stands."""
        for mapping, name, readings in self._held:
            rivals = sorted(self._found.intersection(mapping.unless))
            if rivals:
                yield Said("table_not_read", f"the table {name or mapping.name} says the same as that of {rivals[0]}")
            else:
                yield from readings

    def _choose(self, table: Table) -> Mapping | Question:
        if len(self._presets) == 1 and not self._presets[0].shapes:
            return self._presets[0]
        found = recognise(table, self._presets)
        if isinstance(found, Mapping) and not found.rules:
            found = preset(found.name)
        return found

    def _readings_of(self, table: Table, mapping: Mapping) -> Iterator[Reading | FillRows]:
        yield Recognised(table.name, mapping.name, mapping.title)
        yield from Interpreter(mapping, self._choices, self._decimal, self._is_complete).readings_together(table)


def _is_endless(table: Table) -> bool:
    """Whether a table has more than MAX_UNKNOWN_ROWS, so that nothing below it is looked for. Reads these rows."""
    count = 0
    for item in table.rows.items():
        count += 1 if isinstance(item, Row) else len(item.places)
        if count > MAX_UNKNOWN_ROWS:
            return True
    return False
