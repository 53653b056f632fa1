"""A time in any writing as RFC 3339 in UTC, with all decimals of its second.

Numbers are dates where they can be dates ("20240506", "202405060930", "20240506093000"), else Unix time in s, ms, µs or
ns within the years 2000 to 2100, which shows the unit. Serial numbers of spreadsheets are read only by `read_serial`.
"""

import re
from datetime import date, datetime
from decimal import Decimal

from trading_files.errors import UnreadableValue
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.clocks import Clock, find_clock
from trading_files.values.dates import Order, date_first, find_date
from trading_files.values.marks import unmark
from trading_files.values.numbers import has_exponent
from trading_files.values.zones import minutes
from trading_model.field_rules import format_timestamp

NANOSECONDS = 1_000_000_000

_FIRST_SECOND = 946_684_800  # 2000-01-01
_END_SECOND = 4_102_444_800  # 2100-01-01
_DIGITS = re.compile(r"(\d{8,20})(?:\.(\d{1,9})0*)?", re.ASCII)
_RUN_OF_DIGITS = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S", 17: "%Y%m%d%H%M%S%f"}
_SERIAL = re.compile(r"\d{1,6}(?:\.\d+)?", re.ASCII)
_SERIAL_EPOCH = datetime(1899, 12, 30).toordinal()  # noqa: DTZ001 - a calendar day, of no zone


def read_time(text: str, order: Order = "", zone: str = "") -> str | Ambiguous:
    """RFC 3339 in UTC of a time; a date alone is its first moment.

    Args:
        text: the cell, such as "2026.01.01 10:00:00", "4/6/26 09:15:49", "1554391994478", "2026-01-05T10:23:00+01:00".
        order: of the parts of a date of which each may be the day; "" if unknown.
        zone: of times that name none; "" if unknown.

    Returns:
        the time; Ambiguous if its date order or zone must be known ("date order", "zone"), if a local hour comes twice
        ("hour"), or if a number may be a date or Unix time ("digits").

    Raises:
        UnreadableValue: the text is not a time, or one that never was, as the clocks were put forward.
    """
    body = unmark(text.strip())
    if match := _DIGITS.fullmatch(body):
        return _from_digits(match, zone)
    body = date_first(body)
    if len(body) > 100 or (found := find_date(body)) is None:
        raise _unreadable(text)
    clock = find_clock(body[found.end :])
    if clock is None:
        raise _unreadable(text)
    days = found.readings
    if "" not in days and order:
        if order not in days:
            raise UnreadableValue(f"{text[:80]!r} is not a date in the order {order}")
        return _instant(text, days[order], clock, zone)
    if len(days) > 1:
        return Ambiguous("date order", text, tuple(f"{one}: {day}" for one, day in days.items()))
    return _instant(text, next(iter(days.values())), clock, zone)


def read_serial(text: str, zone: str) -> str | Ambiguous:
    """The time of a spreadsheet's serial number: days since 1899-12-30. Rounded to the millisecond, as it is stored.

    Raises UnreadableValue as `read_time` does.
    """
    if not _SERIAL.fullmatch(text) or not 1 <= (days := Decimal(text)) < 100_000:
        raise UnreadableValue(f"{text[:80]!r} is not a serial number of a spreadsheet's date")
    milliseconds = int((days * 86_400_000).to_integral_value())
    day, rest = divmod(milliseconds, 86_400_000)
    hour, rest = divmod(rest, 3_600_000)
    minute, rest = divmod(rest, 60_000)
    second, rest = divmod(rest, 1_000)
    return _instant(text, date.fromordinal(_SERIAL_EPOCH + day), Clock(hour, minute, second, rest * 1_000_000), zone)


def _instant(text: str, day: date, clock: Clock, zone: str) -> str | Ambiguous:
    zone = clock.zone or zone
    if not zone:
        return Ambiguous("zone", text)
    seconds = minutes(day, clock.hour, clock.minute, zone, clock.abbreviation)
    if not seconds:
        if clock.abbreviation and minutes(day, clock.hour, clock.minute, zone, ""):
            raise UnreadableValue(f"{text[:80]!r}: {clock.abbreviation} is not what {zone} has at that time")
        raise UnreadableValue(f"{text[:80]!r} never was in {zone}: the clocks were put forward over it")
    instants = [format_timestamp((one + clock.second) * NANOSECONDS + clock.nanosecond) for one in seconds]
    return instants[0] if len(instants) == 1 else Ambiguous("hour", text, tuple(instants))


def _from_digits(match: re.Match[str], zone: str) -> str | Ambiguous:
    digits, decimals = match[1], match[2] or ""
    as_date = None if decimals else _date_of_digits(digits, zone)
    as_unix = _unix_time(digits, decimals)
    if as_date and as_unix:
        return Ambiguous("digits", digits, (as_date if isinstance(as_date, str) else digits, as_unix))
    found = as_date or as_unix
    if found is None:
        raise _unreadable(match[0])
    return found


def _date_of_digits(digits: str, zone: str) -> str | Ambiguous | None:
    pattern = _RUN_OF_DIGITS.get(len(digits))
    if pattern is None or not "1973" <= digits[:4] < "2100":
        return None
    try:
        found = datetime.strptime(digits, pattern)  # noqa: DTZ007 - the zone is applied below
    except ValueError:
        return None
    clock = Clock(found.hour, found.minute, found.second, found.microsecond * 1_000)
    return _instant(digits, found.date(), clock, zone)


def _unix_time(digits: str, decimals: str) -> str | None:
    if len(digits) == 12:  # milliseconds before September 2001: a broken date far more likely
        return None
    for per_second in (1, 1_000, 1_000_000, NANOSECONDS):
        if _FIRST_SECOND * per_second <= int(digits) < _END_SECOND * per_second:
            nanoseconds = Decimal(f"{digits}.{decimals or 0}") * (NANOSECONDS // per_second)
            return format_timestamp(int(nanoseconds)) if nanoseconds == int(nanoseconds) else None
    return None


def _unreadable(text: str) -> UnreadableValue:
    if has_exponent(text):
        return UnreadableValue(
            f"{text[:80]!r} is a time that a spreadsheet shortened; export the file again, without it"
        )
    if _SERIAL.fullmatch(text) and 20_000 <= Decimal(text) < 100_000:  # from 1954 on
        return UnreadableValue(
            f"{text[:80]!r} is not a time, but perhaps a spreadsheet's number of a day: give the column a date format"
            " and export the file again"
        )
    return UnreadableValue(f"{text[:80]!r} is not a time")
