"""The sum of several lines of net P&L in columns of numbers, so that a hundred thousand levels are added up at once. No
I/O.
"""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from trading_history.figures.trip_columns import Numbers
from trading_history.queries.amount_columns import SEPARATOR, amount_of, column_of, integers_of

_ENOUGH = 1 << 62

Line = tuple[str, str]
"""Times, ascending, and the level from each on, as the store has it: SEPARATOR is between two. All lines of a sum have
the same first time.
"""


def largest_fall(lines: Sequence[Line], *, within_times: bool = False) -> Decimal:
    """The largest fall of the sum of lines from a peak, 0 or more, exactly. There is at least one line.

    A fall within one time is none, or those `within_times` after the first: lines change one after the other then.
    """
    times, amounts = map(SEPARATOR.join, zip(*lines, strict=True))
    seconds = integers_of(times)
    levels, places = column_of(amounts).integers
    if int(np.abs(levels).max()) * 2 * len(lines) >= _ENOUGH:
        levels = levels.astype(object)  # a sum may need more than 64 bits
    changes = levels.copy()
    changes[1:] -= levels[:-1]
    firsts = np.flatnonzero(seconds == seconds[0])
    changes[firsts] = levels[firsts]
    order = np.argsort(seconds, kind="stable")
    ordered = seconds[order]
    is_last = np.append(np.diff(ordered) > 0, True)
    if within_times:
        is_last |= ordered > ordered[0]
    return amount_of(fall_of(np.add.accumulate(changes[order])[is_last]), places)


def fall_of(levels: Numbers) -> int:
    """The largest fall from one of some levels, integers of any length, to a later one: 0 or more."""
    return int((np.maximum.accumulate(levels) - levels).max())
