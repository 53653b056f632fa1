"""Checks numbers that a venue wrote as text. No I/O."""

import re

_DECIMAL = re.compile(r"\d{1,30}(?:\.\d{1,30})?", re.ASCII).fullmatch
_KNOWN_SIZE = 20_000


class Decimals:
    """Whether texts are decimals ≥ 0. Prices repeat, so those seen lately are not checked again."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def has(self, text: str) -> bool:
        """Whether it is one, without sign or exponent."""
        if text in self._known:
            return True
        if _DECIMAL(text) is None:
            return False
        if len(self._known) >= _KNOWN_SIZE:
            self._known.clear()
        self._known.add(text)
        return True
