"""What reading gives: a document of tables of rows. All cells are text, with the digits of the file."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec


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
    rows: Iterator[Row]
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
