"""Recognises a file by its content and reads it."""

from collections.abc import Sequence
from typing import BinaryIO

from trading_files.reading.delimited import delimited_records
from trading_files.reading.grid import grid_tables
from trading_files.reading.limits import Limits
from trading_files.reading.tables import Document
from trading_files.reading.text import open_text, split_chunks


def read(
    source: BinaryIO, name: str = "", *, headers: Sequence[frozenset[str]] = (), limits: Limits | None = None
) -> Document:
    """The tables of a file.

    Args:
        source: the file's bytes; stays open until the tables are read.
        name: the file's name, for messages; what the file is shows in its content alone.
        headers: sets of columns, each name as `column_key()` gives it. A header below other lines is the first line
            that has one of the sets.
        limits: bounds for hostile files.

    Raises:
        FileRefused: the file can't be read; reading its tables and rows raises it too.
    """
    limits = limits or Limits()
    notes = [f"file {name}"] if name else []
    text = open_text(split_chunks(source.read, limits), limits, notes)
    return Document("csv", grid_tables(delimited_records(text, headers, notes), headers, limits), notes)
