"""Counters of accepted trades by account, strategy and symbol as sent, in the order of arrival. No I/O.

They never fall. What a correction takes back or adds is counted beside them: right = accepted − removed + added.
"""

from decimal import Decimal

import msgspec

from trading_model.accounting.book import MAX_FEE_CURRENCIES, OTHER, QUOTE
from trading_model.accounting.fills import Fill
from trading_model.decimals import ZERO
from trading_model.trade import Side

REMOVED, ADDED = "removed", "added"


class Count(msgspec.Struct, frozen=True, gc=False):
    """Trades, their quantity in units as sent, and |price| × quantity, in the order of the struct."""

    trades: int = 0
    volume: Decimal = ZERO
    notional: Decimal = ZERO


class TotalsSnapshot(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The counters of one key. `corrected` is by change and side: `removed buy`; `fees`, of keys without a position,
    by currency.
    """

    account: str
    strategy: str
    symbol: str
    buy_trades: int
    buy_volume: Decimal
    buy_notional: Decimal
    sell_trades: int
    sell_volume: Decimal
    sell_notional: Decimal
    corrected: dict[str, Count] = {}
    fees: dict[str, Decimal] = {}

    @property
    def trades(self) -> int:
        """The number of trades, buys and sells."""
        return self.buy_trades + self.sell_trades


class Totals:
    """The counters of one key. Call its methods under the EXACT context."""

    __slots__ = (
        "_corrected",
        "_frozen",
        "_generation",
        "account",
        "buy_notional",
        "buy_trades",
        "buy_volume",
        "sell_notional",
        "sell_trades",
        "sell_volume",
        "strategy",
        "symbol",
    )

    def __init__(self, account: str, strategy: str, symbol: str) -> None:
        self.account = account
        self.strategy = strategy
        self.symbol = symbol
        self.buy_trades = self.sell_trades = 0
        self.buy_volume = self.sell_volume = self.buy_notional = self.sell_notional = ZERO
        self._corrected: dict[str, Count] = {}
        self._frozen: TotalsSnapshot | None = None
        self._generation = 0

    def count(self, fill: Fill) -> None:
        """Count an accepted fill."""
        notional = abs(fill.price) * fill.qty
        if fill.side == "buy":
            self.buy_trades += 1
            self.buy_volume += fill.qty
            self.buy_notional += notional
        else:
            self.sell_trades += 1
            self.sell_volume += fill.qty
            self.sell_notional += notional

    def correct(self, change: str, fill: Fill) -> None:
        """Count a fill that a correction removed or added."""
        self.correct_by(change, fill.side, Count(1, fill.qty, abs(fill.price) * fill.qty))

    def correct_by(self, change: str, side: Side, count: Count) -> None:
        """Count many fills of one side that a correction removed or added."""
        label = f"{change} {side}"
        before = self._corrected.get(label, Count())
        after = Count(before.trades + count.trades, before.volume + count.volume, before.notional + count.notional)
        self._corrected = {**self._corrected, label: after}  # another one, by which `freeze` notices the change

    def freeze(self, generation: int) -> TotalsSnapshot:
        """An immutable copy. Called again with the same generation, it gives the copy made at the first call.

        Without a change in between, it gives the same object, by which a scrape recognises what has not changed.
        """
        frozen = self._frozen
        if frozen is None or (
            self._generation != generation
            and (
                frozen.buy_trades != self.buy_trades
                or frozen.sell_trades != self.sell_trades
                or frozen.corrected is not self._corrected
            )
        ):
            frozen = self._frozen = TotalsSnapshot(
                self.account,
                self.strategy,
                self.symbol,
                self.buy_trades,
                self.buy_volume,
                self.buy_notional,
                self.sell_trades,
                self.sell_volume,
                self.sell_notional,
                self._corrected,
            )
        self._generation = generation
        return frozen

    def restore(self, held: TotalsSnapshot) -> None:
        """Continue from a snapshot."""
        self.buy_trades, self.sell_trades = held.buy_trades, held.sell_trades
        self.buy_volume, self.sell_volume = held.buy_volume, held.sell_volume
        self.buy_notional, self.sell_notional = held.buy_notional, held.sell_notional
        self._corrected = held.corrected
        self._frozen = held


class Overflow(Totals):
    """The counters of all keys beyond the limit. They have no position: different symbols can't be added."""

    __slots__ = ("_fees",)

    def __init__(self) -> None:
        super().__init__(OTHER, OTHER, OTHER)
        self._fees: dict[str, Decimal] = {}

    def count(self, fill: Fill) -> None:
        """Count an accepted fill and its fee. Beyond MAX_FEE_CURRENCIES, further currencies share the label OTHER."""
        super().count(fill)
        if fill.fee is not None:
            label = fill.fee_currency or QUOTE
            if label not in self._fees and len(self._fees) >= MAX_FEE_CURRENCIES:
                label = OTHER
            self._fees = {**self._fees, label: self._fees.get(label, ZERO) + fill.fee}

    def freeze(self, generation: int) -> TotalsSnapshot:
        """An immutable copy, as of other counters."""
        if self._frozen is not None and self._generation == generation:
            return self._frozen
        frozen = super().freeze(generation)
        if frozen.fees is not self._fees:
            frozen = self._frozen = msgspec.structs.replace(frozen, fees=self._fees)
        return frozen

    def restore(self, held: TotalsSnapshot) -> None:
        """Continue from a snapshot."""
        super().restore(held)
        self._fees = held.fees
