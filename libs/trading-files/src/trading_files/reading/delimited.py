"""CSV and its relatives as records of cells."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TextIO

from trading_files.errors import FileRefused
from trading_files.reading.dialect import Dialect, find_dialect
from trading_files.reading.limits import Limits
from trading_files.reading.tables import Record

_BLOCK = 1 << 16
_SAMPLE_LINES = 400
_MAX_RECORD_LINES = 1_000


def delimited_records(
    text: TextIO, headers: Sequence[frozenset[str]], limits: Limits, notes: list[str], cut: list[int]
) -> Iterator[Record]:
    """The records of a delimited text with the lines where they begin. Raises FileRefused.

    `cut` gets the line of the last record, if that looks like a part of one.
    """
    sample = _sample(text)
    dialect = find_dialect(sample, headers)
    notes.append(dialect.note())
    notes.append(f"line ends: {_line_ends(sample)}")
    blocks = chain([sample[dialect.skip :]], iter(lambda: text.readlines(_BLOCK), []))
    return _records(blocks, dialect, limits, cut)


def _sample(text: TextIO) -> list[str]:
    """The first lines, on which the dialect is decided."""
    sample: list[str] = []
    size = 0
    while size < _BLOCK and len(sample) < _SAMPLE_LINES and (line := text.readline()):
        sample.append(line)
        size += len(line)
    return sample


def _line_ends(sample: Sequence[str]) -> str:
    first = sample[0] if sample else ""
    return "CRLF" if first.endswith("\r\n") else "CR" if first.endswith("\r") else "LF"


def _records(blocks: Iterable[list[str]], dialect: Dialect, limits: Limits, cut: list[int]) -> Iterator[Record]:
    place = dialect.skip + 1
    empty = 0
    last_line = "\n"
    last_at = width = width_above = 0

    def lines_of_blocks() -> Iterator[list[str]]:
        nonlocal last_line
        for block in blocks:
            if dialect.skip + reader.line_num - place > _MAX_RECORD_LINES:
                raise FileRefused(f"line {place}: a quotation mark is opened and not closed")
            last_line = block[-1] if block else last_line
            yield block

    reader = csv.reader(chain.from_iterable(lines_of_blocks()), **dialect.arguments())
    try:
        for cells in reader:
            if cells:
                last_at, width_above, width = place, width, len(cells)
                yield place, cells
            elif (empty := empty + 1) > limits.empty_lines:
                raise FileRefused(f"line {place}: the file holds more than {limits.empty_lines} empty lines")
            place = dialect.skip + reader.line_num + 1
    except csv.Error as error:
        raise FileRefused(f"line {place}: {_reason(error)}") from None
    if width < width_above and not last_line.endswith(("\n", "\r")):
        cut.append(last_at)


def _reason(error: csv.Error) -> str:
    reason = str(error)
    if "unexpected end of data" in reason or "field larger" in reason:
        return "a quotation mark is opened and not closed"
    if "expected after" in reason:
        return "text stands behind a closing quotation mark"
    return reason
