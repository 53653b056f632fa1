"""One trade of a file."""

from typing import NamedTuple

MAX_RECORD_BYTES = 100_000
"""A line, or an element of an array, longer than this is not a trade."""


class Record(NamedTuple):
    """One trade: its first line, its JSON object on one line, and its item number in a JSON array, from 1 (0: none)."""

    line: int
    body: bytes
    item: int = 0

    @property
    def place(self) -> str:
        """The record's place in the file, in words for people."""
        return f"line {self.line} (item {self.item})" if self.item else f"line {self.line}"
