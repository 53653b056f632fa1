"""A venue's times as RFC 3339 text, with the digits that it sent. No I/O."""

import re
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache

EARLIEST_US = 1_230_940_800_000_000
"""2009-01-03. No exchange of this kind is older: an earlier time is in another unit."""

LATEST_US = 4_102_444_800_000_000
"""2100-01-01."""

LONGEST_AHEAD_US = 86_400_000_000
"""A day. A time further ahead of the clock is in another unit, or wrong."""

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,9}))?Z")


class Unit(Enum):
    """What a venue's integer times count."""

    SECOND = 1_000_000
    MILLISECOND = 1_000
    MICROSECOND = 1


THREE_DIGITS = [f"{number:03d}" for number in range(1_000)]
"""The numbers below 1,000 as text: to look one up takes a fifth of the time of writing it."""

_SECOND, _MILLISECOND = Unit.SECOND, Unit.MILLISECOND  # Python 3.11 takes a microsecond to look a member up


def plausible_range(unit: Unit, now_us: int) -> tuple[int, int]:
    """The earliest and the latest time that a venue can mean, in its unit."""
    return EARLIEST_US // unit.value, (now_us + LONGEST_AHEAD_US) // unit.value


def is_plausible(time_us: int, now_us: int) -> bool:
    """Whether a venue can have meant this time."""
    return EARLIEST_US <= time_us <= now_us + LONGEST_AHEAD_US


def checked_clock(time_us: int) -> int:
    """A venue's word of the time now, microseconds since 1970. Raises ValueError for what no clock shows."""
    if not EARLIEST_US <= time_us < LATEST_US:
        raise ValueError(f"no clock shows {str(time_us)[:40]} microseconds since 1970")
    return time_us


def as_text(time: int, unit: Unit) -> str:
    """RFC 3339 in UTC of a time ≥ 0: three decimals for milliseconds, six for microseconds, none for seconds."""
    if unit is _MILLISECOND:
        return f"{second_text(time // 1_000)}.{THREE_DIGITS[time % 1_000]}Z"
    if unit is _SECOND:
        return f"{second_text(time)}Z"
    return f"{second_text(time // 1_000_000)}.{time % 1_000_000:06d}Z"


def from_text(ts: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time in UTC; further digits are cut. Raises ValueError."""
    found = _RFC3339.fullmatch(ts)
    if found is None:
        raise ValueError(f"not a time in UTC: {ts[:40]!r}")
    return _seconds(ts[:19]) * 1_000_000 + int((found[1] or "0").ljust(6, "0")[:6])


@lru_cache(maxsize=256)
def second_text(seconds: int) -> str:
    """RFC 3339 of a second in UTC, without the zone."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=256)
def _seconds(ts: str) -> int:
    return int(datetime.fromisoformat(ts).replace(tzinfo=UTC).timestamp())
