"""The figures of a ledger in one form, whoever works them out: the oracle, the sidecar's fold, or its process."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass, replace
from fractions import Fraction
from typing import Any, NamedTuple

ZERO = Fraction()


class PositionKey(NamedTuple):
    """Whose position in what: `symbol` is the canonical one, `side` the position side, each empty if unknown."""

    account: str
    strategy: str
    symbol: str
    side: str
    currency: str


class CounterKey(NamedTuple):
    """What fills are counted by, in the words as sent."""

    account: str
    strategy: str
    symbol: str
    side: str


class CashKey(NamedTuple):
    """Whose money, and why; `strategy`, `symbol` as sent and position side are empty if the event names none."""

    account: str
    strategy: str
    symbol: str
    side: str
    currency: str
    reason: str


@dataclass(frozen=True)
class Position:
    """One position's figures, in its P&L's currency; None is unknown. `fees` are all, in the currencies as charged."""

    quantity: Fraction = ZERO
    average: Fraction | None = None
    realised: Fraction = ZERO
    unrealised: Fraction | None = ZERO
    net: Fraction | None = ZERO
    fees_in_net: Fraction = ZERO
    fees: Mapping[str, Fraction] = field(default_factory=dict)
    fees_outside: Mapping[str, Fraction] = field(default_factory=dict)
    income: Fraction = ZERO
    sold_more_than_known: bool = False
    closed_more_than_held: bool = False
    in_points: bool = False


@dataclass(frozen=True)
class Count:
    """Fills as sent: quantity, and |price| × quantity without a multiplier."""

    trades: int = 0
    volume: Fraction = ZERO
    notional: Fraction = ZERO

    def __add__(self, other: "Count") -> "Count":
        return Count(self.trades + other.trades, self.volume + other.volume, self.notional + other.notional)


@dataclass(frozen=True)
class Total:
    """The sum over the positions of one currency, and all cash in it; None where a position has no mark."""

    realised: Fraction = ZERO
    unrealised: Fraction | None = ZERO
    fees: Fraction = ZERO
    cash: Fraction = ZERO
    net: Fraction | None = ZERO


@dataclass(frozen=True)
class Figures:
    """All figures of a ledger. `last` has each symbol's last price by time, but for those marked by account."""

    positions: Mapping[PositionKey, Position]
    accepted: Mapping[CounterKey, Count]
    removed: Mapping[CounterKey, Count]
    added: Mapping[CounterKey, Count]
    cash: Mapping[CashKey, Fraction]
    totals: Mapping[str, Total]
    last: Mapping[str, Fraction]
    applied: int


SHOWN = Fraction(1, 10**34)
"""What a figure may differ by: it is shown with at least 34 decimals where a division does not end."""

TOTALS = 100 * SHOWN
"""Sums of up to 200 figures as shown."""


def differences(expected: Figures, found: Figures) -> list[str]:
    """Each figure that differs, in words. What is 0 or empty on one side may be missing on the other, and last prices
    of further symbols may be found: a position that was corrected away leaves its market.
    """
    found = replace(found, last={symbol: price for symbol, price in found.last.items() if symbol in expected.last})
    return [
        f"{name}: expected {_text(one)}, found {_text(other)}"
        for name, one, other in _pairs(expected, found)
        if not same(one, other, TOTALS if name.startswith("totals") else SHOWN)
    ]


def _pairs(expected: object, found: object, name: str = "") -> Iterator[tuple[str, object, object]]:
    """The leaves of both, side by side."""
    one, other = _members(expected), _members(found)
    if one is None and other is None:
        yield name, expected, found
        return
    one, other = one or {}, other or {}
    if isinstance(expected or found, Position) and not (one and other):
        one, other = ({name: value for name, value in of.items() if value is not True} for of in (one, other))
    for member in {**one, **other}:
        said = member if isinstance(member, str) else "/".join(member)
        yield from _pairs(one.get(member), other.get(member), f"{name}.{said}" if name else said)


def _members(value: object) -> dict[Any, object] | None:
    """What a mapping or a set of figures consists of; None for a leaf."""
    if isinstance(value, Mapping):
        return dict(value)
    return vars(value) if is_dataclass(value) else None


def same(one: object, other: object, precision: Fraction) -> bool:
    """Equal, or equal as shown: an average has 50 digits. Nothing is 0."""
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        apart = abs(one - other)
        return apart <= precision or apart <= abs(one) / 10**49
    return one == other or (not one and not other)


def _text(value: object) -> str:
    return f"{float(value)!r}" if isinstance(value, Fraction) else repr(value)
