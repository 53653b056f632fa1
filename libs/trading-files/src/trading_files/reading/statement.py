"""A statement in which each line names its section and says what it is, as that of Interactive Brokers.

`Trades,Header,Symbol,Quantity,Price` begins a section, `Trades,Data,AAPL,100,9.5` is a row of it; so are `SubTotal`,
`Total` and `Notes`. Sections of names and values, as `Statement,Data,Base Currency,EUR`, are the
tables' preamble.
"""

from collections.abc import Iterator, Sequence

from trading_files.errors import FileRefused
from trading_files.reading.columns import unique_names
from trading_files.reading.limits import Limits
from trading_files.reading.tables import Record, Row, Rows, Table

_HEADER, _DATA = "Header", "Data"
_NAME_AND_VALUE = 4
"""Cells of the header of a section of names and values: the section, the word, two names."""


def is_statement(head: Sequence[Record]) -> bool:
    """Whether a file that begins with these records is such a statement."""
    if len(head) < 2:
        return False
    (_, first), (_, second) = head[:2]
    return len(first) > 2 and first[1] == _HEADER and second[:2] == [first[0], _DATA]


def statement_tables(records: Iterator[Record], limits: Limits) -> Iterator[Table]:
    """A table for each header, named after its section, with the names and values since the last one above it.

    Its first two columns are the section, by its own name, and `Header`, which holds the word of each line.
    """
    sections = _Sections(records, limits)
    above = _Preamble(limits)
    while (header := sections.next_header()) is not None:
        rows = sections.rows(header)
        if len(header) == _NAME_AND_VALUE:
            for row in rows:
                above.add((header[0], *row.cells.values()))
            continue
        yield Table(header[0], unique_names(header), Rows(rows), above.taken())
        for _ in rows:  # a caller may have left some
            pass


class _Preamble:
    """Names and values above a table: the first of them, if they are many."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lines: list[tuple[str, ...]] = []
        self._characters = 0

    def add(self, line: tuple[str, ...]) -> None:
        self._characters += sum(map(len, line))
        is_short = self._characters <= self._limits.preamble_characters
        if is_short and len(self._lines) < self._limits.preamble_lines:
            self._lines.append(line)

    def taken(self) -> tuple[tuple[str, ...], ...]:
        lines, self._lines, self._characters = tuple(self._lines), [], 0
        return lines


class _Sections:
    """Reads records section by section."""

    def __init__(self, records: Iterator[Record], limits: Limits) -> None:
        self._records = records
        self._limits = limits
        self._header: list[str] | None = None

    def next_header(self) -> list[str] | None:
        """The header of the next section, once the rows of the last one were read; None at the end."""
        header, self._header = self._header, None
        if header is None:
            header = next((cells for _, cells in self._stripped() if _is_header(cells)), None)
        return None if header is None else _without_empty_end(header)

    def rows(self, header: list[str]) -> Iterator[Row]:
        """The rows up to the next header."""
        columns = unique_names(header)
        for place, cells in self._stripped():
            if _is_header(cells):
                self._header = cells
                return
            held = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
            if held:
                yield Row(place, held, tuple(filter(None, cells[len(columns) :])))

    def _stripped(self) -> Iterator[Record]:
        for place, cells in self._records:
            if len(cells) > self._limits.columns:
                raise FileRefused(f"line {place} has {len(cells)} cells; the maximum is {self._limits.columns}")
            yield place, list(map(str.strip, cells))


def _is_header(cells: Sequence[str]) -> bool:
    return len(cells) > 2 and cells[1] == _HEADER


def _without_empty_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells
