"""Records of cells as tables: finds headers, below other lines too, and the sections of a report.

A header is the first record that has one of the column sets the caller knows. Without such a record it is the first one
of names alone that is about as wide as most records. A later record is the header of another section if it has a known
column set, or stands right below a title (a record of one cell) and consists of names alone. A header that repeats the
current one is passed over.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from trading_files.errors import FileRefused, UnreadableValue
from trading_files.reading.columns import column_key, unique_names
from trading_files.reading.limits import Limits
from trading_files.reading.statement import is_statement, statement_tables
from trading_files.reading.tables import Block, Record, Row, Rows, Table
from trading_files.values.dates import find_date
from trading_files.values.numbers import read_number

_TOGETHER = 500
"""Records that are looked at together."""


@dataclass(slots=True)
class _Section:
    """A header, what stands above it, and its title."""

    header: list[str]
    preamble: list[tuple[str, ...]] = field(default_factory=list)
    title: str = ""
    rest: Iterator[Record] = field(default_factory=lambda: iter(()))
    """Records that follow and were taken from the source already."""


class Headers:
    """The column sets that the caller knows."""

    def __init__(self, known: Sequence[frozenset[str]]) -> None:
        self._known = known
        self._names = frozenset(name for one in known for name in one)
        self._last_digits = frozenset(name[-1] for name in self._names if name[-1:].isdigit())

    def match(self, cells: Sequence[str]) -> bool:
        """Whether a record has all names of one set."""
        keys = {column_key(cell) for cell in cells}
        return any(one <= keys for one in self._known)

    def is_value(self, cell: str) -> bool:
        """Whether a cell is surely no column's name; a fast answer for every row. Few names end with a digit."""
        return cell[:1].isdigit() or (cell[-1:].isdigit() and cell[-1:] not in self._last_digits)

    def may_begin(self, cell: str) -> bool:
        """Whether a header may begin with this cell."""
        return not self.is_value(cell) and column_key(cell) in self._names


def grid_tables(
    records: Iterator[Record], headers: Sequence[frozenset[str]], limits: Limits, name: str = ""
) -> Iterator[Table]:
    """The tables of a grid of cells. Raises FileRefused."""
    known = Headers(headers)
    head = _head(records, limits)
    if is_statement(head):
        yield from statement_tables(chain(head, records), limits)
        return
    at = _header_at(head, known)
    section: _Section | None
    if at is None:
        width = max((len(cells) for _, cells in head), default=0)
        section = _Section([f"({number})" for number in range(1, width + 1)]) if width > 1 else None
        records = chain(head, records)
    else:
        section = _first_section(head, at)
        records = chain(head[at + 1 :], records)
    while section is not None:
        below = _Below(section.header, known, limits)
        rows = below.read(records)
        title = " / ".join(filter(None, (name, section.title)))
        yield Table(title, below.columns, Rows(rows), tuple(section.preamble))
        for _ in rows:  # a caller may have left some
            pass
        section = below.following
        if section is not None:
            records = chain(section.rest, records)


def _first_section(head: Sequence[Record], at: int) -> _Section:
    stripped = [tuple(map(str.strip, cells)) for _, cells in head[: at + 1]]
    above = [cells for cells in stripped[:-1] if any(cells)]
    return _Section(list(stripped[-1]), above, _title(above[-1]) if above else "")


def _head(records: Iterator[Record], limits: Limits) -> list[Record]:
    head: list[Record] = []
    size = 0
    for record in records:
        _check_width(record, limits)
        head.append(record)
        size += sum(map(len, record[1]))
        if len(head) > limits.preamble_lines or size > limits.preamble_characters:
            break
    return head


def _check_width(record: Record, limits: Limits) -> None:
    place, cells = record
    if len(cells) > limits.columns:
        raise FileRefused(f"line {place} has {len(cells)} cells; the maximum is {limits.columns}")


def _header_at(head: Sequence[Record], known: Headers) -> int | None:
    """The index of the header: of a known one, else of the one that looks most like it."""
    for at, (_, cells) in enumerate(head):
        if known.match(cells):
            return at
    return _likely_header(head)


