"""The date at the start of a text.

"10/03/2026" is a day in March or in October: `Order` says which part is what. It comes from the source, from the user,
or from `DateOrders`, which looks at the other dates of the column.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from trading_files.values.months import MONTHS

Order = Literal["", "dmy", "mdy", "ymd"]

_ORDERS: tuple[Order, ...] = ("dmy", "mdy", "ymd")
_WEEKDAY = re.compile(r"[^\W\d_]{2,10}\.?,?\s+(?=\d|[^\W\d_])")
_YEAR_FIRST = re.compile(r"(\d{4})([-./])(\d{1,2})\2(\d{1,2})(?!\d)", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?!\d)", re.ASCII)
_PARTS = re.compile(r"(\d{1,2})([-./ ])(\d{1,2})\2\s?(\d{4}|\d\d)(?!\d)", re.ASCII)
_DAY_NAME = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|\.)?[ \-/]?\s?(?:de |of )?([^\W\d_]{3,12})\.?,?(?: de )?[ \-/]?\s?(\d{4}|\d\d)(?!\d)"
)
_NAME_DAY = re.compile(r"([^\W\d_]{3,12})\.?[ \-/]\s?(\d{1,2})(?:st|nd|rd|th)?,?[ \-/]\s?(\d{4}|\d\d(?![\d:]))(?!\d)")
_YEAR_NAME = re.compile(r"(\d{4})[ \-/]([^\W\d_]{3,12})\.?[ \-/](\d{1,2})(?!\d)")
_CLOCK_FIRST = re.compile(r"(\d{1,2}:\d\d(?::\d\d(?:\.\d{1,9})?)?),?\s+(\d[^:]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class DatePart:
    """What a text may say as a date, by order of its parts, and where the date ends. One entry, "": no order needed."""

    readings: dict[Order, date]
    end: int


def date_first(text: str) -> str:
    """The date before the clock, of a time that has them the other way round: "14:35 2024-11-16"."""
    match = _CLOCK_FIRST.fullmatch(text)
    return text if match is None else f"{match[2]} {match[1]}"


def find_date(text: str) -> DatePart | None:
    """The date at the start of a text; None if there is none."""
    start = 0
    if (weekday := _WEEKDAY.match(text)) and weekday[0].rstrip(" .,").casefold() not in MONTHS:
        start = weekday.end()
    for pattern in (_YEAR_FIRST, _COMPACT):
        if match := pattern.match(text, start):
            year, month, day = (int(part) for part in match.groups() if part.isdigit())
            return _only(year, month, day, match.end())
    if match := _PARTS.match(text, start):
        return _parted(match)
    if match := _DAY_NAME.match(text, start):
        return _named(match[3], match[2], match[1], match.end())
    if match := _NAME_DAY.match(text, start):
        return _named(match[3], match[1], match[2], match.end())
    if match := _YEAR_NAME.match(text, start):
        return _named(match[1], match[2], match[3], match.end())
    return None


def _only(year: int, month: int, day: int, end: int) -> DatePart | None:
    found = _date(year, month, day)
    return DatePart({"": found}, end) if found else None


def _named(year: str, month: str, day: str, end: int) -> DatePart | None:
    number = MONTHS.get(month.casefold())
    return _only(_year(year), number, int(day), end) if number else None


def _parted(match: re.Match[str]) -> DatePart | None:
    first, sign, second, third = match.groups()
    if sign == "." and len(third) == 4:
        return _only(int(third), int(second), int(first), match.end())  # with points, the day is first in every country
    readings: dict[Order, date] = dict(_in_orders(first, second, third))
    if not readings:
        return None
    if len(set(readings.values())) == 1 and len(readings) == len(_possible_orders(first, third)):
        return DatePart({"": next(iter(readings.values()))}, match.end())
    return DatePart(readings, match.end())


def _possible_orders(first: str, third: str) -> tuple[Order, ...]:
    year_may_be_first = len(third) == 2 and len(first) == 2
    return _ORDERS if year_may_be_first else _ORDERS[:2]


def _in_orders(first: str, second: str, third: str) -> Iterator[tuple[Order, date]]:
    for order in _possible_orders(first, third):
        parts = dict(zip(order, (first, second, third), strict=True))
        if found := _date(_year(parts["y"]), int(parts["m"]), int(parts["d"])):
            yield order, found


def _year(text: str) -> int:
    year = int(text)
    if len(text) > 2:
        return year
    return year + (2000 if year < 70 else 1900)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@dataclass(slots=True)
class DateOrders:
    """Which order of day, month and year the dates of a column have: "31/03/2026" leaves one.

    `possible` are the orders in which every date so far is a date; `open` is the first text that needs an order.
    """

    possible: set[Order] = field(default_factory=lambda: set(_ORDERS))
    open: str = ""

    def see(self, text: str) -> None:
        """Count one cell in. A text that needs no order shows nothing."""
        found = find_date(date_first(text.strip()))
        if found and "" not in found.readings:
            self.possible &= found.readings.keys()
            self.open = self.open or text

    @property
    def order(self) -> Order:
        """The order, if the dates leave one; "" if they leave several, or none fits all."""
        return next(iter(self.possible)) if self.open and len(self.possible) == 1 else ""
