"""The steps that are no fills: openings, splits, moves, prices by hand and cash, folded into the frontier. No I/O."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from trading_history.figures import trips
from trading_history.figures.books import TrackedBook
from trading_history.figures.context import Statement
from trading_history.figures.frontier import Frontier
from trading_history.figures.trips import Finished
from trading_model.accounting.adjustments import owner_of
from trading_model.accounting.cash import FLOWS
from trading_model.accounting.fills import LineKey
from trading_model.accounting.steps import Carried, MoveStep
from trading_model.contents import Cash, Move, Opening, Price, Split
from trading_model.decimals import DIVISION


def fold_other(frontier: Frontier, statement: Statement) -> None:
    """Fold an event of one of these kinds at its time. Call it under the EXACT context."""
    _FOLDS[statement.event.kind](frontier, statement, statement.event.content)


def _begin(frontier: Frontier, book: TrackedBook, statement: Statement) -> bool:
    """Notice the step of a book. Gives whether it counts."""
    frontier.change_book(book)
    if statement.corrected:
        book.correct(statement.corrected)
    if statement.in_force:
        book.step(frontier.now_ns, statement.event.seq)
        frontier.stepped[book] = None
    return statement.in_force


def _follow(frontier: Frontier, book: TrackedBook, before: Decimal, flag: str, price: Decimal | None) -> None:
    """Bring everything to the quantity and cost that a book has now."""
    closed: list[Finished] = []
    if not before:
        market = frontier.markets.by_name[book.market]
        book.mark, book.mark_ns = market.mark, market.mark_ns
    book.follow(before, frontier.now_ns, flag, price, closed)
    frontier.markets.hold(book)
    frontier.closed += [(book, one) for one in closed]


def _open(frontier: Frontier, statement: Statement, content: Opening) -> None:
    book = frontier.book_of_owner(owner_of(content))
    if _begin(frontier, book, statement):
        before = book.book.quantity
        book.book.open_at(content.quantity, content.average)
        _follow(frontier, book, before, trips.OPENING, content.average)
        frontier.move_one(book)


def _split(frontier: Frontier, statement: Statement, content: Split) -> None:
    markets = frontier.markets.of_symbol(frontier.context.instruments.terms(content.symbol).canonical)
    books = [
        book
        for market in markets
        for book in market.holders
        if content.account in (None, book.key.account) and content.strategy in (None, book.key.strategy)
    ]
    for book in books:
        if _begin(frontier, book, statement):
            before = book.book.quantity
            book.book.split(content.n, content.d, content.quantity, content.cash)
            if book.trip is not None:
                book.trip.scale(content.n, content.d)
            if book.mark is not None:
                book.mark = DIVISION.divide(book.mark * content.d, Decimal(content.n))
            _follow(frontier, book, before, "", None)
    if statement.in_force and content.account is None:
        for market in markets:
            if market.mark is not None:
                frontier.touch(market)
                market.mark = DIVISION.divide(market.mark * content.d, Decimal(content.n))
    frontier.move(books, None)


def _move(frontier: Frontier, statement: Statement, content: Move) -> None:
    carried = Carried()
    books = []
    for comes_in, holder in ((False, content.source), (True, content.sink)):
        if holder is not None:
            book = frontier.book_of_owner(owner_of(holder))
            books.append(book)
            if _begin(frontier, book, statement):
                before = book.book.quantity
                MoveStep.of(statement.event.seq, content, comes_in, carried).fold(book.book)
                _follow(frontier, book, before, trips.MOVE, content.price)
    frontier.move(dict.fromkeys(books), None)


def _price(frontier: Frontier, statement: Statement, content: Price) -> None:
    if not statement.in_force:
        return
    terms = frontier.context.instruments.terms(content.symbol)
    frontier.markets.named(terms.canonical)
    if terms.mark in ("account", "venue"):
        for key in set(frontier.context.book_of.values()):
            if key.symbol == terms.canonical:
                frontier.markets.of(key, terms)
    holders: list[TrackedBook] = []
    for market in frontier.markets.of_symbol(terms.canonical):
        frontier.touch(market)
        market.mark, market.mark_ns = content.price, frontier.now_ns
        holders += market.holders
    frontier.move(holders, content.price)  # all accounts at once: between two of them no sum was ever


def _receive(frontier: Frontier, statement: Statement, content: Cash) -> None:
    if content.reason in FLOWS:
        return
    context, currency = frontier.context, content.plain_currency
    symbol = "" if content.symbol is None else context.instruments.terms(content.symbol).canonical
    is_of_sums = True
    if content.symbol and content.strategy:
        owner = LineKey(content.account, content.strategy, content.symbol, content.position_side or "", "")
        key, terms = context.owned(owner)
        book = frontier.book(key._replace(currency=currency), owner._replace(currency=currency), terms)
        frontier.change_book(book)
        if statement.corrected:
            book.correct(statement.corrected)
        if statement.in_force:
            book.note(statement.event.seq)
            book.receive(content.amount)
            frontier.stepped[book] = None
            frontier.move_one(book)
        is_of_sums = terms.in_points  # the cash is in no points: only the sums have it
    if statement.in_force and is_of_sums:
        names = frontier.sums_of(content.account, content.strategy or "", symbol, currency)
        frontier.add_cash(names, content.amount)


_FOLDS: dict[str, Callable[[Frontier, Statement, Any], None]] = {
    "opening": _open, "split": _split, "move": _move, "price": _price, "cash": _receive,
}  # fmt: skip
"""By kind of the event."""
