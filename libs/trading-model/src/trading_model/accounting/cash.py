"""Money without a fill: sums by owner, currency and reason. No I/O."""

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from trading_model.accounting.book import BookKey
from trading_model.accounting.index import Index
from trading_model.contents import Cash as CashContent
from trading_model.decimals import ZERO
from trading_model.instruments import Instruments

FLOWS = ("deposit", "withdrawal")
"""Reasons that are never P&L."""


class CashKey(NamedTuple):
    """Whose money, and why. `strategy` is empty for the account's own, `symbol` for that of no symbol."""

    account: str
    strategy: str
    symbol: str
    position_side: str
    currency: str
    reason: str

    @property
    def is_income(self) -> bool:
        """Whether it counts in the net P&L."""
        return self.reason not in FLOWS


class Cash:
    """The sums; + is received. Call its methods under the EXACT context."""

    def __init__(self, instruments: Instruments) -> None:
        """`instruments` say which position the income of a symbol belongs to."""
        self._instruments = instruments
        self.sums: dict[CashKey, Decimal] = {}
        self._income = Index[BookKey, CashKey](instruments, self._position_of)

    def restore(self, sums: Iterable[tuple[CashKey, Decimal]]) -> None:
        """Take the sums of a snapshot."""
        self.sums = dict(sums)
        for key in self.sums:
            self._income.put(key, key)

    def income_of(self, position: BookKey) -> Decimal:
        """The income of a position, in its P&L's currency."""
        return sum((self.sums[key] for key in self._income.of(position)), ZERO)

    def _position_of(self, key: CashKey) -> list[BookKey]:
        if not key.symbol or not key.is_income:
            return []
        symbol = self._instruments.terms(key.symbol).canonical
        return [BookKey(key.account, key.strategy, symbol, key.position_side, key.currency)]

    def add(self, content: CashContent, sign: int) -> CashKey:
        """Add an event's amount (`sign` 1), or take it back (−1). Gives the key of the sum."""
        key = CashKey(
            content.account,
            content.strategy or "",
            content.symbol or "",
            content.position_side or "",
            content.plain_currency,
            content.reason,
        )
        if key not in self.sums:
            self._income.put(key, key)
        self.sums[key] = self.sums.get(key, ZERO) + content.amount * sign
        return key
