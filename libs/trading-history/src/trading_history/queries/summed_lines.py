"""The sum of several lines of net P&L in columns of numbers, so that a hundred thousand levels are added up at once. No
I/O.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate, chain

import numpy as np

from trading_history.figures.trip_columns import Numbers
from trading_model.decimals import EXACT

MAX_DIGITS = 18
"""Of a text that is read as an integer of 64 bits."""

_ENOUGH = 1 << 62
_ZERO, _NINE, _MINUS, _POINT = map(ord, "09-.")

Line = tuple[Sequence[int], Sequence[str]]
"""Times, ascending, and the level from each on, as the store has it. All lines of a sum have the same first time."""


def largest_fall(lines: Sequence[Line]) -> Decimal:
    """The largest fall of the sum of lines from a peak, 0 or more, exactly. A fall within one time is none. There is at
    least one line. Call it under the EXACT context.
    """
    times = np.fromiter(chain.from_iterable(one for one, _ in lines), np.int64)
    levels, places = _numbers([*chain.from_iterable(one for _, one in lines)], len(lines))
    changes = levels.copy()
    changes[1:] -= levels[:-1]
    firsts = [0, *accumulate(len(one) for one, _ in lines[:-1])]
    changes[firsts] = levels[firsts]
    order = np.argsort(times, kind="stable")
    is_last = np.append(np.diff(times[order]) > 0, True)
    sums = np.add.accumulate(changes[order])[is_last]
    fall = (np.maximum.accumulate(sums) - sums).max()
    return EXACT.scaleb(Decimal(fall if places is None else int(fall)), Decimal(-(places or 0)))


def _numbers(texts: Sequence[str], lines: int) -> tuple[Numbers, int | None]:
    """Amounts as integers, and the number of decimals that they count; as Decimals, and None, if a sum of that many
    lines may need more than 64 bits.
    """
    characters = np.array(texts)
    width = characters.dtype.itemsize // 4
    if width > MAX_DIGITS:
        return np.array([*map(EXACT.create_decimal, texts)], object), None
    columns = characters.view(np.uint32).reshape(len(texts), width).T
    integers, decimals = np.zeros((2, len(texts)), np.int64)
    is_after = np.zeros(len(texts), bool)
    for column in columns:
        is_digit = (column >= _ZERO) & (column <= _NINE)
        integers = np.where(is_digit, integers * 10 + (column.astype(np.int64) - _ZERO), integers)
        decimals += is_digit & is_after
        is_after |= column == _POINT
    places = int(decimals.max())
    if int(integers.max()) * 10**places * 2 * lines >= _ENOUGH:
        return np.array([*map(EXACT.create_decimal, texts)], object), None
    integers *= 10 ** (places - decimals)
    return np.where(columns[0] == _MINUS, -integers, integers), places
