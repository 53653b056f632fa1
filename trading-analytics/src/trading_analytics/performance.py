"""P&L, drawdown and round trips for the metrics: asked of the history at intervals, in a thread."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from trading_history.errors import HistoryError, StoreMissing
from trading_history.queries.equity import Drawdown, drawdown
from trading_history.queries.extent import extent
from trading_history.queries.pnl import by_period
from trading_history.queries.scope import EVERYTHING, Scope
from trading_history.queries.trip_counts import trip_counts
from trading_history.reader import HistoryReader, Snapshot
from trading_model.days import Calendar, DayBoundary
from trading_model.decimals import exactly

log = structlog.get_logger(__name__)

DAY_SECONDS = 86_400
DAYS = 31
"""Days whose P&L is shown by date."""

REFRESH_SECONDS = 2.0
SHARE = 20
"""Pause after a refresh, as a multiple of its duration: refreshing takes a twentieth of a core at most."""

MAX_GROUPS = 200
"""Accounts and strategies with figures of their own: the first by name."""

Kind = Literal["total", "account", "strategy"]


class Group(msgspec.Struct, frozen=True):
    """Whose figures, in which currency: all positions, those of an account, or those of a strategy."""

    kind: Kind
    name: str
    currency: str


class GroupFigures(msgspec.Struct, frozen=True):
    """The figures of a group. `trips` counts closed round trips by result: win, loss, break_even."""

    net: Decimal
    today: Decimal
    drawdown: Decimal
    max_drawdown: Decimal
    trips: dict[str, int]


class Figures(msgspec.Struct, frozen=True):
    """All figures, after the event with sequence `applied`.

    `days` has the P&L of all positions by date and currency. `omitted` groups have no figures of their own.
    """

    applied: int
    groups: dict[Group, GroupFigures]
    days: dict[tuple[str, str], Decimal]
    omitted: int
    seconds: float


class Board:
    """Keeps the figures up to date in the task `run`. All others in the event loop read `figures`."""

    def __init__(self, folder: Path, boundary: DayBoundary, clock_ns: Callable[[], int] = time.time_ns) -> None:
        """`boundary` says when days begin; `clock_ns` gives Unix time in nanoseconds."""
        self.figures: Figures | None = None
        """None before the history has any."""

        self._folder = folder
        self._boundary = boundary
        self._clock_ns = clock_ns
        self._problem = ""

    async def run(self) -> None:
        """Refresh until cancelled. While the history can't be read, or is being restated, the figures stay."""
        while True:
            began = time.monotonic()
            try:
                found = await asyncio.to_thread(read_figures, self._folder, self._boundary, self._clock_ns())
                self.figures = found or self.figures
                self._problem = ""
            except StoreMissing:
                pass  # the keeper makes it, and says what keeps it from that
            except HistoryError as error:
                if str(error) != self._problem:
                    log.warning("figures of performance can't be read", reason=str(error))
                self._problem = str(error)
            await asyncio.sleep(max(REFRESH_SECONDS, SHARE * (time.monotonic() - began)))


def read_figures(folder: Path, boundary: DayBoundary, now_ns: int) -> Figures | None:
    """The figures at a time; None while they are being restated. Raises HistoryError."""
    began = time.monotonic()
    reader = HistoryReader(folder)
    try:
        with reader.snapshot() as snapshot:
            if not snapshot.figures_are_settled:
                return None
            figures = _read(snapshot, boundary, now_ns)
    finally:
        reader.close()
    return msgspec.structs.replace(figures, seconds=time.monotonic() - began)


@exactly
def _read(snapshot: Snapshot, boundary: DayBoundary, now_ns: int) -> Figures:
    whole = extent(snapshot)
    applied = snapshot.position.sequence
    if whole is None:
        return Figures(applied, {}, {}, 0, 0.0)
    end_ns = max(now_ns, whole.last_ns) + 1
    trips = _trips(snapshot)
    names: list[tuple[Kind, str, Scope]] = [
        ("total", "", EVERYTHING),
        *(("account", name, Scope(accounts=(name,))) for name in _names(snapshot, "account")),
        *(("strategy", name, Scope(strategies=(name,))) for name in _names(snapshot, "strategy")),
    ]
    groups = {}
    for kind, name, scope in names[: 1 + MAX_GROUPS]:
        today = _today(snapshot, scope, boundary, now_ns)
        for one in drawdown(snapshot, scope, min(whole.first_ns, now_ns), end_ns, DAY_SECONDS):
            if one.currency:  # amounts of unknown currencies are in no sum
                group = Group(kind, name, one.currency)
                groups[group] = _figures(one, today.get(one.currency, Decimal(0)), trips.get(group, Counter()))
    return Figures(applied, groups, _days(snapshot, boundary, now_ns), max(len(names) - 1 - MAX_GROUPS, 0), 0.0)


def _names(snapshot: Snapshot, kind: Kind) -> list[str]:
    rows = snapshot.connection.execute(f"SELECT DISTINCT {kind} FROM series WHERE kind = ? ORDER BY 1", (kind,))
    return [name for (name,) in rows]


def _figures(fall: Drawdown, today: Decimal, trips: Counter[str]) -> GroupFigures:
    counts = {result: trips[result] for result in ("win", "loss", "break_even")}
    return GroupFigures(fall.current_peak - fall.current, today, fall.current, fall.max, counts)


def _trips(snapshot: Snapshot) -> dict[Group, Counter[str]]:
    found: dict[Group, Counter[str]] = {}
    for counts in trip_counts(snapshot):
        named: tuple[tuple[Kind, str], ...] = (
            ("total", ""), ("account", counts.account), ("strategy", counts.strategy),
        )  # fmt: skip
        for kind, name in named:
            of_group = found.setdefault(Group(kind, name, counts.currency), Counter())
            of_group += Counter(win=counts.wins, loss=counts.losses, break_even=counts.break_even)
    return found


def _today(snapshot: Snapshot, scope: Scope, boundary: DayBoundary, now_ns: int) -> dict[str, Decimal]:
    calendar = Calendar.of(boundary, "day", now_ns, now_ns + 1)
    return {table.currency: table.rows[-1].marked for table in by_period(snapshot, scope, calendar)}


def _days(snapshot: Snapshot, boundary: DayBoundary, now_ns: int) -> dict[tuple[str, str], Decimal]:
    calendar = Calendar.of(boundary, "day", now_ns - (DAYS - 1) * DAY_SECONDS * 10**9, now_ns + 1)
    return {
        (day.isoformat(), table.currency): row.marked
        for table in by_period(snapshot, EVERYTHING, calendar)
        if table.currency
        for day, row in zip(calendar.names, table.rows, strict=True)
    }
