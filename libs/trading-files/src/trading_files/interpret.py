"""Rows and a mapping to readings: what each row of a file says in the ledger's terms. No network, no clock."""

from collections.abc import Generator, Iterator, Mapping, Sequence

import msgspec

from trading_files.mapping.around import Surroundings
from trading_files.mapping.columns import check_columns
from trading_files.mapping.compile import RowReader
from trading_files.mapping.evidence import Evidence
from trading_files.mapping.groups import COLUMNS, Grouping
from trading_files.mapping.model import Mapping as FileMapping
from trading_files.reading.tables import Block, Row, Rows, Table
from trading_files.readings import (
    MAX_PLACES,
    BadRow,
    Choices,
    EventRow,
    FillRows,
    Question,
    Reading,
    SkippedRow,
    Warning,  # noqa: A004 -- the report's word
    one_by_one,
)
from trading_files.values.numbers import POINT

FIRST_ROWS = 500
"""Rows that are looked at before the first is read, where the mapping leaves open how numbers or dates are written."""

MAX_AHEAD = 20_000
"""Rows that are looked at before the first is read, where a number or a date can be read in two ways."""

TOGETHER = 500
"""Rows that are read together."""

TOTALS = frozenset(
    {"total", "totals", "grand total", "subtotal", "sum", "summe", "gesamt", "gesamtsumme", "totaal", "totale"}
    | {"somme", "suma", "soma", "summa", "totalt", "итого", "всего", "合计", "总计", "合計"}
)
"""What stands before the sums below a table, in lower case."""

MAX_MISSES = 3
"""Times in a row that rows can't be read together before the rest of a table is read row by row."""

Together = Reading | FillRows


class Interpreter:
    """Reads tables and messages by one mapping, with what the user chose."""

    def __init__(
        self, mapping: FileMapping, choices: Choices | None = None, decimal: str = "", is_complete: bool = False
    ) -> None:
        """`decimal` is the decimal sign of a source that has only one, such as JSON. `is_complete`: rows have no other
        columns than their table.
        """
        self._is_complete = is_complete
        self.mapping = mapping if mapping.decimal or not decimal else msgspec.structs.replace(mapping, decimal=decimal)
        self._choices = choices or Choices()
        self._messages: dict[tuple[str, ...], tuple[RowReader, Surroundings]] = {}

    def readings(self, table: Table) -> Iterator[Reading]:
        """What each row of a table says, in the order of the table; warnings last. A question ends it."""
        return one_by_one(self.readings_together(table))

    def readings_together(self, table: Table) -> Iterator[Together]:
        """What each row of a table says, with fills of many rows together; skipped rows may come up to TOGETHER rows
        later.
        """
        around, rows = self._around(table), table.rows
        columns = list(check_columns(self.mapping, around))
        yield from columns
        if any(isinstance(one, Question | BadRow) for one in columns):
            return
        if self.mapping.carry:
            rows = Rows(self._carried(rows, around))
        if self.mapping.group is not None:
            rows = Rows(Grouping(self.mapping, self.mapping.group, around).rows(rows))
        evidence = Evidence(self.mapping, around)
        ahead = _look_ahead(rows, evidence, FIRST_ROWS)
        questions = evidence.questions()
        if questions:
            yield from questions
            return
        remarks = _Remarks()
        rows.put_back(ahead)
        is_stopped = yield from self._read_rows(rows, around, evidence, remarks, _Once())
        if is_stopped:
            return
        if self.mapping.warning:
            yield Warning("source", self.mapping.warning)
        yield from remarks.warnings()

    def _around(self, table: Table) -> Surroundings:
        """The columns of a table; those of groups too, which not every row has."""
        if self.mapping.group is None:
            return Surroundings(self._choices, table.columns, table.preamble, is_complete=self._is_complete)
        return Surroundings(self._choices, (*table.columns, *COLUMNS), table.preamble)

    def _read_rows(
        self, rows: Rows, around: Surroundings, evidence: Evidence, remarks: "_Remarks", once: "_Once"
    ) -> Generator[Together, None, bool]:
        """What rows say; whether a question stopped it."""
        reader = RowReader(self.mapping, around, evidence.decimal, evidence.order)
        misses = 0
        while some := rows.together(TOGETHER):
            together = None
            if misses < MAX_MISSES and (self.mapping.extra_cells or not _have_extra(some)):
                together = reader.read_together(some)
                misses = misses + 1 if together is None else 0
            if together is not None:
                yield from together
                remarks.add_by_place(around.noted)
                continue
            rest = iter(some.rows() if isinstance(some, Block) else some)
            for row in rest:
                readings = reader.read(row.place, row.cells)
                if row.extra and not self.mapping.extra_cells:
                    readings = self._with_extra(row, readings)
                if isinstance(readings[0], BadRow) and _is_total(row):
                    readings = [SkippedRow(row.place, "total")]
                first = readings[0]
                if isinstance(first, Question):
                    around.notes.clear()
                    rows.put_back(rest)
                    return (yield from self._ask(first, row, rows, around, evidence, remarks, once))
                if len(readings) == 1:
                    yield first
                else:
                    yield from once.first(readings)
                if around.notes:
                    remarks.add(row.place, around.notes)
        return False

    def _ask(
        self,
        question: Question,
        row: Row,
        rows: Rows,
        around: Surroundings,
        evidence: Evidence,
        remarks: "_Remarks",
        once: "_Once",
    ) -> Generator[Together, None, bool]:
        """The question of a row; or, where further rows show the answer, this row and those by it."""
        if evidence.may_answer(question):
            known = evidence.decimal, evidence.order
            evidence.see(row.place, row.cells)
            ahead = _look_ahead(rows, evidence, 0)
            if (evidence.decimal, evidence.order) != known:
                rows.put_back((row, *ahead))
                return (yield from self._read_rows(rows, around, evidence, remarks, once))
        yield question
        return True

    def _carried(self, rows: Iterator[Row], around: Surroundings) -> Iterator[Row]:
        """The rows with what empty cells of some columns have from the row above."""
        columns, above = around.columns(self.mapping.carry), dict[str, str]()
        for row in rows:
            yield Row(row.place, above | row.cells, row.extra)
            above |= {column: row.cells[column] for column in columns if column in row.cells}

    def _with_extra(self, row: Row, readings: list[Reading]) -> list[Reading]:
        """What becomes of a row that has more cells than the header: it is no row of this table."""
        if isinstance(readings[0], SkippedRow):
            return readings
        if self.mapping.extra_rows:
            return [SkippedRow(row.place, self.mapping.extra_rows)]
        cells = ", ".join(row.extra[:3])
        return [
            BadRow(row.place, "", f"has more cells than the header: {cells}; is a decimal comma the delimiter too?")
        ]

    def read_message(self, record: Mapping[str, str]) -> list[Reading]:
        """What one message of a webhook says; `record` is flat, names to texts. Without a time it happened now."""
        columns = tuple(record)
        found = self._messages.get(columns)
        if found is None:
            around = Surroundings(self._choices, columns, needs_time=False)
            found = RowReader(self.mapping, around, POINT), around
            if len(self._messages) < MAX_FORMS:
                self._messages[columns] = found
        reader, around = found
        cells = {name: text.strip() for name, text in record.items() if text and not text.isspace()}
        readings = reader.read(1, cells)
        remarks = _Remarks()
        remarks.add(1, around.notes)
        return [*readings, *remarks.warnings()]


