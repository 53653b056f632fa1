"""What reading gives: a document of tables of rows. All cells are text, with the digits of the file."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

Record = tuple[int, list[str]]
"""The line or row where it begins, from 1, and its cells."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One line, item or element of a table.

    `place` is the line where it begins (text formats), else its number among the items; both from 1.
    `cells` holds the cells that are not empty, by column, without white space around them. `extra` holds the cells to
    the right of the last column that are not empty: such a row does not fit its header (a total, or a number that was
    torn at its decimal comma).
    A row with fewer cells than columns has those it has.
    """

    place: int
    cells: dict[str, str]
    extra: tuple[str, ...] = ()


class Block(msgspec.Struct, frozen=True, gc=False):
    """Rows of which each has a cell in every column: the place of each, and the cells by column."""

    places: Sequence[int]
    columns: Mapping[str, Sequence[str]]

    def __len__(self) -> int:
        return len(self.places)

    def rows(self) -> list[Row]:
        """The rows one by one."""
        names = tuple(self.columns)
        return [Row(place, dict(zip(names, cells))) for place, *cells in zip(self.places, *self.columns.values())]  # noqa: B905 - the widths are equal


class Rows(Iterator[Row]):
    """Rows one by one, or several together: as a block, where they were read so."""

    def __init__(self, items: Iterable[Row | Block]) -> None:
        self._items = iter(items)
        self._next: deque[Row | Block] = deque()

    def __next__(self) -> Row:
        item = self._next_item()
        if isinstance(item, Row):
            return item
        first, *others = item.rows()
        self.put_back(others)
        return first

    def put_back(self, rows: Iterable[Row]) -> None:
        """Let these rows come before all others."""
        self._next.extendleft(reversed([*rows]))

    def items(self) -> Iterator[Row | Block]:
        """The rest, as it was read."""
        while True:
            try:
                yield self._next_item()
            except StopIteration:
                return

    def together(self, maximum: int) -> Sequence[Row] | Block:
        """The next rows: a block, or at most `maximum` rows; none at the end."""
        rows: list[Row] = []
        while len(rows) < maximum:
            try:
                item = self._next_item()
            except StopIteration:
                break
            if isinstance(item, Row):
                rows.append(item)
            elif rows:
                self._next.appendleft(item)
                break
            else:
                return item
        return rows

    def _next_item(self) -> Row | Block:
        return self._next.popleft() if self._next else next(self._items)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under one header.

    `name` is a sheet, a section, an element or the path of a list; "" where the file has one table. `columns` holds the
    header's names: a second "Time" is "Time (2)", a column without a name is "(3)" by its number from 1; of JSON and
    XML, where rows may differ, the columns of the first rows. `preamble` holds what stood above the header. `rows` can
    be read once, before the next table is.
    """

    name: str
    columns: tuple[str, ...]
    rows: Rows
    preamble: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A file that is being read.

    `kind` is csv, json, ndjson, xml, xlsx or html; `notes` says what was found, for people.
    Reading a table or its rows raises FileRefused where the file can't be read on.
    """

    kind: str
    tables: Iterator[Table]
    notes: list[str] = field(default_factory=list)
    cut: list[int] = field(default_factory=list)
    """Once all is read: the line of the last row, if that is shorter than the one above and has no line end."""
