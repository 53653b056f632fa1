"""Turns the lines of a CSV file into trades. No I/O. Raises ValueError, which names the line."""

import csv
from collections.abc import Iterable, Iterator

import msgspec

from trading_app.client.records import Record
from trading_model.fields import NAMES, REQUIRED

_DELIMITERS = ",;\t"


def csv_records(lines: Iterable[str]) -> Iterator[Record]:
    """The trades below the header. An empty cell is a missing field; empty lines are skipped."""
    lines = iter(lines)
    skipped, first = _first_line(lines)
    delimiter = max(_DELIMITERS, key=first.count)
    columns = _columns(next(csv.reader([first], delimiter=delimiter), []))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = skipped + reader.line_num + 2  # the row's first line: a quoted cell may span several
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise ValueError(f"line {line}: {error}") from None
        if row is None:
            return
        if row:
            yield Record(line, _object(columns, row, line))


def _first_line(lines: Iterator[str]) -> tuple[int, str]:
    """The number of blank lines before the header, and the header."""
    for skipped, line in enumerate(lines):
        if line.strip():
            return skipped, line
    return 0, ""


def _columns(header: list[str]) -> list[str]:
    columns = [name.strip().lower() for name in header]
    if not columns:
        return columns
    unknown = [repr(name) for name in columns if name not in NAMES]
    if unknown:
        raise ValueError(f"unknown column {', '.join(unknown)[:200]}; a trade's fields are {', '.join(NAMES)}")
    if len(set(columns)) < len(columns):
        raise ValueError("a column appears twice")
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise ValueError(f"missing column {', '.join(missing)}")
    return columns


def _object(columns: list[str], row: list[str], line: int) -> bytes:
    if len(row) != len(columns):
        raise ValueError(f"line {line} has {len(row)} cells, the header has {len(columns)}")
    cells = zip(columns, map(str.strip, row), strict=True)
    return msgspec.json.encode(
        {name: cell for name, cell in cells if cell}
    )  # amounts as strings, which keep their digits
