"""Splits a JSON array into its elements while it is being read, without changing a digit. No I/O.

It looks only at strings, brackets and commas. Whether an element is valid JSON is checked by its reader.
"""

import re
from collections.abc import Iterator

# A whole string, or one byte of structure. A string whose end has not been read yet shows as its opening quote alone.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\],]', re.DOTALL)
_NESTING = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


class ArraySplitter:
    """Takes the array in chunks of any size and yields `(line, element)`, with the line that the element starts on.

    Raises ValueError if the text is not one array. A missing element (`[1,,2]`) is yielded as empty bytes.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._scanned = 0
        self._depth = 0
        self._elements = 0
        self._line = 1
        self._closed = False

    @property
    def pending(self) -> int:
        """The number of bytes kept until the rest of their element arrives. The caller limits it."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Add the next chunk; yield the elements that end in it."""
        self._buffer += chunk
        start, scanned = 0, len(self._buffer)
        for match in _TOKEN.finditer(self._buffer, self._scanned):
            token, outer = match[0], self._depth
            if token == b'"':
                scanned = match.start()
                break
            self._depth += _NESTING.get(token, 0)
            if outer == 0 or self._depth == 0 or (outer == 1 and token == b","):
                piece = self._buffer[start : match.start()]
                start = match.end()
                yield from self._opened(piece, token) if outer == 0 else self._ended(piece, token)
        self._buffer, self._scanned = self._buffer[start:], scanned - start

    def finish(self) -> None:
        """Mark the end of the text. Raises ValueError if the array is not complete."""
        if not self._closed:
            raise ValueError("the array isn't closed; the file ends in the middle")
        if self._buffer.strip():
            raise ValueError("something follows the array")

    def _opened(self, piece: bytes, token: bytes) -> Iterator[tuple[int, bytes]]:
        """Handle the text before the array, and its `[`."""
        if token != b"[" or self._closed or piece.strip():
            raise ValueError("the file is not one JSON array")
        self._line += piece.count(b"\n")
        return iter(())

    def _ended(self, piece: bytes, token: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield an element that a comma or the end of the array has ended."""
        if token == b"}":
            raise ValueError("the array is closed with the wrong bracket")
        self._closed = token == b"]"
        line = self._line + piece[: len(piece) - len(piece.lstrip())].count(b"\n")
        self._line += piece.count(b"\n")
        body = piece.strip()
        if body or self._elements or not self._closed:
            self._elements += 1
            yield line, body
