"""Folds the steps behind the frontier into it, in the order of trading. No I/O."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from trading_history import decode
from trading_history.figures.context import START, Place, place_of_row
from trading_history.figures.frontier import SECOND, Frontier
from trading_history.figures.other_steps import fold_other
from trading_history.figures.trips import Finished
from trading_model.accounting.fills import Fill
from trading_model.decimals import EXACT, MIN, TOO_MUCH, ZERO, amount_fits, exactly
from trading_model.instruments import Terms

_tags = msgspec.json.Decoder(frozenset[str]).decode
_number = EXACT.create_decimal
_NO_TAGS = frozenset[str]()


@exactly
def fold(frontier: Frontier, rows: Sequence[decode.Row], until: Place | None) -> None:
    """Fold fills, in the order of trading, and all other steps and marks among them.

    `rows` are all fills behind the frontier up to the place `until`, or all there are.
    """
    context = frontier.context
    others: list[tuple[Place, int, int, int]] = [
        *((place, 0, number, seq) for place, number, seq in context.marks_after(frontier.place)),
        *((place, 1, 0, seq) for place, seq in context.steps_after(frontier.place)),
    ]
    if until is not None:
        others = [one for one in others if one[0] <= until]
    others.sort(reverse=True)
    for row in rows:
        while others and others[-1][0] <= place_of_row(row):
            _fold_other(frontier, *others.pop())
        _fold_fill(frontier, row)
    if rows:
        frontier.place = place_of_row(rows[-1])
    while others:
        _fold_other(frontier, *others.pop())
    if until is not None and until > frontier.place:
        frontier.place = until


def _fold_other(frontier: Frontier, place: Place, is_step: int, number: int, seq: int) -> None:
    assert place != START
    frontier.now_ns = place[0]
    if place[0] >= frontier.bar_end_ns:
        frontier.tick(place[0] // SECOND)
    if is_step:
        fold_other(frontier, frontier.context.statements[seq])
    else:
        book = frontier.book_of_key(number)
        frontier.change_book(book)
        book.correct(seq)
    frontier.place = max(frontier.place, place)


def _fold_fill(frontier: Frontier, row: decode.Row) -> None:  # noqa: C901 - the hot path
    number, ts_ns, _, seq, _, side, price_text, qty_text, _, _, _, _, fee_text, fee_currency, _, tags, source = row
    if ts_ns >= frontier.bar_end_ns:
        frontier.tick(ts_ns // SECOND)
    frontier.now_ns = ts_ns
    book = frontier.book_of_key(number)
    if book.generation != frontier.generation:
        frontier.change_book(book)
    price, qty = _number(price_text), _number(qty_text)
    fee = None if fee_text is None else _number(fee_text)
    is_common = MIN <= price < TOO_MUCH and MIN <= qty < TOO_MUCH
    if not is_common and not _takes(price, qty, book.terms):
        return
    if fee is not None and not (MIN <= fee < TOO_MUCH or amount_fits(fee)):
        return
    if source is not None:
        context = frontier.context
        corrected = context.corrected_imports.get(source, 0)
        if corrected:
            book.correct(corrected)
        if source in context.taken_back:
            return
    closed: list[Finished] = []
    fill = Fill(seq, "", price, qty, side, "", "", "", "", fee, fee_currency)
    book.step(ts_ns, seq)
    book.fill(fill, ts_ns, _NO_TAGS if tags is None else _tags(tags), closed)
    frontier.stepped[book] = None
    if not is_common and book.terms.inverse and price <= ZERO:
        return  # it has no worth, so it marks nothing
    market = frontier.markets.by_name[book.market]
    if market.generation != frontier.generation:
        frontier.touch(market)
    market.mark, market.mark_ns = price, ts_ns
    holders = market.holders
    if book.book.quantity:
        holders[book] = None
    else:
        holders.pop(book, None)
    if len(holders) > 1 or (holders and book not in holders):
        frontier.move([book, *(one for one in holders if one is not book)], price)
    else:
        frontier.move_one(book)
    if closed:
        frontier.closed += [(book, one) for one in closed]


def _takes(price: Decimal, qty: Decimal, terms: Terms) -> bool:
    """Whether a fill of an uncommon price is valid: 0, or negative where the instrument says so."""
    if not MIN <= qty < TOO_MUCH or not amount_fits(price):
        return False
    return price == ZERO or terms.negative_prices
