"""All positions and sums up to a place in the order of trading: the frontier. No I/O.

Each step moves the lines of net P&L that it concerns, of one moment all at once: a price moves the positions of all who
hold its symbol, and the sums over them by what it moves together. So sums are exact inside bars.

While changes are recorded, the states that objects had are kept, one generation for each run of steps: to go back to an
earlier place is to set them again.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal
from operator import sub
from typing import Any, NamedTuple

import msgspec

from trading_history import decode
from trading_history.figures import trips
from trading_history.figures.books import TrackedBook, TrackedState
from trading_history.figures.context import START, Context, Place, place_of_row
from trading_history.figures.curves import Curve, Curves, CurvesState, CurveState, Name, Pieces
from trading_history.figures.trips import Finished
from trading_model.accounting.adjustments import owner_of
from trading_model.accounting.book import NO_AMOUNTS, BookKey
from trading_model.accounting.cash import FLOWS
from trading_model.accounting.fills import Fill, LineKey
from trading_model.accounting.marks import ACCOUNT_SEPARATOR
from trading_model.accounting.steps import Carried, MoveStep
from trading_model.contents import Cash, Move, Opening, Price, Split
from trading_model.decimals import DIVISION, EXACT, MIN, TOO_MUCH, ZERO, amount_fits, exactly
from trading_model.field_rules import format_timestamp
from trading_model.instruments import Terms

SECOND = 1_000_000_000
SHORT_SECONDS = 86_400
"""For so long before the last step, bars of a second are kept."""

MAX_RECORDED = 40_000
"""States of objects that are kept to go back: some 40 MB at most."""

_tags = msgspec.json.Decoder(frozenset[str]).decode
_number = EXACT.create_decimal
_NO_TAGS = frozenset[str]()

Clock = tuple[int, int, bool]
"""Where the present bar begins and ends, in Unix seconds, and whether it is one of a second."""


class Market:
    """The last price of one symbol, and who holds it."""

    __slots__ = ("generation", "holders", "mark", "mark_ns", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.generation = -1
        self.holders: dict[TrackedBook, None] = {}
        self.mark: Decimal | None = None
        self.mark_ns = 0

    def state(self) -> tuple[Decimal | None, int]:
        """The present state, without the holders: they follow from the books."""
        return self.mark, self.mark_ns

    def set(self, state: tuple[Decimal | None, int]) -> None:
        """Continue from a state."""
        self.mark, self.mark_ns = state


Changing = TrackedBook | Curve | Curves | Market


class Recorded(NamedTuple):
    """What a run of steps changed: the frontier and the clock before it, and the states before it."""

    frontier: Place
    clock: Clock
    states: list[tuple[Any, Any]]


class Checkpoint(msgspec.Struct, frozen=True):
    """The states of all objects at a frontier. `owners` are keys as sent that name the books."""

    frontier: tuple[int, int, str, int]
    clock: Clock
    keys: list[BookKey]
    owners: list[LineKey]
    books: list[TrackedState]
    pieces: list[tuple[Name, Pieces]]
    curves: list[CurveState]
    markets: list[tuple[str, Decimal | None, int]]


class Fold:
    """The state, and what was finished since `clear`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.frontier: Place = START
        self.horizon = 0
        """Bars of a second are made from this Unix second on."""

        self.books: dict[BookKey, TrackedBook] = {}
        self.curves = Curves()
        self.ended: dict[Curve, None] = {}
        """Curves of which bars ended, which they keep."""

        self.closed: list[tuple[TrackedBook, Finished]] = []
        """Round trips that ended."""

        self._markets: dict[str, Market] = {}
        self._owners: dict[BookKey, LineKey] = {}
        self._generation = 0
        self._changed: list[tuple[Any, Any]] = []
        self._records = False
        self._recorded: deque[Recorded] = deque()
        self._recorded_states = 0
        self._began: tuple[Place, Clock] = (START, (0, 0, False))
        self._active: dict[Curve, None] = {}
        self._stepped: dict[TrackedBook, None] = {}
        self._by_key: dict[int, TrackedBook] = {}
        self._sums: dict[tuple[str, str, str, str], tuple[Name, ...]] = {}
        self._now_ns = 0
        self._clock: Clock = (0, 0, False)
        self._end = 0

    # Positions, sums and markets

    def book_of_key(self, number: int) -> TrackedBook:
        """The position of the fills of a key."""
        book = self._by_key.get(number)
        if book is None:
            key, owner = self.context.book_of[number], self.context.any_key(number)
            book = self._by_key[number] = self._book(key, owner, self.context.terms_of(key, owner))
        return book

    def _book_of_owner(self, owner: LineKey) -> TrackedBook:
        key, terms = self.context.owned(owner)
        return self._book(key, owner, terms)

    def _book(self, key: BookKey, owner: LineKey, terms: Terms) -> TrackedBook:
        book = self.books.get(key)
        if book is None:
            market = self._market_of(key, terms)
            names: tuple[Name, ...] = (Name("book", *key),)
            if key.currency and not terms.in_points:
                names += self._sums_of(key.account, key.strategy, key.symbol, key.currency)
            book = TrackedBook(key, terms, self._convert, names, market.name)
            book.said = book.max_seq = self.context.said_of(key.symbol)
            book.mark, book.mark_ns = market.mark, market.mark_ns
            self.books[key] = book
            self._owners[key] = owner
        return book

    def owner_of(self, key: BookKey) -> LineKey:
        """A key as sent that names a position."""
        return self._owners[key]

    def forget_unused(self) -> None:
        """Forget the positions that have nothing yet, and which position keys belong to: it may be another one now."""
        self._by_key.clear()
        for key, book in list(self.books.items()):
            if not book.began_ns:
                del self.books[key], self._owners[key]

    def _sums_of(self, account: str, strategy: str, symbol: str, currency: str) -> tuple[Name, ...]:
        """The sums of an owner; without a strategy or a symbol, none of that kind."""
        names = (account, strategy, symbol, currency)
        found = self._sums.get(names)
        if found is None:
            kinds = [Name("account", account, "", "", "", currency), Name("total", "", "", "", "", currency)]
            if strategy:
                kinds.append(Name("strategy", "", strategy, "", "", currency))
            if symbol:
                kinds.append(Name("symbol", "", "", symbol, "", currency))
            found = self._sums[names] = tuple(kinds)
        return found

    def _market_of(self, key: BookKey, terms: Terms) -> Market:
        name = f"{key.symbol}{ACCOUNT_SEPARATOR}{key.account}" if terms.mark in ("account", "venue") else key.symbol
        return self._market(name)

    def _market(self, name: str) -> Market:
        market = self._markets.get(name)
        if market is None:
            market = self._markets[name] = Market(name)
        return market

    def _convert(self, currency: str, into: str, _ts: str) -> Decimal | None:
        """The rate at the time of the present step: fills don't carry theirs as text here."""
        if not self.context.has_rates:
            return None
        return self.context.rates.at(currency, into, format_timestamp(self._now_ns))

    def began_among(self, keys: set[BookKey]) -> int | None:
        """When the first of some positions, or of those about which instruments say something else now, had its first
        step or correction, in Unix nanoseconds; None if none had.
        """
        context = self.context
        times = [
            book.began_ns
            for key, book in self.books.items()
            if book.began_ns
            and (
                key in keys
                or context.said_of(key.symbol) != book.said
                or context.terms_of(key, self._owners[key]) != book.terms
            )
        ]
        return min(times, default=None)

    # Changes

    def begin(self, *, records: bool) -> None:
        """Begin a run of steps. With `records`, it can be taken back."""
        self._generation += 1
        self._records = records
        self._changed = []
        self._began = (self.frontier, self._clock)
        if not records:
            self._recorded.clear()
            self._recorded_states = 0

    @exactly
    def end(self) -> list[Changing]:
        """End the run. Gives what changed in it."""
        self._drain()
        if self._records:
            self._recorded.append(Recorded(*self._began, self._changed))
            self._recorded_states += len(self._changed)
            while self._recorded_states > MAX_RECORDED:
                self._recorded_states -= len(self._recorded.popleft().states)
        return [one for one, _ in self._changed]

    def clear(self) -> None:
        """Forget what was finished: it is written."""
        for curve in self.ended:
            curve.forget_ended()
        self.ended, self.closed = {}, []

    @property
    def is_short(self) -> bool:
        """Whether the present bar is one of a second."""
        return self._clock[2]

    def _touch(self, one: Changing) -> None:
        """Notice that an object is about to change. Hot code asks for the generation itself, to save the call."""
        if one.generation != self._generation:
            one.generation = self._generation
            self._changed.append((one, one.state() if self._records else None))

    def go_back(self, place: Place) -> list[Changing] | None:
        """Take runs of steps back until the frontier is before a place. Gives what is different since, or None if that
        is too far: nothing is changed then.
        """
        if not self._recorded or self._recorded[0].frontier >= place:
            return None
        different: dict[Changing, None] = {}
        while self.frontier >= place:
            frontier, clock, states = self._recorded.pop()
            self._recorded_states -= len(states)
            for one, state in reversed(states):
                self._set(one, state)
                different[one] = None
            self.frontier = frontier
            self._set_clock(clock)
        for one in list(self._active):
            if not self.curves.has(one):
                del self._active[one]
        return list(different)

    def _set(self, one: Changing, state: Any) -> None:
        one.set(state)
        one.generation = -1
        if isinstance(one, Curve):
            if one.is_active:
                self._active[one] = None
            else:
                self._active.pop(one, None)
        elif isinstance(one, TrackedBook):
            self._hold(one)

    def _hold(self, book: TrackedBook) -> None:
        holders = self._markets[book.market].holders
        if book.book.quantity:
            holders[book] = None
        else:
            holders.pop(book, None)

    def checkpoint(self) -> Checkpoint:
        """The present state. Call it between two runs."""
        assert self.frontier != START
        return Checkpoint(
            self.frontier,
            self._clock,
            list(self.books),
            list(self._owners.values()),
            [book.state() for book in self.books.values()],
            list(self.curves.pieces.items()),
            [curve.state() for curve in self.curves.curves.values()],
            [(market.name, market.mark, market.mark_ns) for market in self._markets.values()],
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint: for a fresh object, with the context of now."""
        self.frontier = checkpoint.frontier
        self._set_clock(checkpoint.clock)
        for name, mark, mark_ns in checkpoint.markets:
            self._market(name).set((mark, mark_ns))
        self.curves.set(CurvesState(dict(checkpoint.pieces), len(checkpoint.curves)))
        for curve, state in zip(self.curves.curves.values(), checkpoint.curves, strict=True):
            self._set(curve, state)
        for key, owner, book in zip(checkpoint.keys, checkpoint.owners, checkpoint.books, strict=True):
            if book.began_ns:  # else it may be of another key now
                self._set(self._book(key, owner, self.context.terms_of(key, owner)), book)

    # Steps

    @exactly
    def fold(self, rows: Sequence[decode.Row], until: Place | None) -> None:
        """Fold fills, in the order of trading, and all other steps and marks among them.

        `rows` are all fills behind the frontier up to the place `until`, or all there are.
        """
        context = self.context
        others: list[tuple[Place, int, int, int]] = [
            *((place, 0, number, seq) for place, number, seq in context.marks_after(self.frontier)),
            *((place, 1, 0, seq) for place, seq in context.steps_after(self.frontier)),
        ]
        if until is not None:
            others = [one for one in others if one[0] <= until]
        others.sort(reverse=True)
        fill = self._fill
        for row in rows:
            while others and others[-1][0] <= place_of_row(row):
                self._other(*others.pop())
            fill(row)
        if rows:
            self.frontier = place_of_row(rows[-1])
        while others:
            self._other(*others.pop())
        if until is not None and until > self.frontier:
            self.frontier = until

    def _other(self, place: Place, is_step: int, number: int, seq: int) -> None:
        assert place != START
        self._now_ns = place[0]
        if place[0] >= self._end * SECOND:
            self._tick(place[0] // SECOND)
        if not is_step:
            book = self.book_of_key(number)
            self._change_book(book)
            book.correct(seq)
        else:
            statement = self.context.statements[seq]
            content = statement.event.content
            step = getattr(self, _STEPS[statement.event.kind])
            step(content, seq, statement.in_force, statement.corrected)
        self.frontier = max(self.frontier, place)

    def _fill(self, row: decode.Row) -> None:  # noqa: C901 - the hot path
        number, ts_ns, _, seq, _, side, price_text, qty_text, _, _, _, _, fee_text, fee_currency, _, tags, source = row
        if ts_ns >= self._end * SECOND:
            self._tick(ts_ns // SECOND)
        self._now_ns = ts_ns
        book = self._by_key.get(number) or self.book_of_key(number)
        if book.generation != self._generation:
            self._change_book(book)
        price, qty = _number(price_text), _number(qty_text)
        fee = None if fee_text is None else _number(fee_text)
        is_common = MIN <= price < TOO_MUCH and MIN <= qty < TOO_MUCH
        if not is_common and not _takes(price, qty, book.terms):
            return
        if fee is not None and not (MIN <= fee < TOO_MUCH or amount_fits(fee)):
            return
        if source is not None:
            corrected = self.context.corrected_imports.get(source, 0)
            if corrected:
                book.correct(corrected)
            if source in self.context.taken_back:
                return
        closed: list[Finished] = []
        fill = Fill(seq, "", price, qty, side, "", "", "", "", fee, fee_currency)
        book.step(ts_ns, seq)
        book.fill(fill, ts_ns, _NO_TAGS if tags is None else _tags(tags), closed)
        self._stepped[book] = None
        if not is_common and book.terms.inverse and price <= ZERO:
            return  # it has no worth, so it marks nothing
        market = self._markets[book.market]
        if market.generation != self._generation:
            self._touch(market)
        market.mark, market.mark_ns = price, ts_ns
        holders = market.holders
        if book.book.quantity:
            holders[book] = None
        else:
            holders.pop(book, None)
        if len(holders) > 1 or (holders and book not in holders):
            self._move([book, *(one for one in holders if one is not book)], price)
        else:
            self._move_one(book)
        if closed:
            self._close(book, closed)

    def _close(self, book: TrackedBook, closed: list[Finished]) -> None:
        self.closed += [(book, one) for one in closed]

    def _change_book(self, book: TrackedBook) -> None:
        self._touch(book)
        book.began_ns = book.began_ns or self._now_ns
        self._curves_of(book)

    def _curves_of(self, book: TrackedBook) -> tuple[Curve, ...]:
        """The curves that a change of a book moves, its own first."""
        if book.version != self.curves.version:
            book.curves = self._curves_named(book.names)
            book.version = self.curves.version
        return book.curves

    def _curves_named(self, names: tuple[Name, ...]) -> tuple[Curve, ...]:
        """The curves of names that change together."""
        curves = self.curves.of(names)
        if curves is None:
            self._touch(self.curves)
            for new in self.curves.part(names, self._clock[0]):
                self._touch(new)
                if new.is_active:
                    self._active[new] = None
            curves = self.curves.of(names)
        assert curves is not None
        return curves

    def _move_one(self, book: TrackedBook) -> None:
        """Move the curves of a book to its present level."""
        curves = self._curves_of(book)
        change = book.level() - curves[0].level
        if not change:
            return
        generation = self._generation
        for curve in curves:
            if curve.generation != generation or not curve.is_active:
                self._open_bar(curve)
            curve.move(change)
        book.run()

    def _move(self, books: Iterable[TrackedBook], price: Decimal | None) -> None:
        """The same for several at once, which all have the mark `price` now."""
        changes: dict[Curve, Decimal] = {}
        moved = []
        for book in books:
            if book.generation != self._generation:
                self._change_book(book)
            if price is not None:
                book.mark, book.mark_ns = price, self._now_ns
            curves = self._curves_of(book)
            change = book.level() - curves[0].level
            if change:
                moved.append(book)
                for curve in curves:
                    known = changes.get(curve)
                    changes[curve] = change if known is None else known + change
        for curve, change in changes.items():
            if change:
                self._open_bar(curve)
                curve.move(change)
        for book in moved:
            book.run()

    def _open_bar(self, curve: Curve) -> None:
        if curve.generation != self._generation:
            self._touch(curve)
        if not curve.is_active:
            curve.begin(self._clock[0])
            self._active[curve] = None

    # The clock

    def _tick(self, second: int) -> None:
        """Finish the present bars, and begin new ones."""
        self._drain()
        is_short = self.is_short
        for curve in self._active:
            if curve.generation != self._generation:
                self._touch(curve)
            curve.finish(is_short=is_short)
        self.ended |= self._active
        self._active.clear()
        is_short = second >= self.horizon
        span = 1 if is_short else 60
        start = second // span * span
        self._set_clock((start, start + span, is_short))

    def _set_clock(self, clock: Clock) -> None:
        self._clock = clock
        self._end = clock[1]

    def _drain(self) -> None:
        """Add what books realised, paid and received since the last time to the present bars."""
        generation = self._generation
        for book in self._stepped:
            seen = (book.realized(), book.fees, book.income, book.fills, book.turnover)
            before = book.seen
            if seen == before:
                continue
            if book.generation != generation:
                self._change_book(book)
            book.seen = seen
            more = [*map(sub, seen, before), book.fees_outside]
            for curve in book.curves if book.version == self.curves.version else self._curves_of(book):
                if curve.generation != generation or not curve.is_active:
                    self._open_bar(curve)
                curve.add(*more)
            book.fees_outside = NO_AMOUNTS
        self._stepped.clear()

    # Steps that are no fills

    def _step(self, book: TrackedBook, seq: int, in_force: bool, corrected: int) -> bool:
        """Notice a step of a book. Gives whether it counts."""
        self._change_book(book)
        if corrected:
            book.correct(corrected)
        if in_force:
            book.step(self._now_ns, seq)
            self._stepped[book] = None
        return in_force

    def _follow(self, book: TrackedBook, before: Decimal, flag: str, price: Decimal | None) -> None:
        """Bring everything to the quantity and cost that a book has now."""
        closed: list[Finished] = []
        if not before:
            market = self._markets[book.market]
            book.mark, book.mark_ns = market.mark, market.mark_ns
        book.follow(before, self._now_ns, flag, price, closed)
        self._hold(book)
        if closed:
            self._close(book, closed)

    def _opening(self, content: Opening, seq: int, in_force: bool, corrected: int) -> None:
        book = self._book_of_owner(owner_of(content))
        if self._step(book, seq, in_force, corrected):
            before = book.book.quantity
            book.book.open_at(content.quantity, content.average)
            self._follow(book, before, trips.OPENING, content.average)
            self._move_one(book)

    def _split(self, content: Split, seq: int, in_force: bool, corrected: int) -> None:
        symbol = self.context.instruments.terms(content.symbol).canonical
        books = [
            book
            for book in self.books.values()
            if book.book.quantity
            and book.key.symbol == symbol
            and content.account in (None, book.key.account)
            and content.strategy in (None, book.key.strategy)
        ]
        for book in books:
            if self._step(book, seq, in_force, corrected):
                before = book.book.quantity
                book.book.split(content.n, content.d, content.quantity, content.cash)
                if book.trip is not None:
                    book.trip.scale(content.n, content.d)
                if book.mark is not None:
                    book.mark = DIVISION.divide(book.mark * content.d, Decimal(content.n))
                self._follow(book, before, "", None)
        if in_force and content.account is None:
            for market in list(self._markets.values()):
                if market.name.partition(ACCOUNT_SEPARATOR)[0] == symbol and market.mark is not None:
                    self._touch(market)
                    market.mark = DIVISION.divide(market.mark * content.d, Decimal(content.n))
        self._move(books, None)

    def _move_step(self, book: TrackedBook, step: MoveStep) -> None:
        before = book.book.quantity
        step.fold(book.book)
        self._follow(book, before, trips.MOVE, step.price)

    def _move_event(self, content: Move, seq: int, in_force: bool, corrected: int) -> None:
        carried = Carried()
        books = []
        for comes_in, holder in ((False, content.source), (True, content.sink)):
            if holder is not None:
                book = self._book_of_owner(owner_of(holder))
                books.append(book)
                if self._step(book, seq, in_force, corrected):
                    self._move_step(book, MoveStep.of(seq, content, comes_in, carried))
        self._move(dict.fromkeys(books), None)

    def _price(self, content: Price, seq: int, in_force: bool, corrected: int) -> None:
        del seq, corrected
        if not in_force:
            return
        terms = self.context.instruments.terms(content.symbol)
        symbol = terms.canonical
        self._market(symbol)
        if terms.mark in ("account", "venue"):
            for key in set(self.context.book_of.values()):
                if key.symbol == symbol:
                    self._market_of(key, terms)
        holders: list[TrackedBook] = []
        for market in self._markets.values():
            if market.name.partition(ACCOUNT_SEPARATOR)[0] == symbol:
                self._touch(market)
                market.mark, market.mark_ns = content.price, self._now_ns
                holders += market.holders
        self._move(holders, content.price)  # all accounts at once: between two of them no sum was ever

    def _cash(self, content: Cash, seq: int, in_force: bool, corrected: int) -> None:
        if content.reason in FLOWS:
            return
        if content.symbol and content.strategy:
            owner = LineKey(content.account, content.strategy, content.symbol, content.position_side or "", "")
            key, terms = self.context.owned(owner)
            named = key._replace(currency=content.plain_currency)
            book = self._book(named, owner._replace(currency=content.plain_currency), terms)
            self._change_book(book)
            if corrected:
                book.correct(corrected)
            if in_force:
                book.note(seq)
                book.receive(content.amount)
                self._stepped[book] = None
                self._move_one(book)
                if terms.in_points:  # the cash is in no points: only the sums have it
                    self._add_cash(content, key.symbol)
        elif in_force:
            symbol = "" if content.symbol is None else self.context.instruments.terms(content.symbol).canonical
            self._add_cash(content, symbol)

    def _add_cash(self, content: Cash, symbol: str) -> None:
        """Add cash to the sums of its owner, and to no position."""
        sums = self._sums_of(content.account, content.strategy or "", symbol, content.plain_currency)
        for curve in self._curves_named(sums):
            self._open_bar(curve)
            curve.move(content.amount)
            curve.add(cash=content.amount)


def _takes(price: Decimal, qty: Decimal, terms: Terms) -> bool:
    """Whether a fill of an uncommon price is valid: 0, or negative where the instrument says so."""
    if not MIN <= qty < TOO_MUCH or not amount_fits(price):
        return False
    return price == ZERO or terms.negative_prices


_STEPS = {"opening": "_opening", "split": "_split", "move": "_move_event", "price": "_price", "cash": "_cash"}
"""Methods of Fold by the kind of the event."""
