"""Realised P&L by another method than average cost (accounting rule 23): folded from all fills when it is asked for.

The total P&L does not depend on the method, so fees, cash and the net are those of the stored figures.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from trading_history.figures.trips import shown
from trading_history.queries.position_fold import MAX_FILLS, NO_END, MakeBook, PositionFold
from trading_history.queries.scope import Scope, addends, books
from trading_history.reader import Snapshot
from trading_model.accounting.book import Book, BookKey
from trading_model.accounting.lots import LotBook, Method
from trading_model.decimals import AVERAGE, ZERO, exactly


class Realized(NamedTuple):
    """What a position realised at a time, in Unix nanoseconds; to 34 decimals where a division is in it."""

    currency: str
    time_ns: int
    amount: Decimal


class Basis(NamedTuple):
    """A position by a method: what it realised, and the average price of what is open; None while flat."""

    realized: Decimal
    average: Decimal | None


@exactly
def realized(
    snapshot: Snapshot, scope: Scope, method: Method, start_ns: int, end_ns: int, *, max_fills: int = MAX_FILLS
) -> list[Realized]:
    """What the positions of a scope realised in a range, in the order of trading. Raises TooManyFills.

    A position in points or in an unknown currency is left out unless it is the only one, as `equity` does.
    """
    is_alone = any(not one.sum_currency for one in addends(snapshot, scope).series)
    folding = _fold(snapshot, scope, method, end_ns, max_fills)
    totals = {one.series.id: _Total(one.book) for one in folding.positions}
    found: list[Realized] = []
    for position, time_ns in folding.steps():
        amount = totals[position.series.id].advance()
        currency = position.series.sum_currency
        if amount and time_ns >= start_ns and (currency or is_alone):
            found.append(Realized(currency, time_ns, amount))
    return found


@exactly
def bases(snapshot: Snapshot, scope: Scope, method: Method, *, max_fills: int = MAX_FILLS) -> Mapping[BookKey, Basis]:
    """The positions of a scope as they are now. Raises TooManyFills."""
    folding = _fold(snapshot, scope, method, NO_END, max_fills)
    totals = {one.series.id: _Total(one.book) for one in folding.positions}
    for position, _ in folding.steps():
        totals[position.series.id].advance()
    return {one.book.key: Basis(totals[one.series.id].realized, _average(one.book)) for one in folding.positions}


def _fold(snapshot: Snapshot, scope: Scope, method: Method, end_ns: int, max_fills: int) -> PositionFold:
    wanted = books(snapshot, scope)
    return PositionFold(snapshot, wanted, make_book=_maker(method), end_ns=end_ns, max_fills=max_fills)


def _maker(method: Method) -> MakeBook:
    return Book if method == "average" else partial(LotBook, newest_first=method == "lifo")


class _Total:
    """What a position has realised so far."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.realized = self._exact = ZERO

    def advance(self) -> Decimal:
        """What the last step realised."""
        book, before = self._book, self.realized
        exact = book.flow + book.present_cost()
        if exact == self._exact:  # it opens
            return ZERO
        self._exact, self.realized = exact, shown(book.flow) + shown(book.present_cost())
        return self.realized - before


def _average(book: Book) -> Decimal | None:
    """The average price of what is open."""
    if not book.quantity:
        return None
    quantity, cost = book.terms.multiplier * book.quantity, book.present_cost()
    if book.terms.inverse:
        return AVERAGE.divide(-quantity, cost) if cost else None
    return AVERAGE.divide(cost, quantity)
