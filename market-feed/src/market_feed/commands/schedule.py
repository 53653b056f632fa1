"""`market-feed schedule`: looks the schedule over, and prints the next openings."""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from market_feed.schedule.calendar import Interval, Window, calendar_of
from market_feed.schedule.file import ScheduleError, read_schedule

FORMAT = "%Y-%m-%d %H:%M:%S"


def check(file: Path, symbols: Sequence[str]) -> int:
    """Print what the schedule says. Gives the exit code: 0, or 1 if it can't be used or never opens for a symbol."""
    windows = _read(file)
    if windows is None:
        return 1
    print(f"{file}: {_count(len(windows))}")
    never = [symbol for symbol in symbols if not _openings(windows, symbol, 1)]
    for symbol in never:
        print(f"  never opens for {symbol}, which FEED_SYMBOLS names")
    return 1 if never else 0


def show_next(file: Path, symbols: Sequence[str], count: int) -> int:
    """Print the next openings of each symbol, in UTC and in this machine's time. Gives the exit code."""
    windows = _read(file)
    if windows is None:
        return 1
    for symbol in symbols or ("every symbol",):
        openings = _openings(windows, symbol, count)
        print(symbol if openings else f"{symbol}: never")
        for one in openings:
            print(f"  {_line(one)}")
    return 0


def _read(file: Path) -> tuple[Window, ...] | None:
    try:
        return read_schedule(file)
    except ScheduleError as error:
        print(f"market-feed: {error}", file=sys.stderr)
        return None


def _openings(windows: Sequence[Window], symbol: str, count: int) -> list[Interval]:
    calendar = calendar_of(windows, symbol)
    if calendar is None:
        return []
    found = calendar.intervals(time.time_ns() // 1_000)
    return [one for one, _ in zip(found, range(count), strict=False)]


def _count(windows: int) -> str:
    return f"{windows} window{'s' if windows > 1 else ''}" if windows else "no windows: always open"


def _line(one: Interval) -> str:
    if one.name == "always":
        return "always open"
    start, end = (datetime.fromtimestamp(time_us / 1_000_000, UTC) for time_us in (one.start_us, one.end_us))
    local = start.astimezone()
    return f"{start:{FORMAT}} to {end:{FORMAT}} UTC ({local:{FORMAT} %Z} here)  {one.name}"
