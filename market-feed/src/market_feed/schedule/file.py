"""Reads the schedule, `config/ingestion_schedule.yml`."""

import re
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from market_feed.schedule.calendar import Window

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
END_OF_DAY = "24:00"


class ScheduleError(Exception):
    """The schedule can't be used. The message names the file and the place in it."""


class _Times(msgspec.Struct, forbid_unknown_fields=True):
    start_time: str
    end_time: str


class _Window(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    times: list[_Times]
    location: str = "UTC"
    weekdays: tuple[str, ...] = ("monday:sunday",)
    except_dates: list[date] = []
    symbols: list[str] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    windows: list[_Window] = []


def read_schedule(file: Path) -> tuple[Window, ...]:
    """The windows; none means always. Raises ScheduleError."""
    from ruamel.yaml import YAML  # noqa: PLC0415 -- slow to import, and only needed here
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 -- the same

    try:
        loaded = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScheduleError(f"{file} is missing: make it, or name another file in FEED_SCHEDULE_FILE") from None
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ScheduleError(f"{file}: {error}") from error
    try:
        return read_windows(loaded)
    except ValueError as error:
        raise ScheduleError(f"{file}: {error}") from error


def read_windows(loaded: object) -> tuple[Window, ...]:
    """The windows of a loaded file. Raises ValueError, which names the place."""
    try:
        schedule = msgspec.convert(loaded, _File)
    except msgspec.ValidationError as error:
        hint = " (write times as text, '17:00', in quotes)" if "`str`, got `int`" in str(error) else ""
        raise ValueError(f"{error}{hint}") from None
    if schedule.version != 1:
        raise ValueError(f"$.version: this program reads version 1, not {schedule.version}")
    names = [window.name for window in schedule.windows]
    if len(set(names)) < len(names):
        raise ValueError("$.windows: two windows have the same name")
    return tuple(_window(window, f"$.windows[{index}]") for index, window in enumerate(schedule.windows))


def _window(window: _Window, place: str) -> Window:
    if not window.name or not window.times:
        raise ValueError(f"{place}: a window needs a name and times")
    times = [
        (
            _minutes(pair.start_time, f"{place}.times[{index}].start_time"),
            _minutes(pair.end_time, f"{place}.times[{index}].end_time", END_OF_DAY),
        )
        for index, pair in enumerate(window.times)
    ]
    return Window(
        window.name,
        _zone(window.location, f"{place}.location"),
        frozenset(
            day for index, text in enumerate(window.weekdays) for day in _days(text, f"{place}.weekdays[{index}]")
        ),
        tuple(times),
        frozenset(window.except_dates),
        frozenset(symbol.upper() for symbol in window.symbols),
    )


def _minutes(text: str, place: str, last: str = "") -> int:
    if text == last:
        return 24 * 60
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{place}: {text!r} is no time; write HH:MM in quotes, '08:00'")
    return int(found[1]) * 60 + int(found[2])


def _zone(name: str, place: str) -> ZoneInfo:
    """A zone by its IANA name. The machine's own zone is refused: the schedule would depend on where it runs."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{place}: {name!r} is no time zone; write an IANA name such as Europe/Berlin") from None


def _days(text: str, place: str) -> set[int]:
    """`monday`, or `monday:friday`, which may go over the end of the week."""
    first, colon, last = text.lower().partition(":")
    if first not in DAYS or (colon and last not in DAYS):
        raise ValueError(f"{place}: {text!r} is no weekday; write monday, or monday:friday")
    start = DAYS.index(first)
    length = (DAYS.index(last) - start) % 7 if colon else 0
    return {(start + offset) % 7 for offset in range(length + 1)}
