"""Cuts a JSON array into its elements while it is being read, without touching a digit. Does no I/O.

Only strings, brackets and commas are looked at; whether an element is sound JSON is for its reader to say.
"""

import re
from collections.abc import Iterator

# A whole string, or one byte of structure. A string whose end has not been read yet shows as its opening quote alone.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\],]', re.DOTALL)
_NESTING = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


class ArraySplitter:
    """Give it the array in chunks of any size; it gives back `(line, element)`, with the line the element starts on.

    Raises ValueError where the text is not one array. An element that is missing (`[1,,2]`) is given as empty bytes.
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
        """Bytes held back until the rest of their element arrives: the caller decides how many are too many."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Take the next chunk; yield the elements that end in it."""
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
        """Say that there is no more. Raises ValueError if the array is not complete."""
        if not self._closed:
            raise ValueError("the array isn't closed; the file ends in the middle")
        if self._buffer.strip():
            raise ValueError("something follows the array")

    def _opened(self, piece: bytes, token: bytes) -> Iterator[tuple[int, bytes]]:
        """The text before the array, and the array's `[`."""
        if token != b"[" or self._closed or piece.strip():
            raise ValueError("the file is not one JSON array")
        self._line += piece.count(b"\n")
        return iter(())

    def _ended(self, piece: bytes, token: bytes) -> Iterator[tuple[int, bytes]]:
        """An element, ended by a comma or by the end of the array."""
        if token == b"}":
            raise ValueError("the array is closed with the wrong bracket")
        self._closed = token == b"]"
        line = self._line + piece[: len(piece) - len(piece.lstrip())].count(b"\n")
        self._line += piece.count(b"\n")
        body = piece.strip()
        if body or self._elements or not self._closed:
            self._elements += 1
            yield line, body
