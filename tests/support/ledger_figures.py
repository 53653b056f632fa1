"""The figures of a ledger in one form, whoever works them out: the oracle, the sidecar's fold, or its process."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
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
    """Cash of no position; without a strategy it is the account's own."""

    account: str
    strategy: str
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
    cash: Mapping[str, Fraction] = field(default_factory=dict)
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
    """The sum over the positions of one currency. `partial` counts those without a mark, which it leaves out."""

    realised: Fraction = ZERO
    unrealised: Fraction = ZERO
    fees: Fraction = ZERO
    cash: Fraction = ZERO
    net: Fraction = ZERO
    partial: int = 0


@dataclass(frozen=True)
class Figures:
    """All figures of a ledger. `last` has each canonical symbol's last price by time."""

    positions: Mapping[PositionKey, Position]
    accepted: Mapping[CounterKey, Count]
    removed: Mapping[CounterKey, Count]
    added: Mapping[CounterKey, Count]
    cash_elsewhere: Mapping[CashKey, Fraction]
    totals: Mapping[str, Total]
    last: Mapping[str, Fraction]
    applied: int


def differences(expected: Figures, found: Figures) -> list[str]:
    """Each figure that differs, in words. What is 0 or empty on one side may be missing on the other."""
    return [
        f"{name}: expected {_text(one)}, found {_text(other)}"
        for name, one, other in _pairs(expected, found)
        if not _same(one, other)
    ]


def _pairs(expected: object, found: object, name: str = "") -> Iterator[tuple[str, object, object]]:
    """The leaves of both, side by side."""
    one, other = _members(expected), _members(found)
    if one is None and other is None:
        yield name, expected, found
        return
    one, other = one or {}, other or {}
    for member in {**one, **other}:
        said = member if isinstance(member, str) else "/".join(member)
        yield from _pairs(one.get(member), other.get(member), f"{name}.{said}" if name else said)


def _members(value: object) -> dict[Any, object] | None:
    """What a mapping or a set of figures consists of; None for a leaf."""
    if isinstance(value, Mapping):
        return dict(value)
    return vars(value) if is_dataclass(value) else None


def _same(one: object, other: object) -> bool:
    """Equal, or equal as shown: with 34 decimals, an average with 50 digits. Nothing is 0."""
    if isinstance(one, Fraction) and isinstance(other, Fraction):
        apart = abs(one - other)
        return apart <= Fraction(1, 10**34) or apart <= abs(one) / 10**49
    return one == other or (not one and not other)


def _text(value: object) -> str:
    return f"{float(value)!r}" if isinstance(value, Fraction) else repr(value)
