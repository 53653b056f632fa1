"""Reads the times of a column: quickly where they are written as most are, else by `values.times`."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import cast

from trading_files.errors import UnreadableValue
from trading_files.mapping.around import Asked, RowError, shown
from trading_files.mapping.asking import ambiguous_question
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.dates import Order
from trading_files.values.times import read_serial, read_time

ASSUMED_ZONE = "zone_assumed"
DOUBLE_HOUR = "hour_comes_twice"
SERIAL = "serial"

MAX_KNOWN = 10_000
"""Days, and minutes, that are kept: the fills of one share it."""

_ZONE = re.compile(r"\b(?:UTC|GMT) ?(?:([+-])(\d{1,2})(?::?(\d\d))?)?\b", re.ASCII)

_MINUTE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_PLAIN = r"[0-5]\d(?:\.(?:[1-9]\d\d|\d[1-9]\d|\d\d[1-9]))?"
_SECONDS = re.compile(_PLAIN, re.ASCII)
"""Seconds whose text is the same in the ledger: three decimals are not all 0."""

_CLOCK = re.compile(rf"[ T](?:[01]\d|2[0-3]):[0-5]\d:{_PLAIN}Z?", re.ASCII)

Notes = list[tuple[str, str]]


def zone_in_header(name: str) -> str:
    """The zone that a column's name says: "Time(UTC+8)"; empty if it says none."""
    found = _ZONE.search(name)
    if found is None:
        return ""
    sign, hours, minutes = found.groups()
    return "UTC" if sign is None else f"{sign}{int(hours):02d}:{minutes or '00'}"


def plain_zone(text: str) -> str:
    """A zone as `values.zones` knows it: +08:00 for UTC+8."""
    return zone_in_header(text) or text


def time_reader(label: str, order: str, zone: str, assumed: str, form: str, notes: Notes) -> Callable[[str], str]:
    """The function that reads a column's times as RFC 3339 in UTC.

    `zone` is of times that name none; without one `assumed` is taken and said; without either it is asked. `form` is a
    pattern of `strptime`, "serial" for the numbers of a spreadsheet, or empty. An hour that comes twice is taken as the
    first of the two, and said.
    """

    def read_slowly(text: str) -> str:
        found = _read(text, zone)
        if isinstance(found, Ambiguous) and found.choice == "zone" and assumed:
            notes.append((ASSUMED_ZONE, f"{label} names no time zone; {assumed} is assumed, --timezone says another"))
            found = _read(text, assumed)
        if isinstance(found, Ambiguous) and found.choice == "hour":
            notes.append((DOUBLE_HOUR, f"{label} has {shown(text)}, which came twice that day; the first is taken"))
            return found.readings[0]
        if isinstance(found, Ambiguous):
            raise Asked(ambiguous_question(label, found))
        return found

    def _read(text: str, in_zone: str) -> str | Ambiguous:
        try:
            if form == SERIAL:
                return read_serial(text, in_zone)
            return read_time(_by_form(text, form) if form else text, cast("Order", order), in_zone)
        except UnreadableValue as error:
            raise RowError(label, str(error)) from None

    return read_slowly if form else _quick(read_slowly, zone, notes)


def _by_form(text: str, form: str) -> str:
    try:
        return datetime.strptime(text.strip(), form).isoformat(" ")  # noqa: DTZ007 -- the zone comes after
    except ValueError:
        raise UnreadableValue(f"{text[:80]!r} is not a time of the form {form}") from None


def _quick(read_slowly: Callable[[str], str], zone: str, notes: Notes) -> Callable[[str], str]:
    """Reads `2021-05-09 22:47:36`, with three decimals or none, with Z or none, by what is kept of times before it.

    In UTC that is the day, else the minute: an offset may change at any of them.
    """
    minutes: dict[str, str] = {}
    days: set[str] = set()
    is_plain, is_clock = _SECONDS.fullmatch, _CLOCK.fullmatch
    is_in_utc = zone == "UTC"

    def read(text: str) -> str:
        if is_in_utc or text[-1] == "Z":
            if text[:10] in days and is_clock(text, 10) is not None:
                return f"{text[:10]}T{text[11:]}" if text[-1] == "Z" else f"{text[:10]}T{text[11:]}Z"
            found = read_slowly(text)
            if _DAY.fullmatch(text[:10]) is not None and len(days) < MAX_KNOWN:
                days.add(text[:10])
            return found
        minute = minutes.get(text[:17])
        if minute is not None and is_plain(text, 17) is not None:
            return f"{minute}{text[17:]}Z"
        said = len(notes)
        found = read_slowly(text)
        is_kept = zone and len(notes) == said and is_plain(text, 17) is not None
        if is_kept and _MINUTE.fullmatch(text[:17]) is not None and len(minutes) < MAX_KNOWN:
            minutes[text[:17]] = found[:17]
        return found

    return read
