"""Realised P&L by another method than average cost (accounting rule 23): folded from all fills when it is asked for.

The total P&L does not depend on the method, so fees, cash and the net are those of the stored figures.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from heapq import merge
from typing import NamedTuple

from trading_history.decode import NOT_A_NUMBER
from trading_history.figures.context import Place
from trading_history.figures.trips import shown
from trading_history.queries.events_in_force import EventsInForce, Line, lines_of
from trading_history.queries.scope import EVERYTHING, Scope, Series, addends, books
from trading_history.reader import Snapshot
from trading_model.accounting.book import Book, BookKey, Convert
from trading_model.accounting.fills import Fill
from trading_model.accounting.lots import LotBook, Method
from trading_model.accounting.order import FILL
from trading_model.accounting.steps import Carried, OtherStep, Step, fold, place_of
from trading_model.decimals import AVERAGE, EXACT, MIN, TOO_MUCH, ZERO, amount_fits, exactly
from trading_model.instruments import Terms
from trading_model.timestamps import unix_ns

MAX_FILLS = 50_000
"""Of the positions that one answer folds: about a second of CPU."""


class TooManyFills(Exception):
    """The positions have more fills than one answer folds."""


class Realized(NamedTuple):
    """What a position realised at a time, in Unix nanoseconds; to 34 decimals where a division is in it."""

    currency: str
    time_ns: int
    amount: Decimal


class Basis(NamedTuple):
    """A position by a method: what it realised, and the average price of what is open; None while flat."""

    realized: Decimal
    average: Decimal | None


class _Folded:
    """A position under way. `is_asked`: not only there because another one's cost comes from it."""

    def __init__(self, series: Series, book: Book, *, is_asked: bool) -> None:
        self.series = series
        self.book = book
        self.is_asked = is_asked
        self.realized = self._exact = ZERO

    def take(self, step: Step) -> Decimal:
        """Fold a step. Gives what it realised."""
        book, before = self.book, self.realized
        fold(book, step)
        exact = book.flow + book.present_cost()
        if exact == self._exact:  # it opens
            return ZERO
        self._exact, self.realized = exact, shown(book.flow) + shown(book.present_cost())
        return self.realized - before


def realized(
    snapshot: Snapshot, scope: Scope, method: Method, start_ns: int, end_ns: int, *, max_fills: int = MAX_FILLS
) -> list[Realized]:
    """What the positions of a scope realised in a range, in the order of trading. Raises TooManyFills.

    A position in points or in an unknown currency is left out unless it is the only one, as `equity` does.
    """
    is_alone = any(not one.sum_currency for one in addends(snapshot, scope).series)
    found: list[Realized] = []

    def note(one: _Folded, time_ns: int, amount: Decimal) -> None:
        currency = one.series.sum_currency
        if amount and time_ns >= start_ns and (currency or is_alone):
            found.append(Realized(currency, time_ns, amount))

    _fold(snapshot, scope, method, end_ns, note, max_fills)
    return found


@exactly
def bases(snapshot: Snapshot, scope: Scope, method: Method, *, max_fills: int = MAX_FILLS) -> Mapping[BookKey, Basis]:
    """The positions of a scope as they are now. Raises TooManyFills."""
    folded = _fold(snapshot, scope, method, None, lambda *_: None, max_fills)
    return {one.book.key: Basis(one.realized, _average(one.book)) for one in folded}


