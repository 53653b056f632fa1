"""Local times as instants. An hour that comes twice, or never, when the clocks change is reported, not guessed.

Zones are IANA names, read from the machine's time zone data or the package tzdata, "UTC", or an offset: "+02:00".
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from trading_files.errors import UnreadableValue

_EPOCH = date(1970, 1, 1).toordinal()
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)


@lru_cache(maxsize=64)
def find_zone(name: str) -> tzinfo:
    """The zone of a name. Raises UnreadableValue if there is none."""
    if match := _OFFSET.fullmatch(name):
        hours, minutes = int(match[2]), int(match[3])
        if hours <= 14 and minutes <= 59:
            offset = timedelta(hours=hours, minutes=minutes)
            return timezone(-offset if match[1] == "-" else offset)
    if name.upper() in ("UTC", "GMT", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise UnreadableValue(
            f"{name[:60]!r} is not a time zone; write its IANA name, such as Europe/Berlin, or an offset such as +01:00"
        ) from None


@lru_cache(maxsize=16_384)
def minutes(day: date, hour: int, minute: int, zone: str, abbreviation: str) -> tuple[int, ...]:
    """Unix seconds of a local minute: two where it comes twice, none where it never comes.

    An abbreviation, such as EST, is taken only if it is what the zone has at that time; then it decides between two.
    Cached: the trades of one minute share it.
    """
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=find_zone(zone))
    found = []
    for one in (local, local.replace(fold=1)):
        offset = one.utcoffset() or timedelta(0)
        seconds = (day.toordinal() - _EPOCH) * 86_400 + hour * 3_600 + minute * 60 - round(offset.total_seconds())
        known = one.astimezone(UTC).astimezone(one.tzinfo).replace(tzinfo=None, fold=0) == local.replace(tzinfo=None)
        if known and seconds not in found and abbreviation in ("", one.tzname()):
            found.append(seconds)
    return tuple(found)
