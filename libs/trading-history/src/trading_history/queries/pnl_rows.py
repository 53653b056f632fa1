"""Which row of a table a time is in: periods of a calendar, weekdays, hours of the day. No I/O."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial

import numpy as np

from trading_history.figures.trip_columns import Numbers
from trading_history.queries.equity import SECOND, Part, between, cover

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 7 * 86_400
"""Seconds."""

MINUTE_NS = MINUTE * SECOND

QUARTER = 900
"""Seconds in which no zone has two hours of the day: none changes at another time, or is beside UTC by a part of it."""


@dataclass(frozen=True, slots=True)
class Rows:
    """How a range of Unix nanoseconds is divided among the rows of a table, of which there are `count`."""

    count: int
    of: Callable[[Numbers], Numbers]
    """Gives the rows of times. One before the range, in the minute that it begins in, is in the row of its start."""

    cuts: Sequence[int]
    """Where a row begins inside the range."""

    span: int
    """Seconds of the longest bars that are whole in one row, of 60, 3600 and 86400."""

    edges: Sequence[int] = ()
    """The ends of all periods; none of hours."""

    @classmethod
    def of_periods(cls, starts: Sequence[int], rows: Sequence[int], count: int, times: tuple[int, int]) -> "Rows":
        """Of periods that begin at `starts`, which have the end of the last one too."""
        firsts, numbers = np.array(starts[:-1], np.int64), np.array(rows, np.int64)

        def of(times_ns: Numbers) -> Numbers:
            found: Numbers = numbers[firsts.searchsorted(times_ns, "right").clip(1) - 1]
            return found

        cuts = [start for start in starts if times[0] < start < times[1]]
        span = next((one for one in (DAY, HOUR) if all(not cut % (one * SECOND) for cut in cuts)), MINUTE)
        return cls(count, of, cuts, span, starts)

    @classmethod
    def of_hours(cls, zone: tzinfo, start_ns: int, end_ns: int) -> "Rows":
        """Of the 24 hours of the day in a zone."""
        span, cell = (HOUR, HOUR) if _has_whole_hours(zone, start_ns, end_ns) else (MINUTE, QUARTER)
        cell_ns = cell * SECOND
        return cls(24, partial(_hours, zone), range(start_ns // cell_ns * cell_ns + cell_ns, end_ns, cell_ns), span)

    def parts(self, start_ns: int, end_ns: int) -> list[Part]:
        """Parts of the range to read in bars, each of which is whole in one row, as far as minutes are."""
        if self.edges and not any(cut % MINUTE_NS for cut in self.cuts):
            return between(start_ns, end_ns, DAY, self.cuts)
        return [*cover(start_ns, end_ns, self.span)]


def _has_whole_hours(zone: tzinfo, start_ns: int, end_ns: int) -> bool:
    """Whether the hours of a zone begin with those of UTC all the while. Looks at each week: offsets last longer."""
    times = (*range(start_ns, end_ns, WEEK * SECOND), end_ns)
    return all(not _offset(zone, time_ns // SECOND) % HOUR for time_ns in times)


def _hours(zone: tzinfo, times_ns: Numbers) -> Numbers:
    """The hours of the day in a zone. Offsets last longer than a week: one with the same at both ends has no other."""
    seconds = times_ns // SECOND
    weeks, week_of = np.unique(seconds // WEEK, return_inverse=True)
    first, last = (np.array([_offset(zone, (week + at) * WEEK) for week in weeks.tolist()], np.int64) for at in (0, 1))
    offsets = first[week_of]
    for changed in np.flatnonzero(first != last):
        chosen = week_of == changed
        quarters, quarter_of = np.unique(seconds[chosen] // QUARTER, return_inverse=True)
        offsets[chosen] = np.array([_offset(zone, one * QUARTER) for one in quarters.tolist()], np.int64)[quarter_of]
    hours: Numbers = (seconds + offsets) // HOUR % 24
    return hours


def _offset(zone: tzinfo, second: int) -> int:
    """Seconds that a zone is ahead of UTC at a Unix second."""
    ahead = datetime.fromtimestamp(second, zone).utcoffset()
    assert ahead is not None
    return ahead // timedelta(seconds=1)
