"""One trade of a file, and the fields it may have."""

from typing import NamedTuple

from trading_model.trade import Trade

FIELDS = tuple(name for name in Trade.__struct_fields__ if name != "seq")
"""What a trade may say of itself; a CSV's columns bear these names."""

REQUIRED_FIELDS = ("symbol", "price", "qty", "side")

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