def _likely_header(head: Sequence[Record]) -> int | None:
    filled = [sum(1 for cell in cells if cell.strip()) for _, cells in head]
    widths = Counter(count for count in filled if count > 1)
    if not widths:
        return None
    usual = max(widths, key=lambda width: (widths[width] * width, width))
    for tenths in (8, 5):
        for at, (_, cells) in enumerate(head):
            if filled[at] > 1 and filled[at] * 10 >= usual * tenths and _are_names(cells):
                return at
    return None


def _are_names(cells: Sequence[str]) -> bool:
    """Whether all cells that are not empty are words: at least two, no number and no time among them, no two equal."""
    words = [text for cell in cells if (text := cell.strip())]
    return len(words) > 1 and all(map(_is_name, words))


def _is_name(text: str) -> bool:
    if len(text) > 100 or not any(map(str.isalpha, text)) or find_date(text) is not None:
        return False
    try:
        read_number(text)
    except UnreadableValue:
        return True
    return False


def _title(cells: Sequence[str]) -> str:
    """The only cell of a record that is not empty; "" if it has more."""
    words = [cell for cell in cells if cell]
    return words[0].rstrip(":")[:100] if len(words) == 1 else ""


class _Below:
    """What stands below a header: rows, up to the next header."""

    def __init__(self, header: list[str], known: Headers, limits: Limits) -> None:
        self.columns = unique_names(header)
        self.following: _Section | None = None
        self._header = header
        self._known = known
        self._limits = limits
        self._lone: Row | None = None
        """A record of one cell: a row, or the title of the next section."""

    def read(self, records: Iterator[Record]) -> Iterator[Row | Block]:
        """The rows; then `following` is the next section, if there is one."""
        for some in _some_together(records):
            block = _block(some, self.columns, self._known) if self._lone is None else None
            if block is not None:
                yield block
                continue
            yield from self._rows(iter(some))
            if self.following is not None:
                return
        if self._lone is not None:
            yield self._lone

    def _rows(self, records: Iterator[Record]) -> Iterator[Row]:
        columns, known, width = self.columns, self._known, len(self.columns)
        for place, written in records:
            cells = list(map(str.strip, written))
            if len(cells) == width and self._lone is None and known.is_value(cells[0]) and "" not in cells:
                yield Row(place, dict(zip(columns, cells)))  # noqa: B905 - the widths are equal
                continue
            _check_width((place, cells), self._limits)
            row = _row(place, cells, columns)
            if _is_empty_or_comment(row, cells, width):
                continue
            lone, self._lone = self._lone, None
            if lone is not None or known.may_begin(cells[0]):
                if cells == self._header:
                    continue
                if known.match(cells) or (lone is not None and _are_names(cells)):
                    self.following = _section_below(lone, cells, records)
                    return
            if lone is not None:
                yield lone
            if width > 2 and len(row.cells) + len(row.extra) < 2:
                self._lone = row
                continue
            yield row


def _some_together(records: Iterator[Record]) -> Iterator[list[Record]]:
    """The records in lists; what can't be read on is raised after the records before it."""
    refused: FileRefused | None = None
    while refused is None:
        some: list[Record] = []
        try:
            some.extend(islice(records, _TOGETHER))
        except FileRefused as error:
            refused = error
        if not some:
            break
        yield some
    if refused is not None:
        raise refused


def _block(records: Sequence[Record], columns: tuple[str, ...], known: Headers) -> Block | None:
    """The records as a block; None if one of them needs a closer look."""
    width = len(columns)
    if not width or {len(cells) for _, cells in records} != {width}:
        return None
    cells = [cell.strip() for _, written in records for cell in written]
    if "" in cells or not all(map(known.is_value, cells[::width])):
        return None
    return Block([place for place, _ in records], {name: cells[at::width] for at, name in enumerate(columns)})


def _row(place: int, cells: list[str], columns: tuple[str, ...]) -> Row:
    held = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
    return Row(place, held, tuple(filter(None, cells[len(columns) :])))


def _section_below(lone: Row | None, header: list[str], rest: Iterator[Record]) -> _Section:
    title = "" if lone is None else _title((*lone.cells.values(), *lone.extra))
    return _Section(header, [(title,)] if title else [], title, rest)


def _is_empty_or_comment(row: Row, cells: list[str], width: int) -> bool:
    held = len(row.cells) + len(row.extra)
    return held == 0 or (held == 1 and width > 1 and cells[0].startswith("#"))
