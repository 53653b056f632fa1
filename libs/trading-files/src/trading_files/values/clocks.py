"""The time of day and the zone behind a date."""

import re
from dataclasses import dataclass

_CLOCK = re.compile(
    r"""[T\s;,_]*-?\s*
    (?:(\d{1,2})[:.h](\d\d)(?:[:.](\d\d))?  (?:[.,:](\d{1,12}))?   # 9:15, 09:15:49, 09:15:49.123
      |(\d\d)(\d\d)(\d\d)?(?:[.](\d{1,12}))?)                       # 0915, 091549
    (?:\s*([AaPp])\.?[Mm]\.?(?![A-Za-z]))?""",
    re.ASCII | re.VERBOSE,
)
_ZONE = re.compile(
    r"""\s*(?:
    \(?(?P<name>Z|z|UTC|utc|GMT|gmt)?\s*(?P<offset>[+\-−](?:\d\d:?\d\d|\d{1,2})(?::?00)?)?\)?  # Z, +01:00, UTC+8, (UTC)
    (?:\s*\([A-Za-z ]{3,50}\))?                                                # (Central European Standard Time)
    |(?P<iana>[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+)+)
    |(?P<short>[A-Z]{2,5}))""",
    re.ASCII | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day, and the zone where the text names one: "UTC", "+01:00", "Europe/Berlin", or an abbreviation."""

    hour: int = 0
    minute: int = 0
    second: int = 0
    nanosecond: int = 0
    zone: str = ""
    abbreviation: str = ""


def find_clock(text: str) -> Clock | None:
    """What stands behind the date: nothing, a time of day, a zone. None if it is something else."""
    match = _CLOCK.match(text)
    if match is None:
        return _with_zone(Clock(), text.lstrip(" ;,"))
    hour, minute = int(match[1] or match[5]), int(match[2] or match[6])
    second = int(match[3] or match[7] or 0)
    decimals = match[4] or match[8] or ""
    half = (match[9] or "").lower()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59 or second > 59 or decimals[9:].strip("0"):
        return None
    clock = Clock(hour, minute, second, int(decimals[:9].ljust(9, "0")) if decimals else 0)
    return _with_zone(clock, text[match.end() :])


def _with_zone(clock: Clock, text: str) -> Clock | None:
    match = _ZONE.fullmatch(text.rstrip())
    if match is None:
        return None
    offset = match["offset"]
    zone = _full_offset(offset) if offset else match["iana"] or ("UTC" if match["name"] else "")
    return Clock(clock.hour, clock.minute, clock.second, clock.nanosecond, zone, match["short"] or "")


def _full_offset(text: str) -> str:
    """`+1`, `+01`, `+0100` as `+01:00`."""
    sign, digits = text[0].replace("−", "-"), text[1:].replace(":", "")
    if len(digits) <= 2:
        digits = digits.rjust(2, "0") + "00"
    return f"{sign}{digits[:2]}:{digits[2:4]}"
