"""The rows of a web page's tables, as MetaTrader writes its reports.

Hidden cells are passed over, and a cell over several columns is followed by empty ones, so that cells stand below their
header. The page is one grid: its tables follow each other as the sections of a report do. The standard library's parser
raises AssertionError for some pages and takes quadratic time for others; this one only knows rows and cells.
"""

import html
import re
from collections import deque
from collections.abc import Iterator

from trading_files.errors import FileRefused
from trading_files.reading.limits import Limits
from trading_files.reading.tables import Record

_MAX_SPAN = 200
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*+)([^<>]*+)>")  # possessive: else quadratic for "<aaaa…"
_OTHER_TAG = re.compile(r"<[!?/][^<>]*+>")
_TAG_END = re.compile(r"[<>]")
_ATTRIBUTE = re.compile(r"""([a-z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""", re.IGNORECASE)
_WITHOUT_TEXT = {name: re.compile(f"</{name}[^<>]*+>", re.IGNORECASE) for name in ("script", "style", "title")}
_ENDS_CELL = ("td", "th")
_ENDS_ROW = ("tr", "table", "thead", "tbody")


def html_records(chunks: Iterator[bytes], limits: Limits) -> Iterator[Record]:
    """The rows of all tables of a page in UTF-8, numbered from 1. Raises FileRefused; for a page without tables too."""
    page = _Page(limits)
    number = without_row = 0
    for chunk in chunks:
        without_row += len(chunk)
        if without_row > limits.bytes_without_row:
            raise FileRefused(f"the file is a web page with {without_row >> 20} MB in which no row of a table ends")
        page.feed(chunk.decode("utf-8", "replace"))
        while page.rows:
            number += 1
            without_row = 0
            yield number, page.rows.popleft()
    if not number:
        raise FileRefused(
            "the file is a web page without a table: perhaps what the site showed in place of the export, "
            "such as its sign-in page. Sign in there and export again"
        )


class _Page:
    """Splits a page into tags and text, and gathers rows from them. Time is linear, memory that of one row."""

    def __init__(self, limits: Limits) -> None:
        self.rows: deque[list[str]] = deque()
        self._limits = limits
        self._buffer = ""
        self._until: re.Pattern[str] | None = None  # what ends a script or a style
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._size = 0
        self._span = 1

    def feed(self, text: str) -> None:
        """Take more of the page."""
        buffer = self._buffer + text
        at = 0
        while (end := self._next(buffer, at)) is not None:
            at = end
        self._buffer = buffer[at:]
        if len(self._buffer) > self._limits.line_bytes:
            raise FileRefused("the web page is broken: a tag, a comment or a script is opened and not closed")

    def _next(self, buffer: str, at: int) -> int | None:
        """Handle what stands at a position. The position behind it; None if its end is still to come."""
        if at >= len(buffer):
            return None
        if self._until is not None:
            found = self._until.search(buffer, at)
            if found:
                self._until = None
            return found.end() if found else None
        if buffer[at] != "<":
            end = buffer.find("<", at)
            self._add_text(buffer[at:] if end < 0 else buffer[at:end])
            return len(buffer) if end < 0 else end
        if buffer.startswith("<!--", at):
            end = buffer.find("-->", at)
            return end + 3 if end >= 0 else None
        if tag := _TAG.match(buffer, at):
            self._take_tag(tag[2].lower(), tag[3], closing=bool(tag[1]))
            return tag.end()
        if other := _OTHER_TAG.match(buffer, at):
            return other.end()
        if not _TAG_END.search(buffer, at + 1):
            return None
        self._add_text("<")
        return at + 1

    def _take_tag(self, name: str, attributes: str, *, closing: bool) -> None:
        if name in _ENDS_CELL:
            self._end_cell()
            if not closing:
                self._start_cell(attributes)
        elif name in _ENDS_ROW:
            self._end_row()
        elif name in _WITHOUT_TEXT and not closing:
            self._until = _WITHOUT_TEXT[name]
        elif name in ("br", "p", "div") and self._cell:
            self._cell.append(" ")

    def _start_cell(self, attributes: str) -> None:
        named = {match[1].lower(): match[2] or match[3] or match[4] or "" for match in _ATTRIBUTE.finditer(attributes)}
        if self._row is None:
            self._row = []
        if not _is_hidden(named):
            self._cell, self._size, self._span = [], 0, _span(named)

    def _add_text(self, text: str) -> None:
        if self._cell is not None:
            self._size += len(text)
            if self._size > self._limits.line_bytes:
                raise FileRefused(f"a cell of the page holds more than {self._limits.line_bytes >> 10} KB")
            self._cell.append(text)

    def _end_cell(self) -> None:
        if self._cell is None or self._row is None:
            return
        self._row.append(" ".join(html.unescape("".join(self._cell)).split()))
        self._row.extend([""] * (self._span - 1))
        self._cell = None
        if len(self._row) > self._limits.columns:
            raise FileRefused(f"the page has a row of more than {self._limits.columns} cells")

    def _end_row(self) -> None:
        self._end_cell()
        if self._row and any(self._row):
            self.rows.append(self._row)
        self._row = None


def _is_hidden(attributes: dict[str, str]) -> bool:
    style = attributes.get("style", "").replace(" ", "").casefold()
    return "hidden" in attributes or "hidden" in attributes.get("class", "").split() or "display:none" in style


def _span(attributes: dict[str, str]) -> int:
    text = attributes.get("colspan", "")
    return min(max(int(text), 1), _MAX_SPAN) if text.isascii() and text.isdigit() and len(text) < 5 else 1
