"""The position of one key by lots: what was opened first, or last, is closed first. A view beside average cost. No I/O.

Accounting rule 23: P&L in total is that of average cost at any time, and so is what was realised whenever the position
is flat. In between, realised and unrealised P&L divide the same total differently.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

from trading_model.accounting.book import Book, BookKey, Convert
from trading_model.accounting.fills import Fill
from trading_model.decimals import DIVISION, ZERO
from trading_model.instruments import Terms
from trading_model.trade import Side

Method = Literal["average", "fifo", "lifo"]
"""What a closing step takes off the cost: its share of all, the oldest lots, or the newest ones."""


class Lot(NamedTuple):
    """A part of a position that was opened at once, and its signed cost; both negative when short."""

    quantity: Decimal
    cost: Decimal


class LotBook(Book):
    """A book whose cost is that of its lots. Call its methods under the EXACT context."""

    __slots__ = ("_lots", "_newest_first", "_total")

    def __init__(self, key: BookKey, terms: Terms, convert: Convert, *, newest_first: bool) -> None:
        self._lots = deque[Lot]()
        self._newest_first = newest_first
        self._total = ZERO
        super().__init__(key, terms, convert)

    def fill(self, fill: Fill, notional: Decimal) -> None:
        """Fold a fill."""
        if not (self.terms.inverse and fill.price <= ZERO):  # it has no worth
            self._change(fill.side, fill.qty, self.worth(fill.qty, fill.price))
        super().fill(fill, notional)

    def trade(self, side: Side, qty: Decimal, worth: Decimal, price: Decimal | None = None) -> None:
        """Fold a step that is no fill."""
        self._change(side, qty, worth)
        super().trade(side, qty, worth, price)

    def open_at(self, quantity: Decimal, average: Decimal) -> None:
        """The position is one lot now."""
        super().open_at(quantity, average)
        self._set([Lot(quantity, self.worth(quantity, average))] if quantity else [])

    def split(self, n: int, d: int, booked: Decimal | None, cash: Decimal | None) -> None:
        """`n` units for each `d`, in each lot."""
        if self.quantity:
            # The last lot has what remains, so that all together are the position also where a division does not end.
            left = self._divide(self.quantity * n, Decimal(d))
            lots = []
            for lot in list(self._lots)[:-1]:
                lots.append(lot._replace(quantity=self._divide(lot.quantity * n, Decimal(d))))
                left -= lots[-1].quantity
            self._set([*lots, self._lots[-1]._replace(quantity=left)])
        super().split(n, d, booked, cash)

    def take_out(self, quantity: Decimal) -> Decimal:
        """Move a quantity out with the cost of the lots that a sale would close."""
        held = self.quantity
        if not (ZERO < quantity <= held or held <= quantity < ZERO):
            return super().take_out(quantity)
        worth = sum((cost for _, cost, _ in self._closing(quantity)), ZERO)
        self._move("sell", "buy", quantity, worth)
        return worth

    def cost(self) -> Decimal:
        """The signed cost of what is open."""
        return self._total

    def present_cost(self) -> Decimal:
        """The signed cost of what is open: a lot's cost is always present."""
        return self._total

    def _set(self, lots: list[Lot]) -> None:
        self._lots = deque(lots)
        self._total = sum((lot.cost for lot in lots), ZERO)

    def _change(self, side: Side, qty: Decimal, worth: Decimal) -> None:
        """Close lots of the other side; what remains is a lot."""
        signed, cost = (qty, worth) if side == "buy" else (-qty, -worth)
        left = signed
        if self._lots and (self._lots[0].quantity > ZERO) != (signed > ZERO):
            for closed, closed_cost, rest in list(self._closing(-signed)):
                lot = self._lots.pop() if self._newest_first else self._lots.popleft()
                self._total -= closed_cost
                left += closed
                if rest:
                    (self._lots.append if self._newest_first else self._lots.appendleft)(
                        Lot(rest, lot.cost - closed_cost)
                    )
        if left:
            lot = Lot(left, cost if left == signed else self._divide(cost * left, signed))
            self._lots.append(lot)
            self._total += lot.cost

    def _closing(self, quantity: Decimal) -> Iterator[tuple[Decimal, Decimal, Decimal]]:
        """The lots that make up a quantity of the position's sign, as far as they reach: of each, what is closed, its
        cost, and what is left.
        """
        for lot in reversed(self._lots) if self._newest_first else self._lots:
            if not quantity:
                return
            if abs(lot.quantity) <= abs(quantity):
                yield lot.quantity, lot.cost, ZERO
                quantity -= lot.quantity
            else:
                yield quantity, DIVISION.divide(lot.cost * quantity, lot.quantity), lot.quantity - quantity
                return
