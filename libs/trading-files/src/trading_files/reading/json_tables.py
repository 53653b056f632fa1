"""JSON in any shape as tables: a list, objects one after another, or lists somewhere inside an object.

Memory stays flat: one record is decoded at a time. A list of lists is a grid, which may have a header.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, TextIO

from trading_files.errors import FileRefused
from trading_files.reading.columns import column_key
from trading_files.reading.flat import Cells, RepeatedName, flat_decoder, plain_text
from trading_files.reading.grid import grid_tables
from trading_files.reading.limits import Limits
from trading_files.reading.tables import Record, Row, Rows, Table

_CHUNK = 1 << 16
_COLUMNS_OF = 100  # rows: those of one table may have different members

_SPACE = re.compile(r"[ \t\n\r]*")
_ITEM_OF_LIST = re.compile(r"\.\d+\.")


class JsonTables:
    """The tables of a JSON text. `kind` is json or ndjson. Making and reading it raises FileRefused."""

    def __init__(self, text: TextIO, headers: Sequence[frozenset[str]], limits: Limits) -> None:
        self._source = _Source(text, limits)
        self._headers = headers
        self._limits = limits
        self._context: list[tuple[str, str]] = []  # members of the envelope so far
        self._first = self._first_object()
        self.kind = "json" if self._first is None else "ndjson"

    def __iter__(self) -> Iterator[Table]:
        if self._first is not None:
            yield _record_table("", self._objects(self._first), ())
            return
        while sign := self._source.peek():
            yield from self._tables_of(sign, "", 0)

    def _first_object(self) -> Cells | None:
        """The object at the start, if it is a record; None for a list and for an object around lists."""
        source = self._source
        if source.peek() != "{":
            return None
        start = source.mark()
        try:
            cells: Cells = source.value()
        except FileRefused:
            if not source.is_full:
                raise
            source.back_to(start)  # too large for a record: lists lie in it
            return None
        if source.peek() == "{" or self._is_record(cells):
            return cells
        source.back_to(start)
        return None

    def _is_record(self, cells: Cells) -> bool:
        keys = {column_key(name) for name in cells}
        if any(one <= keys for one in self._headers):
            return True
        return not any(_ITEM_OF_LIST.search(name) for name in cells)

    def _objects(self, first: Cells) -> Iterator[Row]:
        source = self._source
        line = 1
        cells: Any = first
        while True:
            if not isinstance(cells, dict):
                raise FileRefused(f"line {line}: a JSON object is expected, not a list or a value")
            if cells:
                yield Row(line, cells)
            if not source.peek():
                return
            line = source.line
            cells = source.value()

    def _tables_of(self, sign: str, path: str, depth: int) -> Iterator[Table]:
        """The tables in the value that begins with `sign`; a plain value becomes context of the tables after it."""
        if depth > self._limits.depth:
            raise FileRefused(f"the file nests objects more than {self._limits.depth} deep")
        if sign == "[":
            yield from self._tables_of_list(path)
        elif sign == "{":
            yield from self._tables_of_object(path, depth)
        else:
            value = self._source.value()
            if value is not None and len(self._context) < self._limits.columns:
                self._context.append((path, plain_text(value)))

    def _tables_of_list(self, path: str) -> Iterator[Table]:
        self._source.take("[")
        following = self._source.peek()
        if following == "{":
            rows = self._items()
            yield _record_table(path, rows, tuple(self._context))
            for _ in rows:  # a caller may have left some
                pass
        elif following == "[":
            yield from grid_tables(self._lists(), self._headers, self._limits, path)
        else:
            for number, _ in enumerate(self._values()):
                self._check_count(number)

    def _tables_of_object(self, path: str, depth: int) -> Iterator[Table]:
        source = self._source
        source.take("{")
        count = 0
        while source.peek() != "}":
            count += 1
            self._check_count(count)
            name = source.value()
            if not isinstance(name, str):
                raise source.refusal("the name of a member is expected")
            source.take(":")
            yield from self._tables_of(source.peek(), f"{path}.{name}" if path else name, depth + 1)
            if source.peek() != ",":
                break
            source.take(",")
        source.take("}")

    def _check_count(self, count: int) -> None:
        if count > self._limits.plain_values:
            raise self._source.refusal(f"more than {self._limits.plain_values} values that are no records")

    def _values(self) -> Iterator[Any]:
        """The items of a list whose bracket is taken."""
        source = self._source
        if source.peek() == "]":
            source.take("]")
            return
        while True:
            yield source.value()
            if source.peek() == "]":
                source.take("]")
                return
            source.take(",")

    def _items(self) -> Iterator[Row]:
        for number, cells in enumerate(self._values(), 1):
            if not isinstance(cells, dict):
                raise FileRefused(f"item {number} of the list is not an object, as those before it are")
            if cells:
                yield Row(number, cells)

    def _lists(self) -> Iterator[Record]:
        for number, cells in enumerate(self._values(), 1):
            if not isinstance(cells, list) or any(isinstance(cell, list | dict) for cell in cells):
                raise FileRefused(f"item {number} of the list is not a list of values, as those before it are")
            yield number, ["" if cell is None else plain_text(cell) for cell in cells]


def _record_table(path: str, rows: Iterator[Row], context: tuple[tuple[str, str], ...]) -> Table:
    first = list(islice(rows, _COLUMNS_OF))
    columns = dict.fromkeys(name for row in first for name in row.cells)
    return Table(path, tuple(columns), Rows(chain(first, rows)), context)


class _Source:
    """A JSON text, decoded value by value from a buffer that holds little more than one of them."""

    def __init__(self, text: TextIO, limits: Limits) -> None:
        self._text = text
        self._limit = limits.line_bytes
        self._buffer = ""
        self._at = 0
        self._lines = 0  # before the buffer
        self._ended = False
        self._held = False  # a mark is set: what is before `_at` stays in the buffer
        self._decode = flat_decoder().raw_decode

    @property
    def line(self) -> int:
        """The line of what comes next, from 1."""
        return self._lines + self._buffer.count("\n", 0, self._at) + 1

    @property
    def is_full(self) -> bool:
        """Whether what comes next is larger than a value may be."""
        return len(self._buffer) - self._at > self._limit

    def mark(self) -> int:
        """A position to go back to, within the next value."""
        self._held = True
        return self._at

    def back_to(self, mark: int) -> None:
        """Read again from a mark."""
        self._at, self._held = mark, False

    def peek(self) -> str:
        """The next character that is not white space; "" at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]  # it matches nothing too
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._fill():
                return ""

    def take(self, sign: str) -> None:
        """Pass over a character that has to come. Raises FileRefused."""
        if self.peek() != sign:
            raise self.refusal(f"{sign!r} is expected")
        self._at += 1

    def value(self) -> Any:
        """The next value: an object as its cells, a number as its text. Raises FileRefused."""
        self.peek()
        while True:
            try:
                value, end = self._decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if self._grow():
                    continue
                if self.is_full:
                    raise self.refusal(f"a value is larger than {self._limit >> 10} KB, or it is not JSON") from None
                raise self.refusal(f"not JSON: {error.msg}") from None
            except RepeatedName as error:
                raise self.refusal(f"an object has two members named {str(error)[:80]!r}") from None
            except RecursionError:
                raise self.refusal("values are nested too deep") from None
            if end == len(self._buffer) and self._grow():  # a number may go on
                continue
            self._at = end
            return value

    def refusal(self, reason: str) -> FileRefused:
        """The error for what comes next."""
        return FileRefused(f"line {self.line}: {reason}")

    def _grow(self) -> bool:
        return not self.is_full and self._fill()

    def _fill(self) -> bool:
        """Read more; False at the end of the text."""
        if self._ended:
            return False
        more = self._text.read(_CHUNK)
        self._ended = not more
        if not self._held:
            self._lines += self._buffer.count("\n", 0, self._at)
            self._buffer, self._at = self._buffer[self._at :], 0
        self._buffer += more
        return bool(more)
