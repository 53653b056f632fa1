"""When markets are followed: windows by time zone, over midnight and changes of the clocks. No I/O.

Times are microseconds since 1970. A window is half-open, [start, end). An end at or before its start is on the next
day; weekday and date are those of the start.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SECOND_US = 1_000_000
LOOK_AHEAD_DAYS = 400
"""How many days ahead an opening is looked for; a schedule without one in them never opens."""

NO_END_US = 2**62
"""The end of what never ends."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time of day on some weekdays (0 is Monday). `times` are minutes after local midnight; 1,440 is an end only."""

    name: str
    zone: ZoneInfo
    weekdays: frozenset[int]
    times: tuple[tuple[int, int], ...]
    except_dates: frozenset[date] = frozenset()
    symbols: frozenset[str] = frozenset()
    """Empty: all."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An opening: from `start_us` up to `end_us`, that one not included."""

    start_us: int
    end_us: int
    name: str


class Calendar:
    """The openings of one market. Without windows it is always open."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.windows = tuple(windows)
        self._known: Interval | None = None

    @property
    def is_always_open(self) -> bool:
        """Whether there is nothing to open and close."""
        return not self.windows

    def intervals(self, from_us: int, days: int = LOOK_AHEAD_DAYS) -> Iterator[Interval]:
        """The openings that end after a time, in order, those that touch merged into one."""
        if self.is_always_open:
            yield Interval(0, NO_END_US, "always")
            return
        merged: Interval | None = None
        first = datetime.fromtimestamp(from_us / SECOND_US, UTC).date() - timedelta(days=3)
        for day in range(days + 4):
            # A day later in the calendar never opens more than two days earlier: zones differ by 26 hours at most.
            for found in sorted(self._of(first + timedelta(days=day)), key=lambda one: one.start_us):
                if merged is None:
                    merged = found
                elif found.start_us <= merged.end_us:
                    merged = _merge(merged, found)
                else:
                    if merged.end_us > from_us:
                        yield merged
                    merged = found
        if merged is not None and merged.end_us > from_us:
            yield merged

    def opening_at(self, time_us: int) -> Interval | None:
        """The opening that a time is in; None if it is in none. Quick for a time in the opening of the last one."""
        known = self._known
        if known is not None and known.start_us <= time_us < known.end_us:
            return known
        found = next(self.intervals(time_us, days=7), None)
        if found is None or found.start_us > time_us:
            return None
        self._known = found
        return found

    def _of(self, day: date) -> Iterator[Interval]:
        """The openings that begin on a local date."""
        for window in self.windows:
            if day.weekday() in window.weekdays and day not in window.except_dates:
                for start, end in window.times:
                    start_us = instant(day, start, window.zone, is_end=False)
                    end_us = instant(day + timedelta(days=int(end <= start)), end, window.zone, is_end=True)
                    if start_us < end_us:  # a window inside the hour that the clocks skip is none
                        yield Interval(start_us, end_us, window.name)


def calendar_of(windows: Iterable[Window], symbol: str) -> Calendar | None:
    """The calendar of a symbol; None if there are windows and none of them is for it: it is never followed."""
    windows = tuple(windows)
    own = [window for window in windows if not window.symbols or symbol in window.symbols]
    return None if windows and not own else Calendar(own)


def instant(day: date, minutes: int, zone: ZoneInfo, *, is_end: bool) -> int:
    """When a local time is. One that the clocks skip is the first instant after that; of one that comes twice, the
    first starts a window and the second ends one.
    """
    local = datetime(day.year, day.month, day.day, tzinfo=zone, fold=int(is_end)) + timedelta(minutes=minutes)
    before, after = (local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    naive = local.replace(tzinfo=None)
    if after > before:  # skipped: the transition is between the two readings
        return _transition(_unix(naive - after), _unix(naive - before), zone) * SECOND_US
    return _unix(naive - (after if is_end else before)) * SECOND_US


def _transition(low: int, high: int, zone: ZoneInfo) -> int:
    """The first second at which the offset is that of `high`."""
    offset = _offset(high, zone)
    while low < high:
        middle = (low + high) // 2
        if _offset(middle, zone) == offset:
            high = middle
        else:
            low = middle + 1
    return high


def _offset(seconds: int, zone: ZoneInfo) -> timedelta:
    return datetime.fromtimestamp(seconds, zone).utcoffset() or timedelta()


def _unix(naive_utc: datetime) -> int:
    return int(naive_utc.replace(tzinfo=UTC).timestamp())


def _merge(one: Interval, other: Interval) -> Interval:
    names = dict.fromkeys([*one.name.split("+"), *other.name.split("+")])
    return Interval(min(one.start_us, other.start_us), max(one.end_us, other.end_us), "+".join(names))
