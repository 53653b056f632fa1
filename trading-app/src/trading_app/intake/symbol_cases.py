"""Notices symbols that differ from another one only in case: they share positions, and one of them may be a mistake."""

from collections.abc import Callable

import structlog

from trading_model import field_rules as rules

log = structlog.get_logger(__name__)

MAX_SYMBOLS = 16_384
"""Maximum of symbols remembered. At the maximum all are forgotten, and noticed again when they come again."""

MAX_LOGGED = 100
"""Maximum of log lines: a sender may write one symbol in a thousand ways."""


class SymbolCases:
    """Checks the symbols of trades, and logs each one that differs only in case from one that was sent before it.

    It knows what was sent since the start, refused trades too.
    """

    def __init__(self, report: Callable[[int], None]) -> None:
        """`report` gets the number of symbols noticed so far, whenever it grows."""
        self._report = report
        self._noticed = 0
        self._checked: dict[str, str] = {}
        self._forms: dict[str, set[str]] = {}

    def check(self, text: str) -> str:
        """The symbol, as `check_symbol` gives it. Raises FieldError."""
        return self._checked.get(text) or self._meet(text)

    def _meet(self, text: str) -> str:
        symbol = rules.check_symbol(text)
        if len(self._checked) >= MAX_SYMBOLS:
            self._checked.clear()
            self._forms.clear()
        self._checked[text] = symbol
        forms = self._forms.setdefault(rules.case_folded(symbol), set())
        if forms and symbol not in forms:
            self._noticed += 1
            self._report(self._noticed)
            if self._noticed <= MAX_LOGGED:
                log.warning("symbols differ only in case and share positions", symbol=symbol, other=min(forms))
        forms.add(symbol)
        return symbol
