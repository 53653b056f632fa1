"""Recognises a file by its content and reads it."""

import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from trading_files.errors import FileRefused
from trading_files.reading.archives import open_zip, seekable_copy, ungzip, unzip
from trading_files.reading.delimited import delimited_records
from trading_files.reading.grid import grid_tables
from trading_files.reading.html_tables import html_records
from trading_files.reading.json_tables import JsonTables
from trading_files.reading.limits import Limits
from trading_files.reading.signatures import GZIP, ZIP, refuse_known, refuse_office, refused
from trading_files.reading.tables import Document, Table
from trading_files.reading.text import CHUNK, ChunkStream, as_utf8, bounded, open_text, with_short_lines, without_zeros
from trading_files.reading.xlsx import Workbook
from trading_files.reading.xml_tables import xml_tables

_HTML = re.compile(rb"<(?:!doctype html|html|head|body|table|title|meta|div|script)\b", re.IGNORECASE)
_SPREADSHEET_XML = b"urn:schemas-microsoft-com:office:spreadsheet"

Headers = Sequence[frozenset[str]]


def read(source: BinaryIO, name: str = "", *, headers: Headers = (), limits: Limits | None = None) -> Document:
    """The tables of a file.

    Args:
        source: the file's bytes; stays open until the tables are read.
        name: the file's name, for notes; what the file is shows in its content alone.
        headers: sets of columns, each name as `column_key()` gives it. A header below other lines is the first line
            that has one of the sets.
        limits: bounds for hostile files.

    Raises:
        FileRefused: the file can't be read; reading its tables and rows raises it too.
    """
    return _Opening(headers, limits or Limits()).open(source, name, 0)


class _Opening:
    """One file with what is in it, archives too."""

    def __init__(self, headers: Headers, limits: Limits) -> None:
        self._headers = headers
        self._limits = limits

    def open(self, source: BinaryIO, name: str, depth: int) -> Document:
        notes = [f"file {name}"] if name else []
        head = _read_head(source)
        refuse_known(head)
        if head.startswith((GZIP, ZIP)) and depth > self._limits.archive_depth:
            raise refused("an archive in an archive in an archive", "unpack it and import the files in it")
        if head.startswith(ZIP):
            return self._open_zip(_from_start(head, source, self._limits), notes, depth)
        if head.startswith(GZIP):
            document = self.open(ungzip(_rewound(head, source), self._limits), "", depth + 1)
            return Document(document.kind, document.tables, [*notes, "packed with gzip", *document.notes], document.cut)
        return self._open_text(bounded(_rewound(head, source), self._limits), notes)

    def _open_text(self, chunks: Iterator[bytes], notes: list[str]) -> Document:
        chunks = without_zeros(as_utf8(chunks, notes))
        head = b""
        while len(head) < CHUNK and (chunk := next(chunks, b"")):
            head += chunk
            if len(head.lstrip()) > 512:
                break
        start = head.lstrip()
        if not start:
            raise FileRefused("the file is empty; export it again")
        chunks = chain([head], chunks)
        if start[:1] in (b"{", b"["):
            tables = JsonTables(open_text(chunks), self._headers, self._limits)
            return Document(tables.kind, _not_empty(iter(tables)), notes)
        if start[:1] == b"<":
            return self._open_markup(start, chunks, notes)
        text = open_text(with_short_lines(chunks, self._limits))
        cut: list[int] = []
        records = delimited_records(text, self._headers, self._limits, notes, cut)
        return Document("csv", _not_empty(grid_tables(records, self._headers, self._limits)), notes, cut)

    def _open_markup(self, start: bytes, chunks: Iterator[bytes], notes: list[str]) -> Document:
        if _SPREADSHEET_XML in start:
            raise refused(
                "an Excel workbook of 2003 in XML", "open it in a spreadsheet program and save it as .xlsx or CSV"
            )
        if _HTML.search(start):
            records = html_records(chunks, self._limits)
            return Document("html", _not_empty(grid_tables(records, self._headers, self._limits)), notes)
        first = next(chunks)
        return Document("xml", _not_empty(xml_tables(chain([first.lstrip()], chunks), self._limits)), notes)

    def _open_zip(self, source: BinaryIO, notes: list[str], depth: int) -> Document:
        archive, members = open_zip(source, self._limits)
        names = frozenset(member.filename for member in members)
        refuse_office(names)
        if "xl/workbook.xml" in names:
            workbook = Workbook(archive, self._limits)
            sheets = list(workbook.sheets())
            several = len(sheets) > 1
            tables = (
                table
                for name, rows in sheets
                for table in grid_tables(rows, self._headers, self._limits, name if several else "")
            )
            return Document("xlsx", _not_empty(tables), notes)
        if not members:
            raise refused("an empty zip archive", "put the export into it")
        if len(members) > self._limits.members:
            raise FileRefused(f"the zip archive holds {len(members)} files; the maximum is {self._limits.members}")
        opened: list[tuple[str, Document]] = []
        reasons = []
        for member in members:
            try:
                document = self.open(unzip(archive, member, self._limits), "", depth + 1)
            except FileRefused as error:
                reasons.append(f"{member.filename[:100]}: {error}")
                continue
            opened.append((member.filename, document))
        if not opened:
            raise FileRefused(f"the zip archive holds nothing that can be read: {'; '.join(reasons)[:500]}")
        notes.append("packed with zip")
        notes.extend(f"passed over {reason}" for reason in reasons)
        for member_name, document in opened:
            notes.extend(f"{member_name}: {note}" for note in document.notes)
        cut = opened[0][1].cut if len(opened) == 1 else []
        return Document(opened[0][1].kind, _all_tables(opened), notes, cut)


def _all_tables(opened: Sequence[tuple[str, Document]]) -> Iterator[Table]:
    for name, document in opened:
        for table in document.tables:
            title = " / ".join(filter(None, (name, table.name))) if len(opened) > 1 else table.name
            yield Table(title, table.columns, table.rows, table.preamble)


def _not_empty(tables: Iterator[Table]) -> Iterator[Table]:
    """The tables. Raises FileRefused if there is none."""
    first = next(tables, None)
    if first is None:
        raise FileRefused("the file holds no table: no line with names of columns and rows below it")
    yield first
    yield from tables


def _read_head(source: BinaryIO) -> bytes:
    head = b""
    while len(head) < CHUNK and (chunk := source.read(CHUNK - len(head))):
        head += chunk
    return head


def _rewound(head: bytes, source: BinaryIO) -> Iterator[bytes]:
    """The chunks of a source whose first bytes were read."""
    yield head
    while chunk := source.read(CHUNK):
        yield chunk


def _from_start(head: bytes, source: BinaryIO, limits: Limits) -> BinaryIO:
    """The source from its beginning, able to seek."""
    if source.seekable():
        source.seek(-len(head), 1)
        return source
    return seekable_copy(io.BufferedReader(ChunkStream(_rewound(head, source))), limits)
