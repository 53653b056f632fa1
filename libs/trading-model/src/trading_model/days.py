"""Trading days and longer periods, in a time zone of choice. Views: no stored figure depends on them. No I/O.

A day has all times from one passing of the day boundary to the next: with `17:00 America/New_York` from 17:00 on, as
currencies and futures are traded; 23 or 25 hours where clocks change. It has the date that more of it has: with a
boundary before noon that of its beginning, else that of its end.
"""

import difflib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

NANOSECONDS = 1_000_000_000
FORM = "write a time and a time zone, such as 17:00 America/New_York"

MIN_LIKENESS = 0.75
"""Of a name to the one that is probably meant, 0 to 1."""

Period = Literal["day", "week", "month"]
"""Weeks begin on Monday; days, and so weeks and months, are trading days."""

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class DayBoundary:
    """When a trading day begins and ends: a time of day in a zone."""

    zone: ZoneInfo
    at: time

    @classmethod
    def parse(cls, text: str) -> "DayBoundary":
        """From `17:00 America/New_York`, `17:00` (in UTC) or `America/New_York` (midnight). Raises ValueError."""
        words = text.split()
        if text.strip().isdigit():
            raise ValueError(f"is not a time of day: YAML reads an unquoted 17:00 as 1020; {FORM}, in quotes")
        if not 1 <= len(words) <= 2:
            raise ValueError(f"has {len(words)} words; {FORM}")
        at = _time_of(words[0]) if len(words) == 2 or words[0][0].isdigit() else time()
        return cls(zone_of(words[-1]) if len(words) == 2 or not words[0][0].isdigit() else ZoneInfo("UTC"), at)

    def __str__(self) -> str:
        return f"{self.at:%H:%M} {self.zone.key}"

    def start_ns(self, day: date) -> int:
        """When a day begins, in Unix nanoseconds. A time that clocks skip is by the clock before: 02:30 is 03:30."""
        first = day - _ONE_DAY if self.at.hour >= 12 else day
        return _unix_ns(datetime.combine(first, self.at, self.zone))

    def day_of(self, time_ns: int) -> date:
        """The trading day of a time in Unix nanoseconds."""
        local = datetime.fromtimestamp(time_ns // NANOSECONDS, self.zone)
        guess = local.date() + (_ONE_DAY if self.at.hour >= 12 and local.time() >= self.at else timedelta())
        if self.at.hour < 12 and local.time() < self.at:
            guess -= _ONE_DAY
        # Where clocks are set back, a time of day comes twice: which side it is on, the instants decide.
        while time_ns < self.start_ns(guess):
            guess -= _ONE_DAY
        while time_ns >= self.start_ns(guess + _ONE_DAY):
            guess += _ONE_DAY
        return guess


MIDNIGHT_UTC = DayBoundary(ZoneInfo("UTC"), time())


@dataclass(frozen=True, slots=True)
class Calendar:
    """Consecutive periods: `names[i]` is the first trading day of a period that begins at `starts[i]` and ends where
    the next one begins. Times are Unix nanoseconds; `starts` has one more item, the end of the last period.
    """

    names: Sequence[date]
    starts: Sequence[int]

    @classmethod
    def of(cls, boundary: DayBoundary, period: Period, first_ns: int, until_ns: int) -> "Calendar":
        """The periods that have times at or after `first_ns` and before `until_ns`."""
        day = first_of(period, boundary.day_of(first_ns))
        names = list[date]()
        starts = [boundary.start_ns(day)]
        while starts[-1] < until_ns:
            names.append(day)
            day = next_of(period, day)
            starts.append(boundary.start_ns(day))
        return cls(names, starts)

    def within(self, first_ns: int | None, until_ns: int | None) -> "Calendar":
        """The calendar with the same periods, of which the first and the last have only the times from `first_ns` on
        and before `until_ns`; None cuts nothing.
        """
        starts = list(self.starts)
        if first_ns is not None:
            starts[0] = max(starts[0], first_ns)
        if until_ns is not None:
            starts[-1] = min(starts[-1], until_ns)
        return Calendar(self.names, starts)

    def index(self, time_ns: int) -> int:
        """Which period has a time; -1 before the first, `len(names)` after the last."""
        return bisect_right(self.starts, time_ns) - 1


def first_of(period: Period, day: date) -> date:
    """The first day of the period that has a day."""
    match period:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)


def next_of(period: Period, first: date) -> date:
    """The first day of the period after the one that begins with `first`."""
    match period:
        case "day":
            return first + _ONE_DAY
        case "week":
            return first + timedelta(days=7)
        case "month":
            return (first + timedelta(days=31)).replace(day=1)


def zone_of(name: str) -> ZoneInfo:
    """The time zone with a name of the IANA database. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"is not a time zone, such as Europe/Berlin{_meant(name)}") from None


@lru_cache(maxsize=256)
def _meant(name: str) -> str:
    """The zone that a wrong name is probably meant for, by its last part."""
    by_place = {zone.rpartition("/")[2].lower(): zone for zone in sorted(available_timezones())}
    place = name[:64].rpartition("/")[2].lower()
    close = difflib.get_close_matches(place, by_place, 1, MIN_LIKENESS)
    return f"; do you mean {by_place[close[0]]}?" if close else ""


def _time_of(text: str) -> time:
    hours, colon, minutes = text.partition(":")
    is_clock = colon and 1 <= len(hours) <= 2 and len(minutes) == 2 and (hours + minutes).isdecimal() and text.isascii()
    if is_clock and int(hours) < 24 and int(minutes) < 60:
        return time(int(hours), int(minutes))
    raise ValueError(f"begins with {text[:32]!r}, which is not a time of day from 00:00 to 23:59; {FORM}")


def _unix_ns(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) * NANOSECONDS