@exactly
def _fold(
    snapshot: Snapshot,
    scope: Scope,
    method: Method,
    end_ns: int | None,
    note: Callable[[_Folded, int, Decimal], None],
    max_fills: int,
) -> list[_Folded]:
    """Fold the positions of a scope, and those that cost moves to them from; gives those of the scope."""
    events = EventsInForce(snapshot.connection)
    asked = {one.book_key: one for one in books(snapshot, scope)}
    wanted = dict(asked)
    linked = set[BookKey]().union(*(events.adjustments.linked(key) for key in asked)) if events.moves else set()
    if linked - wanted.keys():
        wanted |= {key: one for one in books(snapshot, EVERYTHING) if (key := one.book_key) in linked}
    lines = lines_of(snapshot, {one.id for one in wanted.values()})
    _check(snapshot, lines, end_ns, max_fills)
    own: dict[int, list[Line]] = {one.id: [] for one in wanted.values()}
    for line in lines:
        own[line.series].append(line)
    carried: dict[int, Carried] = {}
    folded = dict[BookKey, _Folded]()
    others = list[tuple[OtherStep, _Folded]]()
    for key, series in wanted.items():
        book = _book(key, events.terms_of(key, own[series.id]), events.convert, method)
        one = folded[key] = _Folded(series, book, is_asked=key in asked)
        others += [(step, one) for step in events.adjustments.steps_of(key, carried)]
    of_series = {one.series.id: one for one in folded.values()}
    of_number = {line.number: of_series[line.series] for line in lines}
    for place, step, one in _in_order(_fills(snapshot, of_number, end_ns), others):
        if end_ns is not None and place[0] >= end_ns:
            break
        if isinstance(step, Fill) and not _counts(step, one.book.terms):
            continue
        events.now_ns = place[0]
        amount = one.take(step)
        if one.is_asked:
            note(one, place[0], amount)
    return [one for one in folded.values() if one.is_asked]


_FILLS = "SELECT count(*) FROM (SELECT 1 FROM trades WHERE key = ? AND ts_ns < ? LIMIT ?)"
_ROWS = """
SELECT ts_ns, ordinal, seq, key, side, price, qty, fee, fee_currency, import_id FROM trades
WHERE key = ? AND ts_ns < ? AND in_force ORDER BY ts_ns, ordinal, seq
"""
_number = EXACT.create_decimal


def _check(snapshot: Snapshot, lines: list[Line], end_ns: int | None, max_fills: int) -> None:
    """Raises TooManyFills."""
    left, until = max_fills, (1 << 63) - 1 if end_ns is None else end_ns
    for line in lines:
        left -= int(snapshot.connection.execute(_FILLS, (line.number, until, left + 1)).get)
        if left < 0:
            raise TooManyFills


def _book(key: BookKey, terms: Terms, convert: Convert, method: Method) -> Book:
    if method == "average":
        return Book(key, terms, convert)
    return LotBook(key, terms, convert, newest_first=method == "lifo")


_Placed = tuple[Place, Step, _Folded]
"""A step, its place in the order of trading, and its position."""


def _fills(snapshot: Snapshot, of_number: Mapping[int, _Folded], end_ns: int | None) -> Iterator[_Placed]:
    """The fills in force of these keys, in the order of trading, with what a book needs of them."""
    until = (1 << 63) - 1 if end_ns is None else end_ns
    rows = [snapshot.connection.execute(_ROWS, (number, until)) for number in of_number]
    for ts_ns, ordinal, seq, number, side, price, qty, fee, fee_currency, source in merge(*rows):
        if source is None or source not in snapshot.taken_back:
            paid = None if fee is None else _number(fee)
            fill = Fill(seq, "", _number(price), _number(qty), side, "", "", "", "", paid, fee_currency)
            yield (ts_ns, FILL, ordinal, seq), fill, of_number[number]


def _in_order(fills: Iterator[_Placed], others: Iterable[tuple[OtherStep, _Folded]]) -> Iterator[_Placed]:
    """All steps in the order of trading."""
    placed: list[_Placed] = [
        ((unix_ns(f"{step.order.time}Z"), step.order.rank, NOT_A_NUMBER, step.seq), step, one)
        for step, one in sorted(others, key=lambda pair: place_of(pair[0]))
    ]
    return merge(fills, placed, key=lambda one: one[0]) if placed else fills


def _counts(fill: Fill, terms: Terms) -> bool:
    """Whether the accounting takes a fill: its amounts are in the range of trades."""
    price, qty = fill.price, fill.qty
    if not MIN <= qty < TOO_MUCH or not (fill.fee is None or amount_fits(fill.fee)):
        return False
    return MIN <= price < TOO_MUCH or (amount_fits(price) and (price == ZERO or terms.negative_prices))


def _average(book: Book) -> Decimal | None:
    """The average price of what is open."""
    if not book.quantity:
        return None
    quantity, cost = book.terms.multiplier * book.quantity, book.present_cost()
    if book.terms.inverse:
        return AVERAGE.divide(-quantity, cost) if cost else None
    return AVERAGE.divide(cost, quantity)
