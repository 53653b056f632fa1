"""All positions and sums at a place in the order of trading, the frontier, as steps move it on. No I/O.

Each step moves the lines of net P&L that it concerns, of one moment all at once: a price moves the positions of all who
hold its symbol, and the sums over them by what it moves together. So sums are exact inside bars.

While changes are recorded, the states that objects had are kept, one generation for each run of steps: to go back to an
earlier place is to set them again.
"""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal
from operator import sub
from typing import Any, NamedTuple

import msgspec

from trading_history.figures.books import TrackedBook, TrackedState
from trading_history.figures.context import START, Context, Place
from trading_history.figures.curves import Curve, Curves, CurvesState, CurveState, Name, Pieces
from trading_history.figures.markets import Market, Markets
from trading_history.figures.trips import Finished
from trading_model.accounting.book import NO_AMOUNTS, BookKey
from trading_model.accounting.fills import LineKey
from trading_model.decimals import exactly
from trading_model.field_rules import format_timestamp
from trading_model.instruments import Terms

SECOND = 1_000_000_000
SHORT_SECONDS = 86_400
"""For so long before the last step, bars of a second are kept."""

MAX_RECORDED = 40_000
"""States of objects that are kept to go back: some 40 MB at most."""

Clock = tuple[int, int, bool]
"""Where the present bar begins and ends, in Unix seconds, and whether it is one of a second."""

Changing = TrackedBook | Curve | Curves | Market


class Recorded(NamedTuple):
    """What a run of steps changed: the place and the clock before it, and the states before it."""

    place: Place
    clock: Clock
    states: list[tuple[Any, Any]]


class Checkpoint(msgspec.Struct, frozen=True):
    """The states of all objects at a place. `owners` are keys as sent that name the books."""

    frontier: tuple[int, int, str, int]
    clock: Clock
    keys: list[BookKey]
    owners: list[LineKey]
    books: list[TrackedState]
    pieces: list[tuple[Name, Pieces]]
    curves: list[CurveState]
    markets: list[tuple[str, Decimal | None, int]]


