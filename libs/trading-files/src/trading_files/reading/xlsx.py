"""Sheets of an Excel workbook as records of cells, row by row with flat memory.

Why not a library: calamine holds a sheet as a rectangle, so that two cells far apart take all memory; openpyxl turns
each number into a float, which loses digits of what exchanges write. This reads the few parts of ECMA-376 that hold
values: formulas by the value that was computed last, dates as ISO text, numbers with the digits that Excel shows.
"""

import zipfile
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from trading_files.errors import FileRefused
from trading_files.reading.archives import open_member
from trading_files.reading.limits import Limits
from trading_files.reading.safe_xml import SafeParser, feed_all
from trading_files.reading.tables import Record
from trading_files.reading.text import CHUNK, bounded
from trading_files.reading.xlsx_styles import Shows, serial_as_text, shown_as

_RELATION_ID = "http://schemas.openxmlformats.org/officeDocument/2006/relationships id"
_STRICT_RELATION_ID = "http://purl.oclc.org/ooxml/officeDocument/relationships id"
_MAX_NUMBER = 40
_MAX_SHEETS = 250


class Workbook:
    """The sheets of a workbook. Making it and reading a sheet raises FileRefused."""

    def __init__(self, archive: zipfile.ZipFile, limits: Limits) -> None:
        self._archive = archive
        self._limits = limits
        self._members = {member.filename.lstrip("/"): member for member in archive.infolist()}
        self._since_1904 = False
        self._sheets: list[tuple[str, str]] = []  # names and relation ids
        self._targets: dict[str, str] = {}
        self._parse("xl/workbook.xml", self._on_workbook)
        self._parse("xl/_rels/workbook.xml.rels", self._on_relation)
        self._shown = self._read_styles()
        self._texts = self._read_texts()

    def sheets(self) -> Iterator[tuple[str, Iterator[Record]]]:
        """The name and the rows of each sheet, in the workbook's order. Charts are passed over."""
        for name, relation in self._sheets:
            member = self._targets.get(relation, "")
            if member in self._members and "worksheets/" in member:
                yield name, self._rows(member)

    def _on_workbook(self, name: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr":
            self._since_1904 = attributes.get("date1904") in ("1", "true")
        elif name == "sheet":
            relation = attributes.get(_RELATION_ID) or attributes.get(_STRICT_RELATION_ID) or ""
            self._sheets.append((attributes.get("name", ""), relation))
            if len(self._sheets) > _MAX_SHEETS:
                raise FileRefused(f"the workbook has more than {_MAX_SHEETS} sheets")

    def _on_relation(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "")
            self._targets[attributes.get("Id", "")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"

    def _read_styles(self) -> list[Shows]:
        """What each cell style shows a number as."""
        codes: dict[str, str] = {}
        styles: list[str] = []
        inside = [False]

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "numFmt":
                codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")[:200]
            elif name in ("cellXfs", "cellStyleXfs"):
                inside[0] = name == "cellXfs"
            elif name == "xf" and inside[0]:
                styles.append(attributes.get("numFmtId", "0"))

        if "xl/styles.xml" in self._members:
            self._parse("xl/styles.xml", start)
        return [shown_as(int(one) if one.isascii() and one.isdigit() else 0, codes.get(one)) for one in styles]

    def _read_texts(self) -> "_Texts":
        texts = _Texts(self._limits)
        if "xl/sharedStrings.xml" in self._members:
            self._parse("xl/sharedStrings.xml", texts.start, texts.end, texts.add)
        return texts

    def _parse(
        self,
        member: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] = lambda _: None,
        text: Callable[[str], None] = lambda _: None,
    ) -> None:
        for _ in feed_all(SafeParser(self._limits, start, end, text), self._chunks(member)):
            pass

    def _chunks(self, member: str) -> Iterator[bytes]:
        if member not in self._members:
            raise FileRefused(f"the workbook is damaged: {member} is missing; save it again")
        stream = open_member(self._archive, self._members[member], self._limits)
        return bounded(iter(lambda: stream.read(CHUNK), b""), self._limits)

    def _rows(self, member: str) -> Iterator[Record]:
        sheet = _Sheet(self._texts, self._shown, self._since_1904, self._limits)
        parser = SafeParser(self._limits, sheet.start, sheet.end, sheet.add)
        for _ in feed_all(parser, self._chunks(member)):
            while sheet.rows:
                yield sheet.rows.popleft()


class _Texts:
    """The texts that cells share, in one buffer: a list of strings would take several times its memory."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.shared_text_bytes
        self._buffer = bytearray()
        self._ends = array("Q", [0])
        self._open = self._phonetic = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        if name == "t":
            self._open = not self._phonetic
        elif name == "rPh":
            self._phonetic = True

    def end(self, name: str) -> None:
        if name == "t":
            self._open = False
        elif name == "rPh":
            self._phonetic = False
        elif name == "si":
            self._ends.append(len(self._buffer))
            if len(self._ends) * 8 > self._limit:
                raise FileRefused("the workbook holds too many texts; export CSV instead")

    def add(self, text: str) -> None:
        if self._open:
            self._buffer += text.encode("utf-8", "replace")
            if len(self._buffer) > self._limit:
                raise FileRefused(f"the workbook holds more than {self._limit >> 20} MB of text; export CSV instead")

    def __getitem__(self, number: int) -> str:
        return self._buffer[self._ends[number] : self._ends[number + 1]].decode()

    def __len__(self) -> int:
        return len(self._ends) - 1


@dataclass(slots=True)
class _Cell:
    column: int
    place: str
    kind: str
    style: int
    value: list[str] = field(default_factory=list)
    size: int = 0
    has_formula: bool = False


class _Sheet:
    """Gathers the rows of one sheet from the events of a parser."""

    def __init__(self, texts: _Texts, shown: list[Shows], since_1904: bool, limits: Limits) -> None:
        self.rows: deque[Record] = deque()
        self._texts, self._shown, self._since_1904, self._limits = texts, shown, since_1904, limits
        self._number = 0
        self._cells: list[str] = []
        self._cell: _Cell | None = None
        self._column = 0
        self._open = self._phonetic = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._start_cell(attributes)
        elif name in ("v", "t"):
            self._open = self._cell is not None and not self._phonetic
        elif name == "rPh":
            self._phonetic = True
        elif name == "f" and self._cell is not None:
            self._cell.has_formula = True
        elif name == "row":
            number = attributes.get("r", "")
            self._number = (
                int(number) if number.isascii() and number.isdigit() and len(number) < 9 else self._number + 1
            )
            self._cells, self._column = [], 0

    def _start_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r", "")
        self._column = _column_number(place) or self._column + 1
        if self._column > self._limits.columns:
            raise FileRefused(
                f"the workbook has a cell in column {self._column}; the maximum is {self._limits.columns}"
            )
        style = attributes.get("s", "0")
        style_number = int(style) if style.isascii() and style.isdigit() and len(style) < 9 else 0
        self._cell = _Cell(self._column, place, attributes.get("t", "n"), style_number)

    def end(self, name: str) -> None:
        if name in ("v", "t"):
            self._open = False
        elif name == "rPh":
            self._phonetic = False
        elif name == "c" and self._cell is not None:
            self._cells.extend([""] * (self._cell.column - len(self._cells)))
            self._cells[self._cell.column - 1] = self._text_of(self._cell)
            self._cell = None
        elif name == "row":
            if any(self._cells):
                self.rows.append((self._number, self._cells))
            self._cells = []

    def add(self, text: str) -> None:
        if self._open and self._cell is not None:
            self._cell.size += len(text)
            if self._cell.size > self._limits.line_bytes:
                raise FileRefused(f"cell {self._cell.place} holds more than {self._limits.line_bytes >> 10} KB")
            self._cell.value.append(text)

    def _text_of(self, cell: _Cell) -> str:
        value = "".join(cell.value)
        if not value:
            if cell.has_formula and cell.kind != "str":
                raise FileRefused(
                    f"cell {cell.place} holds a formula that was never computed; open the workbook in a spreadsheet "
                    "program and save it, or export CSV"
                )
            return ""
        if cell.kind == "s":
            number = int(value) if value.isascii() and value.isdigit() and len(value) < 10 else len(self._texts)
            if number >= len(self._texts):
                raise FileRefused(f"the workbook is damaged: cell {cell.place} names a text that is missing")
            return self._texts[number]
        if cell.kind == "b":
            return "true" if value == "1" else "false"
        if cell.kind == "n":
            return self._number_text(value.strip(), cell.style)
        return value

    def _number_text(self, value: str, style: int) -> str:
        shows = self._shown[style] if style < len(self._shown) else "number"
        number = shown_number(value)
        if shows == "number" or number is None:
            return value if number is None else number
        return serial_as_text(number, shows, since_1904=self._since_1904)


def shown_number(value: str) -> str | None:
    """A stored number with the digits that it was typed with; None if it is not a number.

    Excel stores 605.2699 as 605.26990000000001, the binary number nearest to it. A text of 16 digits or more that is
    the binary number of a shorter one is that shorter one; all other texts stay as they are stored.
    """
    if len(value) > _MAX_NUMBER:
        return None
    with suppress(ArithmeticError, ValueError):
        exact = Decimal(value)
        if not exact.is_finite() or abs(exact.adjusted()) > _MAX_NUMBER:
            return None
        if len(exact.as_tuple().digits) >= 16:
            shortest = Decimal(repr(float(value)))
            if len(shortest.normalize().as_tuple().digits) <= 15:
                exact = shortest
        return format(exact, "f")
    return None


def _column_number(place: str) -> int:
    """The number of a column by its letters, A is 1; 0 without letters."""
    number = 0
    for letter in place[:4]:
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    return number
