"""A position with what is followed beside its accounting: its round trip, its revision, its curves. No I/O."""

from copy import copy
from decimal import Decimal
from typing import NamedTuple

from trading_history.figures import trips
from trading_history.figures.bars import added
from trading_history.figures.curves import Curve, Name
from trading_history.figures.trips import Finished, Trip, shown
from trading_model.accounting.book import (
    EMPTY,
    NO_AMOUNTS,
    OTHER,
    QUOTE,
    Book,
    BookKey,
    BookState,
    Convert,
    counts_in_net,
)
from trading_model.accounting.fills import Fill
from trading_model.accounting.positions import PositionSnapshot
from trading_model.decimals import DIVISION, EXACT, ZERO, is_quotient
from trading_model.instruments import Terms
from trading_model.symbols import same_currency

ONE = Decimal(1)


class TrackedState(NamedTuple):
    """What a tracked book holds at one moment."""

    book: BookState = EMPTY
    mark: Decimal | None = None
    mark_ns: int = 0
    own_fees: Decimal = ZERO
    cash: Decimal = ZERO
    trip: Trip | None = None
    trips: int = 0
    fills: int = 0
    steps: int = 0
    turnover: Decimal = ZERO
    began_ns: int = 0
    first_ns: int = 0
    last_ns: int = 0
    max_seq: int = 0
    revision: int = 0
    seen: tuple[Decimal, Decimal, Decimal, int, Decimal] = (ZERO, ZERO, ZERO, 0, ZERO)