MAX_FORMS = 100
"""Forms of messages whose compiled mapping is kept."""


def _have_extra(rows: Sequence[Row] | Block) -> bool:
    return not isinstance(rows, Block) and any(row.extra for row in rows)


def _is_total(row: Row) -> bool:
    """Whether a row that can't be read has the sums of the rows above it."""
    return next(iter(row.cells.values()), "").strip(" :").lower() in TOTALS


def _look_ahead(rows: Iterator[Row], evidence: Evidence, least: int) -> list[Row]:
    """Take the next rows, for as long as they are needed as evidence."""
    ahead: list[Row] = []
    if evidence.is_needed:
        while not evidence.is_clear and (len(ahead) < least or (evidence.is_open and len(ahead) < MAX_AHEAD)):
            row = next(rows, None)
            if row is None:
                break
            ahead.append(row)
            evidence.see(row.place, row.cells)
    return ahead


class _Once:
    """Lets pass what rows say about symbols once only: each fill of a symbol says the same instrument."""

    def __init__(self) -> None:
        self._said: set[tuple[tuple[str, str], ...]] = set()

    def first(self, readings: list[Reading]) -> Iterator[Reading]:
        """The readings without instruments that were said before."""
        for one in readings:
            if isinstance(one, EventRow) and one.kind == "instrument":
                content = tuple(one.members.items())
                if content in self._said:
                    continue
                self._said.add(content)
            yield one


class _Remarks:
    """What the user should know, by code: how often, and the first places."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, list[int], int]] = {}

    def add(self, place: int, notes: list[tuple[str, str]]) -> None:
        """Take the notes of a row."""
        for code, text in dict(notes).items():
            said, places, count = self._found.get(code, (text, [], 0))
            if len(places) < MAX_PLACES:
                places.append(place)
            self._found[code] = said, places, count + 1
        notes.clear()

    def add_by_place(self, noted: dict[int, list[tuple[str, str]]]) -> None:
        """Take the notes of rows that were read together."""
        for place in sorted(noted):
            self.add(place, noted[place])
        noted.clear()

    def warnings(self) -> Iterator[Reading]:
        """One warning a code."""
        for code, (text, places, count) in self._found.items():
            yield Warning(code, text, tuple(places), count)
