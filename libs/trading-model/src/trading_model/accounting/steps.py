"""The steps of a position that are no fills: openings, splits, and the two sides of a move. No I/O."""

from decimal import Decimal

import msgspec

from trading_model.accounting.book import Book
from trading_model.accounting.fills import Fill
from trading_model.accounting.order import MOVE, OPENING, SPLIT, Order, order_of_fill, order_of_other
from trading_model.contents import Move, Opening, Split


class Carried:
    """The cost that a move without a price carries along: set by the source, read by the sink."""

    __slots__ = ("worth",)

    def __init__(self) -> None:
        self.worth: Decimal | None = None


class OpeningStep(msgspec.Struct, frozen=True, gc=False):
    """The position is this one, from a time on."""

    seq: int
    order: Order
    content: Opening

    @classmethod
    def of(cls, seq: int, content: Opening) -> "OpeningStep":
        """The step of an `opening`."""
        return cls(seq, order_of_other(content.ts, OPENING, seq), content)

    def fold(self, book: Book) -> None:
        """Fold the step into a book. Call it under the EXACT context."""
        book.open_at(self.content.quantity, self.content.average)


class SplitStep(msgspec.Struct, frozen=True, gc=False):
    """`n` units for each `d`."""

    seq: int
    order: Order
    content: Split

    @classmethod
    def of(cls, seq: int, content: Split) -> "SplitStep":
        """The step of a `split`."""
        return cls(seq, order_of_other(content.ts, SPLIT, seq), content)

    def fold(self, book: Book) -> None:
        """Fold the step into a book. Call it under the EXACT context."""
        content = self.content
        book.split(content.n, content.d, content.quantity, content.cash)


class MoveStep(msgspec.Struct, frozen=True, gc=False):
    """One side of a move. `quantity` comes in, or goes out; negative when short."""

    seq: int
    order: Order
    quantity: Decimal
    comes_in: bool
    price: Decimal | None
    carried: Carried
    is_reward: bool
    """Whether what comes in is income, as much as it is worth."""

    @classmethod
    def of(cls, seq: int, content: Move, comes_in: bool, carried: Carried) -> "MoveStep":
        """The step of one side of a `move`, which has that side."""
        holder = content.sink if comes_in else content.source
        assert holder is not None
        order = order_of_other(content.ts, MOVE, seq)
        is_reward = content.reason == "reward" and content.source is None
        return cls(seq, order, holder.quantity, comes_in, content.price, carried, is_reward)

    @property
    def carries_cost(self) -> bool:
        """Whether the other side depends on this one."""
        return self.price is None

    def fold(self, book: Book) -> None:
        """Fold the step into a book. Call it under the EXACT context."""
        quantity = self.quantity
        if self.price is not None:
            buys = (quantity > 0) == self.comes_in
            worth = book.worth(abs(quantity), self.price)
            book.trade("buy" if buys else "sell", abs(quantity), worth, self.price)
            if self.is_reward:
                book.income += worth if buys else -worth
        elif not self.comes_in:
            self.carried.worth = book.take_out(quantity)
        elif self.carried.worth is None:
            book.mark_unknown_basis()
            book.put_in(quantity, Decimal(0))
        else:
            book.put_in(quantity, self.carried.worth)


OtherStep = OpeningStep | SplitStep | MoveStep
Step = Fill | OtherStep


def order_of(step: Step) -> Order:
    """The place of a step in the order of trading."""
    if isinstance(step, Fill):
        return order_of_fill(step.ts, step.trade_id, step.seq)
    return step.order


def place_of(step: Step) -> tuple[Order, bool]:
    """The place of a step in the order of trading, with the source of a move before its sink."""
    return order_of(step), isinstance(step, MoveStep) and step.comes_in


def fold(book: Book, step: Step) -> None:
    """Fold a step into a book. Call it under the EXACT context, in the order of trading."""
    if isinstance(step, Fill):
        book.fill(step, step.price * step.qty)
    else:
        step.fold(book)
        book.note_other(step.order)
