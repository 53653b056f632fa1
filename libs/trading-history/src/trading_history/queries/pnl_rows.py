"""Which row of a table a time is in: periods of a calendar, weekdays, hours of the day. No I/O."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import NamedTuple

import numpy as np

from trading_history.figures.trip_columns import Numbers
from trading_history.queries.equity import SECOND, Part, between, cover

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 7 * 86_400
"""Seconds."""

MINUTE_NS, HOUR_NS = MINUTE * SECOND, HOUR * SECOND

QUARTER = 900
"""Seconds in which no zone has two hours of the day: none changes at another time, or is beside UTC by a part of it."""


class Reading(NamedTuple):
    """Bars to add up: of some parts of a range, those that begin in the first `within` seconds of an hour. `of` gives
    the rows that times of their starts add to, and `taken_from`, if there, those that have them already and lose them.
    """

    parts: Sequence[Part]
    of: Callable[[Numbers], Numbers]
    within: int = HOUR
    taken_from: Callable[[Numbers], Numbers] | None = None


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

    late: Sequence[tuple[int, int, int | None]] = ()
    """Of hours: from when to when they begin how many seconds after those of UTC; None while that changes."""

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
        late = _late(zone, start_ns // HOUR_NS * HOUR_NS, end_ns)
        span, cell = (MINUTE, QUARTER) if any(one != 0 for *_, one in late) else (HOUR, HOUR)
        cell_ns = cell * SECOND
        cuts = range(start_ns // cell_ns * cell_ns + cell_ns, end_ns, cell_ns)
        return cls(24, partial(_hours, zone), cuts, span, late=late)

    def readings(self, start_ns: int, end_ns: int) -> list[Reading]:
        """The bars that have what is in the range, as far as minutes have it."""
        if not self.late:
            return [Reading(self._parts(start_ns, end_ns), self.of)]
        readings = list[Reading]()
        for since, until, late in self.late:
            times = max(since, start_ns), min(until, end_ns)
            if late is None:
                readings.append(Reading([*cover(*times, MINUTE)], self.of))
                continue
            parts = [*cover(*times, HOUR)]
            hours = [part for part in parts if late and part[2] == HOUR]
            readings.append(Reading([part for part in parts if part not in hours], self.of))
            if hours:  # the beginnings of hours of UTC are in the rows before those of their ends
                minutes = [(first, last, MINUTE) for first, last, _ in hours]
                readings += [Reading(hours, self._of_end), Reading(minutes, self.of, late, self._of_end)]
        return readings

    def _of_end(self, times_ns: Numbers) -> Numbers:
        """The rows of the last minutes of hours of UTC."""
        return self.of(times_ns // HOUR_NS * HOUR_NS + HOUR_NS - MINUTE_NS)

    def _parts(self, start_ns: int, end_ns: int) -> list[Part]:
        """Parts of the range to read in bars, each of which is whole in one row, as far as minutes are."""
        if self.edges and not any(cut % MINUTE_NS for cut in self.cuts):
            return between(start_ns, end_ns, DAY, self.cuts)
        return [*cover(start_ns, end_ns, self.span)]


def _late(zone: tzinfo, start_ns: int, end_ns: int) -> list[tuple[int, int, int | None]]:
    """See `Rows.late`; a range begins with an hour of UTC. Looks at each week: offsets last longer."""
    found = list[tuple[int, int, int | None]]()
    for since in range(start_ns, end_ns, WEEK * SECOND):
        until = min(since + WEEK * SECOND, end_ns)
        first, last = (-_offset(zone, time_ns // SECOND) % HOUR for time_ns in (since, until))
        late = first if first == last and not first % MINUTE else None
        begins = found.pop()[0] if found and found[-1][2] == late else since
        found.append((begins, until, late))
    return found


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
