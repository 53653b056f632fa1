"""Money without a fill: sums by owner, currency and reason. No I/O."""

from decimal import Decimal
from typing import NamedTuple

from trading_model.contents import Cash as CashContent
from trading_model.decimals import ZERO

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

    def __init__(self) -> None:
        self.sums: dict[CashKey, Decimal] = {}

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
        self.sums[key] = self.sums.get(key, ZERO) + content.amount * sign
        return key
