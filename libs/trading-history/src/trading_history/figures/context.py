"""What does not change along the order of trading: instruments, rates, corrections, and so which position a key's fills
belong to; and the steps that are no fills. No I/O.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from trading_history.decode import NOT_A_NUMBER, Row
from trading_model.accounting.adjustments import book_key, owner_of
from trading_model.accounting.book import BookKey
from trading_model.accounting.fills import LineKey
from trading_model.accounting.index import Index
from trading_model.accounting.order import FILL, MOVE, OPENING, SPLIT
from trading_model.contents import LedgerEvent
from trading_model.decimals import ZERO
from trading_model.instruments import Instruments, Terms, matches
from trading_model.rates import Rates
from trading_model.timestamps import unix_ns

TERMS, RATE, PRICE, CASH = -2, -1, FILL + 1, FILL + 2
"""Ranks at one time beside those of the accounting: what changes terms and rates comes first, prices and cash last."""

RANKS = {"opening": OPENING, "split": SPLIT, "move": MOVE, "price": PRICE, "cash": CASH}

Place = tuple[Any, ...]
"""In the order of trading: time in ns, rank of the kind, ordinal of the trade id, sequence. () is before everything."""

START: Place = ()

_decode_event = msgspec.json.Decoder(LedgerEvent).decode


def place_of(event: LedgerEvent) -> Place | None:
    """From where on an event changes figures, which is neither a fill nor an instrument; None if it changes none."""
    rank = RATE if event.kind == "rate" else RANKS.get(event.kind)
    ts = getattr(event.content, "ts", None)
    if rank is None or ts is None:
        return None
    try:
        return unix_ns(ts), rank, NOT_A_NUMBER, event.seq
    except ValueError:
        return None


def place_of_event(text: str) -> Place | None:
    """From where on a journaled event changes figures, which is neither a fill nor a correction; None if it changes
    none. Of an instrument it is the start: only the fold knows more.
    """
    event = read_event(text)
    if event is None:
        return None
    return START if event.instrument is not None else place_of(event)


def read_event(text: str) -> LedgerEvent | None:
    """A journaled event that is neither a fill nor a correction; None if its content is none."""
    try:
        event = _decode_event(text)
    except msgspec.MsgspecError:
        return None
    return event if event.content is not None else None


def place_of_row(row: Row) -> Place:
    """The place of a fill."""
    return row[1], FILL, row[2], row[3]


class Statement:
    """An event that is no fill; `corrected` is the last void of it, in force or not, 0 for none. `target` is what the
    symbols in it mean: positions, or a canonical symbol.
    """

    __slots__ = ("corrected", "event", "in_force", "target")

    def __init__(self, event: LedgerEvent, target: object) -> None:
        self.event = event
        self.target = target
        self.in_force = True
        self.corrected = 0


class Context:
    """Instruments, rates, corrections and other steps of one ledger, and its keys."""

    def __init__(self) -> None:
        self.instruments = Instruments()
        self.rates = Rates()
        self.has_rates = False
        self.statements: dict[int, Statement] = {}
        self.steps: list[tuple[Place, int]] = []
        """Places and sequences of the steps that are no fills, in the order of trading."""

        self.marks: list[tuple[Place, int, int]] = []
        """Where corrections took fills from, or brought them to: place, number of the key, sequence of a correction."""

        self.corrected_imports: dict[str, int] = {}
        """The last void of each import that was ever taken back."""

        self.taken_back: set[str] = set()
        """Imports whose fills don't count."""

        self.multipliers: dict[int, Decimal] = {}
        """By number of the key, the largest multiplier that a fill in force names."""

        self.book_of: dict[int, BookKey] = {}
        """By number of the key, the position of its fills."""

        self.assigned: list[int] = []
        """Keys whose position or multiplier changed: whoever writes it down clears this."""

        self._keys: dict[int, LineKey] = {}
        self._numbers: dict[BookKey, list[int]] = {}
        self._terms: dict[BookKey, Terms] = {}
        self._said = Index[str, Statement](self.instruments, self._named_by)
        """What was said of canonical symbols as instruments, by events that name them."""

        self._said_by_pattern: list[Statement] = []

    # Events

    def put(self, event: LedgerEvent) -> None:
        """Take in an event that is neither a fill nor a correction."""
        known = self.statements[event.seq] = Statement(event, self._target(event))
        place = place_of(event)
        if place is not None and event.kind != "rate":
            insort(self.steps, (place, event.seq))
        if event.instrument is not None:
            self.instruments.say(event.seq, event.instrument)
            if event.instrument.pattern is None:
                self._said.put(event.seq, known)
            else:
                self._said_by_pattern.append(known)
        if event.rate is not None:
            self.has_rates = True
            self.rates.say(event.seq, event.rate)

    def set_in_force(self, seq: int, *, in_force: bool, corrected: int) -> None:
        """Say whether such an event is in force, since the correction `corrected`."""
        known = self.statements[seq]
        known.in_force, known.corrected = in_force, max(corrected, known.corrected)
        for said in (self.instruments, self.rates):
            (said.restore if in_force else said.take_back)(seq)

    def set_import(self, name: str, corrected: int, *, in_force: bool) -> None:
        """Say whether the fills of an import count, since the correction `corrected`."""
        self.corrected_imports[name] = corrected
        if in_force:
            self.taken_back.discard(name)
        else:
            self.taken_back.add(name)

    def aim_again(self) -> Place | None:
        """Find again what the symbols in all events mean, after an instrument changed. Gives the earliest place of one
        that means something else; None for none.
        """
        for place, seq in self.steps:
            statement = self.statements[seq]
            if statement.target != self._target(statement.event):
                for _, later in self.steps:
                    self.statements[later].target = self._target(self.statements[later].event)
                return place
        return None

    def _target(self, event: LedgerEvent) -> object:
        marked = event.split or event.mark
        if marked is not None:
            return self.instruments.terms(marked.symbol).canonical
        if event.opening is not None:
            return self.owned(owner_of(event.opening))
        if event.move is not None:
            sides = (event.move.source, event.move.sink)
            return [None if holder is None else self.owned(owner_of(holder)) for holder in sides]
        if event.cash is not None and event.cash.symbol:
            return self.instruments.terms(event.cash.symbol)
        return None

    def mark(self, place: Place, number: int, seq: int) -> None:
        """Note that a correction took a fill from a place, or brought it there."""
        insort(self.marks, (place, number, seq))

    def marks_after(self, place: Place) -> list[tuple[Place, int, int]]:
        """The marks behind a place."""
        return self.marks[bisect_left(self.marks, (place, 1 << 63, 0)) :]

    def steps_after(self, place: Place) -> list[tuple[Place, int]]:
        """The steps behind a place."""
        return self.steps[bisect_left(self.steps, (place, 1 << 63)) :]

    def said_of(self, symbol: str) -> int:
        """The last event that says or said something of a canonical symbol as an instrument; 0 for none."""
        matching = [one for one in self._said_by_pattern if _matches(one.event, symbol)]
        return max((max(one.event.seq, one.corrected) for one in (*self._said.of(symbol), *matching)), default=0)

    def _named_by(self, statement: Statement) -> set[str]:
        content = statement.event.instrument
        assert content is not None
        return {self.instruments.canonical(name) for name in (content.symbol or "", *(content.aliases or ()))}

    # Keys and positions

    def add_key(self, number: int, key: LineKey) -> set[BookKey]:
        """Take in a key. Gives the position that it belongs to, if its terms are others now."""
        self._keys[number] = key
        return self._assign([number])

    def name_multiplier(self, number: int, multiplier: Decimal | None) -> set[BookKey]:
        """Say the largest multiplier of a key. Gives the positions whose terms are others now."""
        if multiplier is None:
            if self.multipliers.pop(number, None) is None:
                return set()
        elif self.multipliers.get(number) == multiplier:
            return set()
        else:
            self.multipliers[number] = multiplier
        self.assigned.append(number)
        return self._assign([number])

    def assign_all(self) -> set[BookKey]:
        """Find the positions of all keys again, after an instrument changed. Gives those that are others now."""
        return self._assign(self._keys)

    def terms_of(self, key: BookKey, owner: LineKey) -> Terms:
        """The terms of a position, which `owner` names."""
        return self._terms.get(key) or self.instruments.terms(owner.symbol, owner.currency)

    def owned(self, owner: LineKey) -> tuple[BookKey, Terms]:
        """The position that a key as sent names, and its terms."""
        key = book_key(owner, self.instruments.terms(owner.symbol, owner.currency))
        return key, self.terms_of(key, owner)

    def any_key(self, number: int) -> LineKey:
        """The key with a number."""
        return self._keys[number]

    def _assign(self, numbers: Iterable[int]) -> set[BookKey]:
        concerned, changed = set[BookKey](), set[BookKey]()
        for number in numbers:
            key = self._keys[number]
            now = book_key(key, self.instruments.terms(key.symbol, key.currency, self.multipliers.get(number)))
            before = self.book_of.get(number)
            concerned.add(now)
            if before == now:
                continue
            self.assigned.append(number)
            self.book_of[number] = now
            self._numbers.setdefault(now, []).append(number)
            if before is not None:
                self._numbers[before].remove(number)
                concerned.add(before)
                changed |= {before, now}
        for book in concerned:
            own = self._numbers.get(book, ())
            terms = max((self._line_terms(number) for number in sorted(own)), key=_by_multiplier, default=None)
            known = self._terms.get(book)
            if terms is None:
                self._terms.pop(book, None)
            elif known != terms[1]:
                self._terms[book] = terms[1]
                changed.add(book)
        return changed

    def _line_terms(self, number: int) -> tuple[Decimal, Terms]:
        key, multiplier = self._keys[number], self.multipliers.get(number)
        return multiplier or ZERO, self.instruments.terms(key.symbol, key.currency, multiplier)


def _matches(event: LedgerEvent, symbol: str) -> bool:
    content = event.instrument
    return content is not None and content.pattern is not None and matches(content.pattern.upper(), symbol)


def _by_multiplier(line: tuple[Decimal, Terms]) -> Decimal:
    return line[0]
