"""Reads a file of trades as a stream of JSON objects, one for each trade, with the digits as written in the file.

The file is NDJSON, a JSON array, or CSV with a header; it may be gzip'd, and may come from a pipe. Only one line of it
is in memory at a time.
"""

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Literal, Protocol

from trading_app.client.csv_rows import csv_records
from trading_app.client.errors import FileError
from trading_app.client.json_array import ArraySplitter
from trading_app.client.records import MAX_RECORD_BYTES, Record

Format = Literal["ndjson", "json", "csv"]

_CHUNK_BYTES = 65_536
_GZIP_MARK = b"\x1f\x8b"
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class _Source(Protocol):
    """The methods used of a buffered binary file."""

    def peek(self, size: int, /) -> bytes: ...
    def read(self, size: int, /) -> bytes: ...
    def read1(self, size: int, /) -> bytes: ...
    def readline(self, size: int, /) -> bytes: ...


class TradeFile:
    """An open file of trades; a context manager.

    `name` is a path, or `-` for standard input. `file_format` is detected from the content unless given. Raises
    FileError, here and while reading, which names the file and the line.
    """

    def __init__(self, name: str, file_format: Format | None = None) -> None:
        self.name = "standard input" if name == "-" else name
        self._format = file_format
        try:
            self._raw = _open(name)
            status = os.fstat(self._raw.fileno())
        except OSError as error:
            raise FileError(f"{self.name}: can't be opened: {error.strerror or error}") from None
        except ValueError as error:
            raise FileError(f"{name!r}: can't be opened: {error}") from None
        self.size = status.st_size if stat.S_ISREG(status.st_mode) else None

    def __enter__(self) -> "TradeFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self._raw.close()

    @property
    def position(self) -> int:
        """Bytes read of the stored file, up to `size`; 0 for a pipe, whose `size` is None."""
        return 0 if self.size is None else self._raw.tell()

    def records(self) -> Iterator[Record]:
        """The trades, in the file's order."""
        try:
            yield from self._records()
        except EOFError:
            raise FileError(f"{self.name}: the gzip data ends in the middle; the file is cut short") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise FileError(f"{self.name}: the gzip data is damaged: {error}") from None
        except OSError as error:
            raise FileError(f"{self.name}: can't be read: {error.strerror or error}") from None
        except ValueError as error:
            raise FileError(f"{self.name}: {error}") from None

    def _records(self) -> Iterator[Record]:
        source: _Source = self._raw
        if source.peek(2)[:2] == _GZIP_MARK:
            source = gzip.GzipFile(fileobj=self._raw)
        _skip_byte_order_mark(source)
        match self._format or guess_format(self.name, source.peek(_CHUNK_BYTES)):
            case "ndjson":
                return _ndjson_records(source)
            case "json":
                return _json_records(source)
            case "csv":
                return csv_records(line.decode() for _, line in _lines(source))


def _open(name: str) -> BufferedReader:
    return open(0, "rb", closefd=False) if name == "-" else Path(name).open("rb")


def guess_format(name: str, head: bytes) -> Format:
    """The format, from the file's first bytes if they are decisive, else from the suffix of its name."""
    match head.lstrip()[:1]:
        case b"[":
            return "json"
        case b"{":
            return "ndjson"
    ending = Path(name.lower().removesuffix(".gz")).suffix
    return "ndjson" if ending in (".json", ".jsonl", ".ndjson") else "csv"


def _skip_byte_order_mark(source: _Source) -> None:
    head = source.peek(3)[:3]
    if head[:2] in _UTF16_MARKS:
        raise ValueError("the text is UTF-16; save it as UTF-8")
    if head == _UTF8_MARK:
        source.read(3)


def _lines(source: _Source) -> Iterator[tuple[int, bytes]]:
    number = 1
    while line := source.readline(MAX_RECORD_BYTES + 1):
        if len(line) > MAX_RECORD_BYTES:
            raise ValueError(f"line {number} is longer than {MAX_RECORD_BYTES:,} bytes; is this a file of trades?")
        _must_be_text(line, number)
        yield number, line
        number += 1


def _must_be_text(text: bytes, line: int) -> None:
    if b"\0" in text:
        raise ValueError(f"line {line} has NUL bytes; the file must be UTF-8 text")
    if text.isascii():
        return
    try:
        text.decode()
    except UnicodeDecodeError as error:
        column, byte = error.start + 1, text[error.start]
        raise ValueError(f"line {line} is not UTF-8: byte 0x{byte:02x} at column {column}; save it as UTF-8") from None


def _ndjson_records(source: _Source) -> Iterator[Record]:
    for number, line in _lines(source):
        if body := line.strip():
            yield Record(number, body)


def _json_records(source: _Source) -> Iterator[Record]:
    splitter, item = ArraySplitter(), 0
    while chunk := source.read1(_CHUNK_BYTES):
        for line, body in splitter.feed(chunk):
            item += 1
            _must_be_text(body, line)
            # JSON strings hold no raw line breaks, so these are between tokens: without them the trade is one line.
            yield Record(line, body.replace(b"\r", b" ").replace(b"\n", b" "), item)
        if splitter.pending > MAX_RECORD_BYTES:
            raise ValueError(f"item {item + 1} is longer than {MAX_RECORD_BYTES:,} bytes; is this an array of trades?")
    splitter.finish()