class Frontier:
    """The state, and what was finished since `clear`. Only what folds steps moves it, between `begin` and `end`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.place: Place = START
        self.horizon = 0
        """Bars of a second are made from this Unix second on."""

        self.now_ns = 0
        """When the present step is, in Unix nanoseconds."""

        self.bar_end_ns = 0
        """When the present bar ends, in Unix nanoseconds: a step then or later has to `tick` first."""

        self.generation = 0
        """Number of the present run. Who changes an object of another generation calls `touch` first."""

        self.books: dict[BookKey, TrackedBook] = {}
        self.markets = Markets()
        self.curves = Curves()
        self.stepped: dict[TrackedBook, None] = {}
        """Books that had steps whose amounts are not in their bars yet."""

        self.ended: dict[Curve, None] = {}
        """Curves of which bars ended, which they keep."""

        self.closed: list[tuple[TrackedBook, Finished]] = []
        """Round trips that ended."""

        self._owners: dict[BookKey, LineKey] = {}
        self._changed: list[tuple[Any, Any]] = []
        self._records = False
        self._recorded: deque[Recorded] = deque()
        self._recorded_states = 0
        self._began: tuple[Place, Clock] = (START, (0, 0, False))
        self._active: dict[Curve, None] = {}
        self._by_key: dict[int, TrackedBook] = {}
        self._sums: dict[tuple[str, str, str, str], tuple[Name, ...]] = {}
        self._clock: Clock = (0, 0, False)

    # Positions and sums

    def book_of_key(self, number: int) -> TrackedBook:
        """The position of the fills of a key."""
        book = self._by_key.get(number)
        if book is None:
            key, owner = self.context.book_of[number], self.context.any_key(number)
            book = self._by_key[number] = self.book(key, owner, self.context.terms_of(key, owner))
        return book

    def book_of_owner(self, owner: LineKey) -> TrackedBook:
        """The position that a key as sent names."""
        key, terms = self.context.owned(owner)
        return self.book(key, owner, terms)

    def book(self, key: BookKey, owner: LineKey, terms: Terms) -> TrackedBook:
        """The position of a key; a new one, with these terms and named by `owner`, if there is none."""
        book = self.books.get(key)
        if book is None:
            market = self.markets.of(key, terms)
            names: tuple[Name, ...] = (Name("book", *key),)
            if key.currency and not terms.in_points:
                names += self.sums_of(key.account, key.strategy, key.symbol, key.currency)
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

    def sums_of(self, account: str, strategy: str, symbol: str, currency: str) -> tuple[Name, ...]:
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

    def _convert(self, currency: str, into: str, _ts: str) -> Decimal | None:
        """The rate at the time of the present step: fills don't carry theirs as text here."""
        if not self.context.has_rates:
            return None
        return self.context.rates.at(currency, into, format_timestamp(self.now_ns))

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

    # Runs of steps, and back

    def begin(self, *, records: bool) -> None:
        """Begin a run of steps. With `records`, it can be taken back."""
        self.generation += 1
        self._records = records
        self._changed = []
        self._began = (self.place, self._clock)
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

    def touch(self, one: Changing) -> None:
        """Notice that an object is about to change. Hot code asks for the generation itself, to save the call."""
        if one.generation != self.generation:
            one.generation = self.generation
            self._changed.append((one, one.state() if self._records else None))

    def go_back(self, place: Place) -> list[Changing] | None:
        """Take runs of steps back until the frontier is before a place. Gives what is different since, or None if that
        is too far: nothing is changed then.
        """
        if not self._recorded or self._recorded[0].place >= place:
            return None
        different: dict[Changing, None] = {}
        while self.place >= place:
            before, clock, states = self._recorded.pop()
            self._recorded_states -= len(states)
            for one, state in reversed(states):
                self._set(one, state)
                different[one] = None
            self.place = before
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
            self.markets.hold(one)

    def checkpoint(self) -> Checkpoint:
        """The present state. Call it between two runs."""
        assert self.place != START
        return Checkpoint(
            self.place,
            self._clock,
            list(self.books),
            list(self._owners.values()),
            [book.state() for book in self.books.values()],
            list(self.curves.pieces.items()),
            [curve.state() for curve in self.curves.curves.values()],
            [(market.name, market.mark, market.mark_ns) for market in self.markets.by_name.values()],
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint: for a fresh object, with the context of now."""
        self.place = checkpoint.frontier
        self._set_clock(checkpoint.clock)
        for name, mark, mark_ns in checkpoint.markets:
            self.markets.named(name).set((mark, mark_ns))
        self.curves.set(CurvesState(dict(checkpoint.pieces), len(checkpoint.curves)))
        for curve, state in zip(self.curves.curves.values(), checkpoint.curves, strict=True):
            self._set(curve, state)
        for key, owner, book in zip(checkpoint.keys, checkpoint.owners, checkpoint.books, strict=True):
            if book.began_ns:  # else it may be of another key now
                self._set(self.book(key, owner, self.context.terms_of(key, owner)), book)

    # Lines of net P&L

    def change_book(self, book: TrackedBook) -> None:
        """Notice that a position is about to change, in the present step."""
        self.touch(book)
        book.began_ns = book.began_ns or self.now_ns
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
            self.touch(self.curves)
            for new in self.curves.part(names, self._clock[0]):
                self.touch(new)
                if new.is_active:
                    self._active[new] = None
            curves = self.curves.of(names)
        assert curves is not None
        return curves

    def move_one(self, book: TrackedBook) -> None:
        """Move the curves of a book to its present level."""
        curves = self._curves_of(book)
        change = book.level() - curves[0].level
        if not change:
            return
        generation = self.generation
        for curve in curves:
            if curve.generation != generation or not curve.is_active:
                self._open_bar(curve)
            curve.move(change)
        book.run()

    def move(self, books: Iterable[TrackedBook], price: Decimal | None) -> None:
        """Move the curves of several books at once to their present levels. With a price, it is the mark of all now."""
        changes: dict[Curve, Decimal] = {}
        moved = []
        for book in books:
            if book.generation != self.generation:
                self.change_book(book)
            if price is not None:
                book.mark, book.mark_ns = price, self.now_ns
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

    def add_cash(self, names: tuple[Name, ...], amount: Decimal) -> None:
        """Add cash to sums, and to no position."""
        for curve in self._curves_named(names):
            self._open_bar(curve)
            curve.move(amount)
            curve.add(cash=amount)

    # Bars

    @property
    def is_short(self) -> bool:
        """Whether the present bar is one of a second."""
        return self._clock[2]

    def tick(self, second: int) -> None:
        """Finish the present bars, and begin those that a Unix second is in."""
        self._drain()
        is_short = self.is_short
        for curve in self._active:
            if curve.generation != self.generation:
                self.touch(curve)
            curve.finish(is_short=is_short)
        self.ended |= self._active
        self._active.clear()
        is_short = second >= self.horizon
        span = 1 if is_short else 60
        start = second // span * span
        self._set_clock((start, start + span, is_short))

    def _set_clock(self, clock: Clock) -> None:
        self._clock = clock
        self.bar_end_ns = clock[1] * SECOND

    def _open_bar(self, curve: Curve) -> None:
        if curve.generation != self.generation:
            self.touch(curve)
        if not curve.is_active:
            curve.begin(self._clock[0])
            self._active[curve] = None

    def _drain(self) -> None:
        """Add what books realised, paid and received since the last time to the present bars."""
        generation = self.generation
        for book in self.stepped:
            seen = (book.realized(), book.fees, book.income, book.fills, book.turnover)
            before = book.seen
            if seen == before:
                continue
            if book.generation != generation:
                self.change_book(book)
            book.seen = seen
            more = [*map(sub, seen, before), book.fees_outside]
            for curve in book.curves if book.version == self.curves.version else self._curves_of(book):
                if curve.generation != generation or not curve.is_active:
                    self._open_bar(curve)
                curve.add(*more)
            book.fees_outside = NO_AMOUNTS
        self.stepped.clear()
