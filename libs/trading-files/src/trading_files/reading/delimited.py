"""CSV and its relatives as tables."""

import csv
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from trading_files.errors import FileRefused
from trading_files.reading.columns import column_key, unique_names
from trading_files.reading.limits import Limits
from trading_files.reading.tables import Row, Table

if TYPE_CHECKING:
    from _csv import Reader

_DELIMITERS = ",;\t|"


def delimited_tables(text: TextIO, headers: Sequence[frozenset[str]], limits: Limits) -> Iterator[Table]:
    """The tables of a delimited text. Raises FileRefused."""
    lines = iter(text)
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(_after(first, lines), delimiter=delimiter, strict=True, skipinitialspace=True)
    preamble: list[tuple[str, ...]] = []
    for cells in reader:
        keys = {column_key(cell) for cell in cells}
        if not headers or any(one <= keys for one in headers) or len(preamble) >= limits.preamble_lines:
            columns = unique_names(cells)
            yield Table("", columns, _rows(reader, columns), tuple(preamble))
            return
        preamble.append(tuple(cells))
    raise FileRefused("the file holds no table")


def _after(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _rows(reader: "Reader", columns: tuple[str, ...]) -> Iterator[Row]:
    width = len(columns)
    place = reader.line_num + 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                held = {name: cell for name, cell in zip(columns, stripped, strict=False) if cell}
                yield Row(place, held, tuple(filter(None, stripped[width:])))
            place = reader.line_num + 1
    except csv.Error as error:
        raise FileRefused(f"line {place}: {error}") from None
