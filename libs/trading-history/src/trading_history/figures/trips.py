"""A round trip under way: from flat to flat, or to a rest below the lot. No I/O. Accounting rules 2, 15, 25 and 27."""

from collections.abc import Mapping
from decimal import Decimal, Inexact
from typing import NamedTuple

import msgspec

from trading_model.accounting.book import NO_AMOUNTS
from trading_model.decimals import AVERAGE, DIVISION, SHOWN, ZERO

OPENING, MOVE, DUST, FEE_OUTSIDE, ROUNDED, UNKNOWN_BASIS = (
    "opening", "move", "dust", "fee_outside", "rounded", "unknown_basis",
)  # fmt: skip

MAX_DECIMALS = 34
"""Of an amount that a division does not end: half to even."""

_UNIT = Decimal(1).scaleb(-MAX_DECIMALS)


def shown(amount: Decimal) -> Decimal:
    """The amount, rounded if it has more than 34 decimals. Call it where a division may be in it."""
    rounded = SHOWN.quantize(amount, _UNIT)  # faster than to ask for the exponent
    return amount if rounded == amount else rounded


class Closed(NamedTuple):
    """What a step closed or opened: how much, for how much at its price; none where it has no price."""

    quantity: Decimal
    worth: Decimal | None


class Trip(msgspec.Struct, array_like=True):
    """A round trip. Amounts are what they were when it began: the position knows those of now. Whoever keeps one
    beyond the next step takes a copy.

    `entered` and `left` are quantities with a price, and the sums of price × quantity (inverse: quantity / price).
    `fees_outside` are, by currency, fees of its fills that no rate values.
    """

    number: int
    side: str
    opened_ns: int
    first_seq: int
    realized: Decimal
    fees: Decimal
    cash: Decimal
    quantity: Decimal = ZERO
    turnover: Decimal = ZERO
    entered: Decimal = ZERO
    entered_worth: Decimal = ZERO
    left: Decimal = ZERO
    left_worth: Decimal = ZERO
    mae: Decimal = ZERO
    mfe: Decimal = ZERO
    fills: int = 0
    tags: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    fees_outside: dict[str, Decimal] = NO_AMOUNTS

    def scale(self, n: int, d: int) -> None:
        """Follow a split."""
        ratio = DIVISION.divide(Decimal(n), Decimal(d))
        self.quantity = shown(self.quantity * ratio)
        self.entered *= ratio
        self.left *= ratio


class Finished(NamedTuple):
    """A round trip as it is stored, but for the names of its position. `closed_ns` is None while it is open."""

    number: int
    side: str
    opened_ns: int
    closed_ns: int | None
    entry: Decimal | None
    exit: Decimal | None
    quantity: Decimal
    turnover: Decimal
    gross: Decimal
    fees: Decimal
    cash: Decimal
    net: Decimal
    mae: Decimal
    mfe: Decimal
    fills: int
    tags: list[str]
    flags: list[str]
    first_seq: int
    last_seq: int
    revision: int
    fees_outside: Mapping[str, Decimal]


def finished(
    trip: Trip, realized: Decimal, fees: Decimal, cash: Decimal, flags: frozenset[str], *, inverse: bool,
    closed_ns: int | None, last_seq: int, revision: int,
) -> Finished:  # fmt: skip
    """The row of a trip, with the position's amounts and flags at its end. Call it under the EXACT context."""
    gross, paid, received = realized - trip.realized, fees - trip.fees, cash - trip.cash
    return Finished(
        trip.number,
        trip.side,
        trip.opened_ns,
        closed_ns,
        _average(trip.entered, trip.entered_worth, inverse=inverse),
        _average(trip.left, trip.left_worth, inverse=inverse),
        trip.quantity,
        trip.turnover,
        gross,
        paid,
        received,
        gross - paid + received,
        shown(min(trip.mae, gross) if closed_ns is not None else trip.mae),
        shown(max(trip.mfe, gross) if closed_ns is not None else trip.mfe),
        trip.fills,
        sorted(trip.tags),
        sorted(flags),
        trip.first_seq,
        last_seq,
        revision,
        trip.fees_outside,
    )


def share(fee: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The part of a fee that goes with a part of a quantity: to 34 decimals. The rest has what remains."""
    if part == whole or not fee:
        return fee
    DIVISION.clear_flags()
    quotient = DIVISION.divide(fee * part, whole)
    return shown(quotient) if DIVISION.flags[Inexact] else quotient


def _average(quantity: Decimal, worth: Decimal, *, inverse: bool) -> Decimal | None:
    dividend, divisor = (quantity, worth) if inverse else (worth, quantity)
    return AVERAGE.divide(dividend, divisor) if divisor else None
