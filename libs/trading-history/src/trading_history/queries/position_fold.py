"""Folds positions again, from their first step on: for what the stored figures do not keep."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import NamedTuple

from trading_history.decode import NOT_A_NUMBER
from trading_history.figures.context import Place
from trading_history.queries.events_in_force import EventsInForce, Line, lines_of
from trading_history.queries.scope import EVERYTHING, Series, books
from trading_history.reader import Snapshot
from trading_model.accounting.book import Book, BookKey, Convert
from trading_model.accounting.fills import Fill
from trading_model.accounting.order import FILL
from trading_model.accounting.steps import Carried, OtherStep, Step, fold, place_of
from trading_model.decimals import EXACT, MIN, TOO_MUCH, ZERO, amount_fits
from trading_model.instruments import Terms
from trading_model.timestamps import unix_ns

MAX_FILLS = 50_000
"""Fills of the positions that one answer folds: about a second of CPU."""

NO_END = (1 << 63) - 1
"""Later than any step, in Unix nanoseconds."""

MakeBook = Callable[[BookKey, Terms, Convert], Book]


class TooManyFills(Exception):
    """The positions have more fills than one answer folds."""


class FoldedPosition(NamedTuple):
    """A position under way."""

    series: Series
    book: Book


class PositionFold:
    """Positions as they were at each of their steps."""

    def __init__(
        self,
        snapshot: Snapshot,
        wanted: Sequence[Series],
        *,
        make_book: MakeBook = Book,
        end_ns: int = NO_END,
        max_fills: int = MAX_FILLS,
    ) -> None:
        """Before their first steps. Those before `end_ns` are folded. Raises TooManyFills."""
        self._snapshot = snapshot
        self._end_ns = end_ns
        self._events = events = EventsInForce(snapshot.connection)
        series = _with_sources(snapshot, events, wanted)
        lines = lines_of(snapshot, {one.id for one in series.values()})
        _check(snapshot, lines, end_ns, max_fills)
        own: dict[int, list[Line]] = {one.id: [] for one in series.values()}
        for line in lines:
            own[line.series].append(line)
        folded = {
            one.id: FoldedPosition(one, make_book(key, events.terms_of(key, own[one.id]), events.convert))
            for key, one in series.items()
        }
        self._of_line = {line.number: folded[line.series] for line in lines}
        carried: dict[int, Carried] = {}
        self._others = [
            (step, one) for one in folded.values() for step in events.adjustments.steps_of(one.series.book_key, carried)
        ]
        self.positions = [folded[one.id] for one in wanted]
        """The positions that are wanted, in their order."""

    def steps(self) -> Iterator[tuple[FoldedPosition, int]]:
        """Fold all steps in the order of trading: a wanted position after each of its own, and the time of that in Unix
        nanoseconds. Call it once, under the EXACT context.
        """
        wanted = {one.series.id for one in self.positions}
        for place, step, one in _in_order(_fills(self._snapshot, self._of_line, self._end_ns), self._others):
            if place[0] >= self._end_ns:
                break
            if isinstance(step, Fill) and not _counts(step, one.book.terms):
                continue
            self._events.now_ns = place[0]
            fold(one.book, step)
            if one.series.id in wanted:
                yield one, place[0]


def _with_sources(snapshot: Snapshot, events: EventsInForce, wanted: Iterable[Series]) -> Mapping[BookKey, Series]:
    """Positions, and those that cost moves to them from."""
    found = {one.book_key: one for one in wanted}
    linked = set[BookKey]().union(*(events.adjustments.linked(key) for key in found)) if events.moves else set()
    if linked - found.keys():
        found |= {key: one for one in books(snapshot, EVERYTHING) if (key := one.book_key) in linked}
    return found


_FILLS = "SELECT count(*) FROM (SELECT 1 FROM trades WHERE key = ? AND ts_ns < ? LIMIT ?)"
_ROWS = """
SELECT ts_ns, ordinal, seq, key, side, price, qty, fee, fee_currency, import_id FROM trades
WHERE key = ? AND ts_ns < ? AND in_force ORDER BY ts_ns, ordinal, seq
"""
_number = EXACT.create_decimal


def _check(snapshot: Snapshot, lines: Iterable[Line], end_ns: int, max_fills: int) -> None:
    """Raises TooManyFills."""
    left = max_fills
    for line in lines:
        left -= int(snapshot.connection.execute(_FILLS, (line.number, end_ns, left + 1)).get)
        if left < 0:
            raise TooManyFills


_Placed = tuple[Place, Step, FoldedPosition]
"""A step, its place in the order of trading, and its position."""


def _fills(snapshot: Snapshot, of_line: Mapping[int, FoldedPosition], end_ns: int) -> Iterator[_Placed]:
    """The fills in force of some keys, in the order of trading, with what a book needs of them."""
    rows = [snapshot.connection.execute(_ROWS, (number, end_ns)) for number in of_line]
    for ts_ns, ordinal, seq, number, side, price, qty, fee, fee_currency, source in merge(*rows):
        if source is None or source not in snapshot.taken_back:
            paid = None if fee is None else _number(fee)
            fill = Fill(seq, "", _number(price), _number(qty), side, "", "", "", "", paid, fee_currency)
            yield (ts_ns, FILL, ordinal, seq), fill, of_line[number]


def _in_order(fills: Iterator[_Placed], others: Iterable[tuple[OtherStep, FoldedPosition]]) -> Iterator[_Placed]:
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
