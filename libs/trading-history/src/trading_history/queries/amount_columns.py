"""Columns of exact amounts, read out of one text for all of them, and their sums by group. No I/O."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import numpy as np

from trading_history.figures.trip_columns import Numbers
from trading_model.decimals import EXACT, ZERO

SEPARATOR = ","
"""Between the amounts of a text: what `group_concat` of SQLite puts there."""

MAX_DIGITS = 18
"""Digits of amounts that are integers of 64 bits, with the decimals of the one that has the most."""

SHORT = MAX_DIGITS // 2
"""Digits before and behind the point of amounts that are such integers beside others that have more."""

_LONG = 1 << 63
_COMMA, _POINT = map(ord, ",.")


class AmountColumn(msgspec.Struct, frozen=True, eq=False):
    """Exact amounts: `numbers` / 10 ^ `places`, but those of `long`, by place, which have 0 there."""

    numbers: Numbers
    places: int
    long: Mapping[int, Decimal] = {}

    def sums(self, groups: Numbers, count: int) -> list[Decimal]:
        """The sums of `count` groups; `groups` has the number of that of each amount. Call it under the EXACT
        context.
        """
        found = [amount_of(one, self.places) for one in sums(self.numbers, groups, count)]
        for place, amount in self.long.items():
            found[groups[place]] += amount
        return found

    @property
    def integers(self) -> tuple[Numbers, int]:
        """All amounts as integers, of any length if some are long, and how many decimals these have."""
        if not self.long:
            return self.numbers, self.places
        places = max(self.places, *(-int(one.as_tuple().exponent) for one in self.long.values()))
        integers = self.numbers.astype(object) * 10 ** (places - self.places)
        for place, amount in self.long.items():
            integers[place] = int(EXACT.scaleb(amount, Decimal(places)))
        return integers, places


def amount_of(integer: int, places: int) -> Decimal:
    """An integer / 10 ^ `places`."""
    return EXACT.scaleb(Decimal(integer), Decimal(-places)) if integer else ZERO


def sums(integers: Numbers, groups: Numbers, count: int) -> list[int]:
    """The exact sums of `count` groups of integers of any length; `groups` has the number of that of each."""
    if integers.dtype == object:
        return _added(integers, groups, count)
    largest = max(int(integers.max(initial=0)), -int(integers.min(initial=0)))
    if len(integers) * largest < _LONG:
        return _added(integers, groups, count)
    halves = (_added(half, groups, count) for half in (integers >> 32, integers & 0xFFFFFFFF))
    return [(above << 32) + below for above, below in zip(*halves, strict=True)]


def _added(integers: Numbers, groups: Numbers, count: int) -> list[int]:
    found = np.zeros(count, integers.dtype if integers.dtype == object else np.int64)
    np.add.at(found, groups, integers)
    return found.tolist()


def integers_of(text: str) -> Numbers:
    """The integers in a text with at least one, of up to 64 bits."""
    return np.fromstring(text, np.int64, sep=SEPARATOR)


def column_of(text: str) -> AmountColumn:
    """The amounts in a text with at least one, as `show` writes it."""
    characters = np.frombuffer(text.encode(), np.uint8)
    ends = np.append(np.flatnonzero(characters == _COMMA), len(characters))
    points = np.flatnonzero(characters == _POINT)
    decimals = np.zeros(len(ends), np.int64)
    with_point = np.searchsorted(ends, points)
    decimals[with_point] = ends[with_point] - points - 1
    before = np.diff(ends, prepend=-1) - 1 - decimals  # digits with a sign and the point
    long = dict[int, Decimal]()
    if int(before.max()) + int(decimals.max()) > MAX_DIGITS:
        texts = text.split(SEPARATOR)
        for place in np.flatnonzero((before > SHORT) | (decimals > SHORT)).tolist():
            long[place], texts[place], decimals[place] = EXACT.create_decimal(texts[place]), "0", 0
        text = SEPARATOR.join(texts)
    places = int(decimals.max())
    return AmountColumn(integers_of(text.replace(".", "")) * 10 ** (places - decimals), places, long)