class TrackedBook:
    """One position. Call its methods under the EXACT context."""

    __slots__ = (
        "_counting",
        "_linear",
        "_plain",
        "began_ns",
        "book",
        "cash",
        "curves",
        "fees",
        "fees_outside",
        "fills",
        "first_ns",
        "generation",
        "income",
        "last_ns",
        "mark",
        "mark_ns",
        "market",
        "max_seq",
        "names",
        "own_fees",
        "revision",
        "said",
        "seen",
        "steps",
        "terms",
        "trip",
        "trips",
        "turnover",
        "version",
    )

    def __init__(self, key: BookKey, terms: Terms, convert: Convert, names: tuple[Name, ...], market: str) -> None:
        self.terms = terms
        self.book = Book(key, terms, convert)
        self.names = names
        """Its own name, and those of the sums that it is in."""

        self.curves: tuple[Curve, ...] = ()
        """The curves of these names, its own first, as far as `version` is that of all curves."""

        self.version = -1
        self.market = market
        """Whose prices mark it."""

        self.said = 0
        """The last event that says something of its symbol as an instrument."""

        self.fees_outside = NO_AMOUNTS
        """By currency, fees that no rate values, since the last time that they were added to bars."""

        self.generation = -1
        self._counting: dict[str | None, bool] = {}
        self._linear = not terms.inverse
        self._plain = terms.multiplier == ONE
        self.set(TrackedState())

    def state(self) -> TrackedState:
        """The present state."""
        return TrackedState(
            self.book.state(), self.mark, self.mark_ns, self.own_fees, self.cash, copy(self.trip), self.trips,
            self.fills, self.steps, self.turnover, self.began_ns, self.first_ns, self.last_ns, self.max_seq,
            self.revision, self.seen,
        )  # fmt: skip

    def set(self, state: TrackedState) -> None:
        """Continue from a state."""
        (
            book, self.mark, self.mark_ns, self.own_fees, self.cash, trip, self.trips, self.fills,
            self.steps, self.turnover, self.began_ns, self.first_ns, self.last_ns, self.max_seq, self.revision,
            self.seen,
        ) = state  # fmt: skip
        self.trip = copy(trip)
        self.book.set(book)
        self.fees = self._fees_in_net()
        """Fees in the net."""

        self.income = EXACT.add(self.cash, book.income)
        """Cash, and the worth of rewards."""

    @property
    def key(self) -> BookKey:
        """Whose position it is."""
        return self.book.key

    def level(self) -> Decimal:
        """The net P&L. While there is no mark, what is open counts at its cost."""
        book = self.book
        level = (shown(book.flow) if book.inexact else book.flow) - self.fees + self.income
        if not book.quantity:
            return level
        if self.mark is None:
            return level + shown(book.present_cost())
        return level + self._worth(book.quantity, self.mark)

    def realized(self) -> Decimal:
        """Realised P&L, to 34 decimals where a division is in it."""
        book = self.book
        if not book.quantity:
            return shown(book.flow) if book.inexact else book.flow
        return shown(book.flow) + shown(book.present_cost())

    def receive(self, cash: Decimal) -> None:
        """Add cash."""
        self.cash += cash
        self.income = self.cash + self.book.income

    def note(self, seq: int) -> None:
        """Notice an event of the position, in the order of trading: an earlier one with a higher sequence was late."""
        if seq < self.max_seq:
            self.revision = max(self.revision, self.max_seq)
        else:
            self.max_seq = seq

    def correct(self, seq: int) -> None:
        """Notice that an event corrected something here."""
        self.max_seq = max(self.max_seq, seq)
        self.revision = max(self.revision, seq)

    def step(self, time_ns: int, seq: int) -> None:
        """Notice a step in force."""
        if seq < self.max_seq:
            self.note(seq)
        else:
            self.max_seq = seq
        if not self.steps:
            self.first_ns = time_ns
        self.steps += 1
        self.last_ns = time_ns

    def fill(self, fill: Fill, time_ns: int, tags: frozenset[str], closed: list[Finished]) -> None:  # noqa: C901 -- hot
        """Fold a fill; round trips that end by it are appended to `closed`."""
        book, price, qty = self.book, fill.price, fill.qty
        if not self._linear and price <= ZERO:  # it has no worth, which the book notes
            book.fill(fill, ZERO)
            return
        before = book.quantity
        trip = self.trip or self._open_trip(time_ns, fill.seq, fill.side)
        notional = price * qty
        book.fill(fill, notional)
        self.mark, self.mark_ns = price, time_ns
        worth = notional if self._linear else self._priced(qty, price)
        turnover = abs(notional if self._linear and self._plain else self._worth(qty, price))
        self.fills += 1
        self.turnover += turnover
        fee, outside = ZERO, NO_AMOUNTS
        if fill.fee is not None:
            label = fill.fee_currency
            counts = self._counting.get(label)
            if counts is None:
                counts = self._counting[label] = counts_in_net(label or "quote", book.key.currency)
            if counts:
                self.own_fees += fill.fee
            fees_before, self.fees = self.fees, self._fees_in_net()
            fee = self.fees - fees_before
            if fill.fee and not fee and not counts:
                outside = self._leave_out(fill.fee, label or QUOTE)
                trip.fees_outside = added(trip.fees_outside, outside)
        after = book.quantity
        trip.fills += 1
        if tags:
            trip.tags |= tags
        if (before > ZERO) == (fill.side == "buy") or not before:  # it opens
            size = abs(after)
            if size > trip.quantity:
                trip.quantity = size
            trip.turnover += turnover
            trip.entered += qty
            trip.entered_worth += worth
            if self._is_flat(after, price):
                self._close_trip(trip, time_ns, fill.seq, closed)
            return
        held = abs(before)
        if qty <= held:
            trip.turnover += turnover
            trip.left += qty
            trip.left_worth += worth
            if self._is_flat(after, price) or (after > ZERO) != (before > ZERO):
                self._close_trip(trip, time_ns, fill.seq, closed)
                if not self._is_flat(after, price):  # a fee in the base took it below zero
                    self._open_trip(time_ns, fill.seq, fill.side).quantity = abs(after)
            return
        # A flip closes all, then opens: the fee by quantity.
        part = DIVISION.divide(held, qty)
        closing_worth = worth * part
        closing_turnover = shown(turnover * part)
        trip.turnover += closing_turnover
        trip.left += held
        trip.left_worth += closing_worth
        rest_of_fee = fee - trips.share(fee, held, qty)
        outside_after = {label: amount - trips.share(amount, held, qty) for label, amount in outside.items()}
        trip.fees_outside = added(trip.fees_outside, {label: -amount for label, amount in outside_after.items()})
        self._close_trip(trip, time_ns, fill.seq, closed, fees_after=rest_of_fee)
        trip = self._open_trip(time_ns, fill.seq, fill.side, fees_after=rest_of_fee)
        trip.quantity = abs(after)
        trip.turnover = turnover - closing_turnover
        trip.entered = qty - held
        trip.entered_worth = worth - closing_worth
        trip.fills = 1
        trip.tags, trip.fees_outside = tags, outside_after
        if self._is_flat(after, price):
            self._close_trip(trip, time_ns, fill.seq, closed)

    def _fees_in_net(self) -> Decimal:
        """Fees in the P&L's currency, and others as far as they are valued: to 34 decimals by 1 / rate."""
        valued = self.book.fees_valued
        return EXACT.add(self.own_fees, shown(valued) if valued and is_quotient(valued) else valued)

    def _leave_out(self, fee: Decimal, currency: str) -> dict[str, Decimal]:
        """Notice a fee that was not valued, under the name that the book has for its currency. Returns both."""
        if self.terms.spot and same_currency(currency, self.terms.base):
            return NO_AMOUNTS  # it was valued, at a price of 0
        outside = {currency if currency in self.book.fees_outside else OTHER: fee}
        self.fees_outside = added(self.fees_outside, outside)
        return outside

    def follow(self, before: Decimal, time_ns: int, flag: str, price: Decimal | None, closed: list[Finished]) -> None:
        """Bring the round trip to the position after a step that is no fill; what it added is at `price`, if there is
        one.
        """
        self.income = self.cash + self.book.income
        after = self.book.quantity
        stays = before * after > ZERO
        trip = self.trip
        if trip is not None:
            if price is not None and not (stays and abs(after) >= abs(before)):
                left = abs(before) - abs(after) if stays else abs(before)
                trip.left += left
                trip.left_worth += self._priced(left, price)
            if self._is_flat(after, self.mark) or (after > ZERO) != (trip.side == "long"):
                self._close_trip(trip, time_ns, 0, closed)
        if self._is_flat(after, self.mark):
            return
        trip = self.trip or self._open_trip(time_ns, 0, "buy" if after > ZERO else "sell")
        added = abs(after) - abs(before) if stays else abs(after)
        if added > ZERO:
            if flag:
                trip.flags |= {flag}
            if price is not None:
                trip.entered += added
                trip.entered_worth += self._priced(added, price)
        trip.quantity = max(trip.quantity, abs(after))

    def _priced(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What an average price is made of: quantity × price; inverse: quantity / price."""
        if self._linear:
            return quantity * price
        return DIVISION.divide(quantity, price) if price > ZERO else ZERO

    def run(self) -> None:
        """Notice how far the running gross P&L went, after the net P&L changed."""
        trip = self.trip
        if trip is None:
            return
        gross = self.curves[0].level + self.fees - self.income - trip.realized
        if gross < trip.mae:
            trip.mae = gross
        elif gross > trip.mfe:
            trip.mfe = gross

    def open_row(self) -> Finished | None:
        """The round trip under way."""
        return None if self.trip is None else self._finished(self.trip, None, 0)

    def snapshot(self) -> PositionSnapshot:
        """The position, for the figures of the accounting."""
        steps = bool(self.steps)
        return PositionSnapshot(self.key, self.terms, self.book.state(), self.market, self.cash, has_steps=steps)

    def _is_flat(self, quantity: Decimal, price: Decimal | None) -> bool:
        if not quantity:
            return True
        terms = self.terms
        if terms.lot is not None and abs(quantity) < terms.lot:
            return True
        if terms.dust is None or price is None or (terms.inverse and price <= ZERO):
            return False
        return abs(self._worth(quantity, price)) < terms.dust

    def _worth(self, quantity: Decimal, price: Decimal) -> Decimal:
        """What a quantity is worth at a price; inverse to 34 decimals. Other than the book's, it notes nothing."""
        if self._linear:
            return quantity * price if self._plain else quantity * price * self.terms.multiplier
        return shown(DIVISION.divide(-self.terms.multiplier * quantity, price)) if price > ZERO else ZERO

    def _open_trip(self, time_ns: int, seq: int, side: str, fees_after: Decimal = ZERO) -> Trip:
        self.trips += 1
        name = "long" if side == "buy" else "short"
        fees = self.fees - fees_after
        trip = self.trip = Trip(self.trips, name, time_ns, seq, self.realized(), fees, self.income)
        return trip

    def _close_trip(
        self, trip: Trip, time_ns: int, seq: int, closed: list[Finished], fees_after: Decimal = ZERO
    ) -> None:
        if self.book.quantity and not fees_after and (self.book.quantity > ZERO) == (trip.side == "long"):
            trip.flags |= {trips.DUST}
        closed.append(self._finished(trip, time_ns, seq, fees_after))
        self.trip = None

    def _finished(self, trip: Trip, closed_ns: int | None, seq: int, fees_after: Decimal = ZERO) -> Finished:
        book = self.book
        flow, cost = book.flow, book.present_cost()
        shown_flow, shown_cost = shown(flow), shown(cost)
        labels = trip.flags
        if trip.fees_outside:
            labels |= {trips.FEE_OUTSIDE}
        if book.unknown_basis:
            labels |= {trips.UNKNOWN_BASIS}
        if shown_flow is not flow or shown_cost is not cost:
            labels |= {trips.ROUNDED}
        realized = shown_flow + shown_cost if book.quantity else self.realized()
        return trips.finished(
            trip, realized, self.fees - fees_after, self.income, labels, inverse=not self._linear,
            closed_ns=closed_ns, last_seq=seq, revision=self.max_seq,
        )  # fmt: skip
