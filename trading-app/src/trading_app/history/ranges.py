"""Ranges of time as parameters give them: half-open, RFC 3339, Unix time or days, by a day boundary. No I/O."""

import re
from dataclasses import dataclass
from datetime import date

from trading_app.query.question import checked, read_time, refused
from trading_model.days import MIDNIGHT_UTC, DayBoundary, zone_of

MAX_YEARS = 100
EARLIEST_NS, LATEST_NS = -9_214_560_000_000_000_000, 9_214_646_400_000_000_000
"""From the beginning of 1678 to that of 2262: the store holds these times, and those of the months that they are in."""

_MAX_NS = MAX_YEARS * 366 * 86_400 * 10**9
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Range:
    """Times from `from_ns` on and before `to_ns`, Unix nanoseconds; None is no limit."""

    from_ns: int | None = None
    to_ns: int | None = None

    def is_closed(self, now_ns: int) -> bool:
        """Whether it ends in the past. What it has then changes by late trades and corrections only."""
        return self.to_ns is not None and self.to_ns <= now_ns


def read_range(given_from: str | None, given_to: str | None, boundary: DayBoundary) -> Range:
    """The range from `from` to `to`; a day stands for its beginning. Raises TradeProblem."""
    first, until = (_read("from", given_from, boundary), _read("to", given_to, boundary))
    if first is not None and until is not None:
        if until <= first:
            raise refused("to", "must be later than from")
        if until - first > _MAX_NS:
            raise refused("to", f"must be at most {MAX_YEARS} years later than from")
    return Range(first, until)


def read_boundary(zone: str | None, day_boundary: str | None, default: DayBoundary) -> DayBoundary:
    """The day boundary: as given, or midnight in a zone, or the default. Raises TradeProblem."""
    if zone and day_boundary:
        raise refused("zone", "goes with no day_boundary, which names a zone itself")
    in_zone = checked("zone", zone, zone_of)
    if in_zone is not None:
        return DayBoundary(in_zone, MIDNIGHT_UTC.at)
    return checked("day_boundary", day_boundary, DayBoundary.parse) or default


def _read(name: str, given: str | None, boundary: DayBoundary) -> int | None:
    if given and _DAY.fullmatch(given):
        time_ns = _beginning(name, given, boundary)
    else:
        read = read_time(name, given)
        if read is None:
            return None
        time_ns = read
    if not EARLIEST_NS <= time_ns <= LATEST_NS:
        raise refused(name, "is not between the years 1678 and 2262")
    return time_ns


def _beginning(name: str, day: str, boundary: DayBoundary) -> int:
    try:
        return boundary.start_ns(date.fromisoformat(day))
    except (ValueError, OverflowError) as error:
        raise refused(name, f"is not a date and time: {error}") from None
