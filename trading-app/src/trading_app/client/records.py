"""One trade of a file."""

from typing import NamedTuple

MAX_RECORD_BYTES = 100_000
"""A line, or an element of an array, longer than this is not a trade."""


class Record(NamedTuple):
    """One trade: the line it starts on, its JSON object in one line, and its place in a JSON array (0: in none)."""

    line: int
    body: bytes
    item: int = 0

    @property
    def place(self) -> str:
        """Where it stands in the file, for people."""
        return f"line {self.line} (item {self.item})" if self.item else f"line {self.line}"
