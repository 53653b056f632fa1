"""The rows of a web page's tables, as MetaTrader writes its reports.

Hidden cells are passed over, and a cell over several columns is followed by empty ones, so that cells stand below their
header. The page is one grid: its tables follow each other as the sections of a report do.
"""

from collections import deque
from collections.abc import Iterator
from html.parser import HTMLParser

from trading_files.errors import FileRefused
from trading_files.reading.grid import Record
from trading_files.reading.limits import Limits

_MAX_SPAN = 200
_CELLS = ("td", "th")
_IGNORED = ("script", "style", "title", "noscript")


def html_records(chunks: Iterator[bytes], limits: Limits) -> Iterator[Record]:
    """The rows of all tables of a page in UTF-8, numbered from 1. Raises FileRefused; for a page without tables too."""
    page = _Page(limits)
    number = 0
    for chunk in chunks:
        page.feed(chunk.decode("utf-8", "replace"))
        if len(page.rawdata) > limits.line_bytes:
            raise FileRefused("the web page is broken: a tag or a comment is opened and not closed")
        while page.rows:
            number += 1
            yield number, page.rows.popleft()
    if not number:
        raise FileRefused(
            "the file is a web page without a table: perhaps what the site showed in place of the export, "
            "such as its sign-in page. Sign in there and export again"
        )


class _Page(HTMLParser):
    def __init__(self, limits: Limits) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: deque[list[str]] = deque()
        self._limits = limits
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._size = 0
        self._span = 1
        self._ignored = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._end_row()
            self._row = []
        elif tag in _CELLS:
            self._end_cell()
            if self._row is None:
                self._row = []
            if not _is_hidden(dict(attrs)):
                self._cell, self._size = [], 0
                self._span = _span(dict(attrs))
        elif tag in _IGNORED:
            self._ignored += 1
        elif tag in ("br", "p", "div") and self._cell:
            self._cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _CELLS:
            self._end_cell()
        elif tag in ("tr", "table", "thead", "tbody"):
            self._end_row()
        elif tag in _IGNORED:
            self._ignored = max(0, self._ignored - 1)

    def handle_data(self, data: str) -> None:
        if self._cell is not None and not self._ignored:
            self._size += len(data)
            if self._size > self._limits.line_bytes:
                raise FileRefused(f"a cell of the page holds more than {self._limits.line_bytes >> 10} KB")
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is None or self._row is None:
            return
        self._row.append(" ".join("".join(self._cell).split()))
        self._row.extend([""] * (self._span - 1))
        self._cell = None
        if len(self._row) > self._limits.columns:
            raise FileRefused(f"the page has a row of more than {self._limits.columns} cells")

    def _end_row(self) -> None:
        self._end_cell()
        if self._row and any(self._row):
            self.rows.append(self._row)
        self._row = None


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    classes = (attributes.get("class") or "").split()
    style = (attributes.get("style") or "").replace(" ", "").casefold()
    return "hidden" in attributes or "hidden" in classes or "display:none" in style


def _span(attributes: dict[str, str | None]) -> int:
    text = attributes.get("colspan") or ""
    return min(max(int(text), 1), _MAX_SPAN) if text.isascii() and text.isdigit() and len(text) < 5 else 1
