"""Which formats of a workbook show a number as a date, and the dates as ISO text."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

Shows = Literal["number", "date", "time", "moment"]

_BUILT_IN: dict[int, Shows] = {
    **dict.fromkeys((14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "date"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 34, 35, 55, 56), "time"),
    22: "moment",
}
"""Number formats that every workbook has (ECMA-376 part 1, 18.8.30)."""

_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h+\]|m+\]|s+\])[^\]]*\]', re.IGNORECASE)
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)


def shown_as(number_format: int, code: str | None) -> Shows:
    """What a format makes of a number. `code` is the format's own, if the workbook has one for it."""
    if code is None:
        return _BUILT_IN.get(number_format, "number")
    first = _LITERAL.sub("", code.split(";")[0]).casefold()
    if _ELAPSED.search(first) or "general" in first or re.search(r"[0#?]", re.sub(r"\.0+", "", first)):
        return "number"
    has_date = bool(re.search(r"[yd]", first)) or bool(re.search(r"mmm", first))
    has_time = bool(re.search(r"[hs]", first))
    if has_date:
        return "moment" if has_time else "date"
    return "time" if has_time else "number"


def serial_as_text(number: str, shows: Shows, *, since_1904: bool) -> str:
    """A serial number of days as ISO text, to the millisecond as spreadsheets keep it; itself if it is no date.

    A moment at midnight keeps its clock; days before March 1900, which spreadsheets miscount, stay numbers.
    """
    days = Decimal(number)
    if shows == "time" and 0 <= days < 1:
        return _clock(datetime(2000, 1, 1) + days_as_time(days))  # noqa: DTZ001 - a time of no zone
    if not 61 <= days < 2_958_466:
        return number
    start = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30)  # noqa: DTZ001
    moment = start + days_as_time(days)
    if shows == "date" and days == int(days):
        return moment.date().isoformat()
    return f"{moment.date().isoformat()} {_clock(moment)}"


def days_as_time(days: Decimal) -> timedelta:
    """Days as a span, to the nearest millisecond."""
    return timedelta(milliseconds=int((days * 86_400_000).to_integral_value()))


def _clock(moment: datetime) -> str:
    return moment.time().isoformat("milliseconds" if moment.microsecond else "seconds")
