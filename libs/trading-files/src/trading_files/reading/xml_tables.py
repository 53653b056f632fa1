"""XML as tables, as Interactive Brokers' Flex queries write it: a row is an element with attributes.

An element is a row if it has two cells or more: its attributes, and its children that hold nothing but text. Rows below
one parent are a table, named after the parents; the column "(element)" has the row's own name, as trades and orders may
stand below one parent. Attributes of elements around the rows (the account) are the table's preamble.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

from trading_files.errors import FileRefused
from trading_files.reading.limits import Limits
from trading_files.reading.safe_xml import SafeParser, feed_all
from trading_files.reading.tables import Row, Rows, Table

ELEMENT = "(element)"

_COLUMNS_OF = 100
_MAX_TEXT = 1 << 17


@dataclass(slots=True)
class _Element:
    name: str
    line: int
    attributes: dict[str, str]
    cells: dict[str, str]
    holds_rows: bool = False
    text: list[str] = field(default_factory=list)
    size: int = 0


_Found = tuple[str, tuple[tuple[str, str], ...], Row]
"""The path of the parents, their attributes, and the row."""


def xml_tables(chunks: Iterator[bytes], limits: Limits) -> Iterator[Table]:
    """The tables of an XML text in UTF-8. Raises FileRefused."""
    found = _rows(chunks, limits)
    first = next(found, None)
    while first is not None:
        following: list[_Found] = []
        rows = _rows_below(first, found, following)
        head = list(islice(rows, _COLUMNS_OF))
        columns = tuple(dict.fromkeys(name for row in head for name in row.cells))
        remaining = chain(head, rows)
        yield Table(first[0], columns, Rows(remaining), first[1])
        for _ in remaining:  # a caller may have left some
            pass
        first = following[0] if following else None


def _rows_below(first: _Found, found: Iterator[_Found], following: list[_Found]) -> Iterator[Row]:
    yield first[2]
    for one in found:
        if one[:2] != first[:2]:
            following.append(one)
            return
        yield one[2]


def _rows(chunks: Iterator[bytes], limits: Limits) -> Iterator[_Found]:
    collector = _Collector()
    parser = SafeParser(limits, collector.start, collector.end, collector.add_text)
    collector.parser = parser
    without_row = 0
    for size in feed_all(parser, chunks):
        without_row = 0 if collector.found else without_row + size
        if without_row > limits.bytes_without_row:
            raise FileRefused(f"the file is XML with {without_row >> 20} MB in which no row was found")
        while collector.found:
            yield collector.found.popleft()


class _Collector:
    """Gathers rows from the events of a parser."""

    parser: SafeParser

    def __init__(self) -> None:
        self.found: deque[_Found] = deque()
        self._open: list[_Element] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        cells = {key.rpartition(" ")[2]: text for key, value in attributes.items() if (text := value.strip())}
        self._open.append(_Element(name, self.parser.line, cells, {ELEMENT: name} | cells))

    def add_text(self, text: str) -> None:
        element = self._open[-1]
        element.size += len(text)
        if element.size > _MAX_TEXT:
            raise FileRefused(
                f"line {self.parser.line}: the text of an XML element is larger than {_MAX_TEXT >> 10} KB"
            )
        element.text.append(text)

    def end(self, name: str) -> None:
        element = self._open.pop()
        parent = self._open[-1] if self._open else None
        text = "".join(element.text).strip()
        if element.holds_rows:
            if parent:
                parent.holds_rows = True
        elif len(element.cells) > 2:
            if text:
                element.cells.setdefault("(text)", text)
            self.found.append((self._path(), self._context(), Row(element.line, element.cells)))
            if parent:
                parent.holds_rows = True
        elif parent is not None:
            for key, value in element.attributes.items():
                parent.cells.setdefault(f"{name}.{key}", value)
            if text:
                parent.cells.setdefault(name, text)

    def _path(self) -> str:
        return ".".join(element.name for element in self._open)

    def _context(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            (f"{element.name}.{key}", value) for element in self._open for key, value in element.attributes.items()
        )
