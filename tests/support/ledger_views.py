"""Views of a ledger by the accounting rules 2, 15 and 21 to 23: in a base currency, by day, by round trip, FIFO.

Worked out from the oracle's books, and shares no code with the product either.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from tests.support.ledger_oracle import FLOWS, ZERO, Book, Event, Ledger, nanoseconds


@dataclass(frozen=True)
class BaseTotal:
    """The net of all positions in a base currency; `missing` are currencies without a rate where one was needed."""

    net: Fraction
    missing: frozenset[str]


def in_base(events: Iterable[Event], base: str, now: int, *, dated: bool = True) -> BaseTotal:
    """Rule 21: what was realised, paid and received at the rate of its time, or all at the rate now."""
    ledger = Ledger(list(events))
    parts = [(currency, amount, when if dated else now) for currency, amount, when in _settled(ledger)]
    for key, book in ledger.books.items():
        parts.append((key.currency, book.unrealised or ZERO, now))
    total, missing = ZERO, set[str]()
    for currency, amount, when in parts:
        rate = Fraction(1) if currency == base else ledger.rates.at(currency, base, when)
        if rate is not None:
            total += amount * rate
        elif amount:
            missing.add(currency)
    return BaseTotal(total, frozenset(missing))


def _settled(ledger: Ledger) -> list[tuple[str, Fraction, int]]:
    """Currency, amount and time of everything that is settled: P&L realised, fees, income."""
    parts = []
    for key, book in ledger.books.items():
        for time, amount in _steps(book):
            parts.append((key.currency, amount, time))
    for _, cash in ledger.of_kind("cash"):
        if cash["reason"] not in FLOWS:
            parts.append((cash["currency"], Fraction(cash["amount"]), nanoseconds(cash["ts"])))
    return parts


def _steps(book: Book) -> list[tuple[int, Fraction]]:
    """What each entry realised, less its fees."""
    settled = [moment.realised - moment.fees for moment in book.history]
    return [
        (moment.time, now - before)
        for moment, now, before in zip(book.history, settled, [ZERO, *settled], strict=False)
    ]


def marked_days(events: Iterable[Event], bounds: Sequence[int]) -> list[Fraction]:
    """Rule 22: how much the net changed from each bound to the next, at the last mark before it. One currency."""
    events = list(events)
    nets = [sum((book.net or ZERO for book in Ledger(events, bound).books.values()), ZERO) for bound in bounds]
    return [after - before for before, after in pairwise(nets)]


def settled_days(events: Iterable[Event], bounds: Sequence[int]) -> list[Fraction]:
    """Rule 22: what was realised, paid and received between each bound and the next."""
    settled = _settled(Ledger(list(events)))
    return [
        sum((amount for _, amount, time in settled if start <= time < end), ZERO) for start, end in pairwise(bounds)
    ]


@dataclass(frozen=True)
class RoundTrip:
    """From flat to flat, or to a rest below the lot. `closed` is None while open; `gross` is what was realised."""

    opened: int
    closed: int | None
    gross: Fraction
    fees: Fraction


def round_trips(events: Iterable[Event], lot: Fraction = ZERO) -> list[RoundTrip]:
    """The trips of one linear position without a multiplier. A flip's fee goes by quantity (rule 2), dust ends a trip
    (rule 15).
    """
    fills = [fill for _, _, fill in sorted(Ledger(list(events)).fills, key=lambda entry: entry[0])]
    book, trips = _Average(), list[RoundTrip]()
    opened, gross, fees = 0, ZERO, ZERO
    for fill in fills:
        time, price, fee = nanoseconds(fill["ts"]), Fraction(fill["price"]), Fraction(fill.get("fee", 0))
        signed = Fraction(fill["qty"]) * (1 if fill["side"] == "buy" else -1)
        flips = book.quantity * (book.quantity + signed) < 0
        for part in (-book.quantity, book.quantity + signed) if flips else (signed,):
            opened = opened or time
            gross += book.trade(part, price)
            fees += fee * part / signed
            if abs(book.quantity) < lot or not book.quantity:
                trips.append(RoundTrip(opened, time, gross, fees))
                opened, gross, fees = 0, ZERO, ZERO
    return trips + ([RoundTrip(opened, None, gross, fees)] if opened else [])


@dataclass
class _Average:
    """Average cost."""

    quantity: Fraction = ZERO
    average: Fraction = ZERO

    def trade(self, signed: Fraction, price: Fraction) -> Fraction:
        """What a trade that does not flip realises."""
        if self.quantity * signed < 0:
            self.quantity += signed
            return -signed * (price - self.average)
        self.average = (self.quantity * self.average + signed * price) / (self.quantity + signed)
        self.quantity += signed
        return ZERO


def realised_by_lots(events: Iterable[Event], order: Literal["fifo", "lifo"], until: int = 2**63) -> Fraction:
    """Rule 23: what the fills of one linear position realise if the first, or the last, lot opened closes first. Fills
    from `until` on, in ns since 1970, do not count.
    """
    lots: list[tuple[Fraction, Fraction]] = []
    realised = ZERO
    for place, _, fill in sorted(Ledger(list(events)).fills, key=lambda entry: entry[0]):
        if place[0] >= until:
            break
        signed = Fraction(fill["qty"]) * (1 if fill["side"] == "buy" else -1)
        price = Fraction(fill["price"])
        while signed and lots and lots[0][0] * signed < 0:
            held, paid = lots.pop(0 if order == "fifo" else -1)
            closed = min(abs(held), abs(signed)) * (1 if held > 0 else -1)
            realised += closed * (price - paid)
            signed += closed
            if held != closed:
                lots.insert(0 if order == "fifo" else len(lots), (held - closed, paid))
        if signed:
            lots.append((signed, price))
    return realised
