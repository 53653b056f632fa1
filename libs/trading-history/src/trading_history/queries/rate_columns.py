"""Columns of exact amounts at rates, so that a hundred thousand are converted at once. No I/O."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trading_history.figures.trip_columns import Numbers
from trading_history.figures.trips import MAX_DECIMALS
from trading_model.rates import Found

_ENOUGH = 1 << 63


class RateColumn:
    """Rates, or None where there is none, as integers. Amounts at no rate become 0."""

    def __init__(self, rates: Sequence[Found | None]) -> None:
        self.rates = rates
        self.known: npt.NDArray[np.bool_] = np.array([one is not None for one in rates], bool)
        """Which of them are there."""

        self._rounded = np.array([one is not None and one.rounded for one in rates], bool)
        self._exact, self._places = _integers([None if one is None or one.rounded else one for one in rates])
        self._long, self._long_places = _integers([one if one is not None and one.rounded else None for one in rates])

    def convert(self, amounts: Numbers, places: int, at: Numbers, *, rounds: bool = False) -> tuple[Numbers, int]:
        """Amounts, integers / 10 ^ `places`, each at the rate with the place `at`: such integers again, and their
        places. Where a rate is rounded, or everywhere if asked for, amounts have at most MAX_DECIMALS, half to even.
        """
        decimals = places + self._places
        is_rounded = self._rounded[at]
        if rounds and decimals > MAX_DECIMALS:
            found, decimals = _rounded(amounts.astype(object) * self._exact[at], decimals), MAX_DECIMALS
        else:
            found = _product(amounts, self._exact[at])
        if is_rounded.any():
            more = max(MAX_DECIMALS - decimals, 0)
            found, decimals = found.astype(object) * 10**more, decimals + more
            long = amounts[is_rounded].astype(object) * self._long[at[is_rounded]]
            long = _rounded(long, places + self._long_places) * 10 ** (decimals - MAX_DECIMALS)
            found[is_rounded] = long
        return found, decimals


def _integers(rates: Sequence[Found | None]) -> tuple[Numbers, int]:
    """Rates as integers, 0 for None, of 64 bits if they fit, and their decimals."""
    values = [None if one is None else one.value.as_tuple() for one in rates]
    places = max((-int(value.exponent) for value in values if value is not None), default=0)
    places = max(places, 0)
    integers = [
        0 if value is None else int("".join(map(str, value.digits))) * 10 ** (places + int(value.exponent))
        for value in values
    ]
    return np.array(integers, np.int64 if max(integers, default=0) < _ENOUGH else object), places


def _product(amounts: Numbers, rates: Numbers) -> Numbers:
    found: Numbers
    largest = max(int(amounts.max(initial=0)), -int(amounts.min(initial=0))) * int(rates.max(initial=0))
    if object in (amounts.dtype, rates.dtype) or largest >= _ENOUGH:
        found = amounts.astype(object) * rates.astype(object)
    else:
        found = amounts * rates
    return found


def _rounded(integers: Numbers, places: int) -> Numbers:
    """Integers / 10 ^ `places` to MAX_DECIMALS, half to even."""
    found: Numbers
    if places <= MAX_DECIMALS:
        found = integers * 10 ** (MAX_DECIMALS - places)
        return found
    unit = 10 ** (places - MAX_DECIMALS)
    whole = integers // unit
    rest = 2 * (integers - whole * unit)
    found = whole + ((rest > unit) | ((rest == unit) & (whole % 2 == 1)))
    return found
