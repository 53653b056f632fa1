"""P&L by weekday and by hour: sums of trading days and of fills, in zones whose hours are not those of UTC."""

import random
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.support.ledger_builder import LedgerBuilder
from tests.support.ledger_oracle import nanoseconds
from tests.trading_history.figures import ask, fold_at_once
from trading_history.queries import bar_columns
from trading_history.queries.pnl import Table, by_hour, by_period, by_weekday
from trading_history.queries.pnl_rows import Rows
from trading_history.queries.scope import EVERYTHING
from trading_history.reader import Snapshot
from trading_model.days import MIDNIGHT_UTC, Calendar, DayBoundary, Period, first_of, zone_of

TIMES = (
    "2014-03-02T04:10:00Z", "2014-03-02T04:40:00Z", "2014-03-06T04:20:00Z",  # Venezuela was 4:30 behind
    "2020-10-03T13:05:00Z", "2020-10-03T13:45:00Z", "2020-10-04T12:50:00Z",  # Lord Howe: 10:30, then 11 hours ahead
    "2026-03-08T18:05:00Z", "2026-03-08T18:20:00Z", "2026-03-08T21:30:00Z", "2026-03-09T18:20:00Z",
    "2026-03-13T18:05:00Z", "2026-03-13T21:30:00Z", "2026-03-15T22:30:00Z",
)  # fmt: skip
MINUTE_NS = 60 * 10**9
START, END = nanoseconds("2014-03-01T00:00:00Z"), nanoseconds("2026-04-01T00:00:00Z")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("history")
    ledger = LedgerBuilder()
    for number, ts in enumerate(TIMES):
        ledger.fill("buy", "1", str(100 + number * number), ts=ts)
    fold_at_once(made, ledger.events)
    return made


def one(tables: list[Table]) -> Table:
    (table,) = tables
    assert table.exact
    return table


@pytest.mark.parametrize(
    "boundary",
    ["Asia/Kathmandu", "America/Caracas", "Australia/Lord_Howe", "17:00 America/New_York", "09:30 Asia/Kolkata", "UTC"],
)
def test_a_weekday_has_the_sum_of_its_trading_days_and_an_hour_its_fills(folder: Path, boundary: str) -> None:
    day_boundary = DayBoundary.parse(boundary)
    zone = day_boundary.zone
    calendar = Calendar.of(day_boundary, "day", START, END)

    def question(snapshot: Snapshot) -> tuple[Table, Table, Table]:
        return (
            one(by_period(snapshot, EVERYTHING, calendar)),
            one(by_weekday(snapshot, EVERYTHING, day_boundary, START, END)),
            one(by_hour(snapshot, EVERYTHING, zone, START, END)),
        )

    days, weekdays, hours = ask(folder, question)
    assert [(row.fills, row.marked) for row in weekdays.rows] == [
        (
            sum(row.fills for row, name in zip(days.rows, calendar.names, strict=True) if name.weekday() == weekday),
            sum(row.marked for row, name in zip(days.rows, calendar.names, strict=True) if name.weekday() == weekday),
        )
        for weekday in range(7)
    ]
    fills = [datetime.fromisoformat(ts).astimezone(zone).hour for ts in TIMES]
    assert [row.fills for row in hours.rows] == [fills.count(hour) for hour in range(24)]


@pytest.mark.parametrize(("zone", "within"), [("UTC", []), ("Asia/Kolkata", [1_800]), ("Asia/Kathmandu", [900])])
def test_of_hours_that_begin_later_than_those_of_utc_the_minutes_before_are_read(zone: str, within: list[int]) -> None:
    readings = Rows.of_hours(zone_of(zone), START, END).readings(START + 7 * MINUTE_NS, END)
    assert [one.within for one in readings if one.taken_from is not None] == within
    assert sum(until - first for one in readings for first, until, span in one.parts if span == 60) < (
        60 * MINUTE_NS if not within else END - START
    )


def test_fees_that_no_rate_values_are_in_the_hours_of_their_fills(tmp_path: Path) -> None:
    ledger = LedgerBuilder()
    for ts, fee in (("09:10", "1"), ("09:40", "2"), ("11:20", "4"), ("12:50", "8")):
        ledger.fill("buy", "1", "100", ts=f"2026-03-08T{ts}:00Z", fee=fee, fee_currency="BNB")
    fold_at_once(tmp_path, ledger.events)
    hours = one(ask(tmp_path, lambda snapshot: by_hour(snapshot, EVERYTHING, zone_of("Asia/Kolkata"), START, END)))
    found = {hour: dict(row.fees_outside) for hour, row in enumerate(hours.rows) if row.fees_outside}
    assert found == {14: {"BNB": 1}, 15: {"BNB": 2}, 16: {"BNB": 4}, 18: {"BNB": 8}}


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "America/Caracas", "Africa/Casablanca", "UTC"])
def test_the_hour_of_each_time_is_that_of_its_clock(zone: str) -> None:
    chance, clock = random.Random(zone), zone_of(zone)
    times = np.array([chance.randrange(START, END) for _ in range(5_000)])
    clocks = (datetime.fromtimestamp(time_ns // 10**9, clock) for time_ns in times.tolist())
    assert Rows.of_hours(clock, START, END).of(times).tolist() == [one.hour for one in clocks]


def test_minutes_are_read_in_hours_that_a_day_begins_in_alone() -> None:
    days = Calendar.of(DayBoundary.parse("Asia/Kolkata"), "day", START, END)
    first, *_, last = days.starts
    rows = Rows.of_periods(days.starts, range(len(days.names)), len(days.names), (first, last))
    half_ns = 30 * MINUTE_NS
    (reading,) = rows.readings(first, last)
    assert [(since, until) for since, until, span in reading.parts if span == 60] == [
        (max(start - half_ns, first), min(start + half_ns, last)) for start in days.starts
    ]


@pytest.mark.parametrize("boundary", ["UTC", "Asia/Kathmandu"])
def test_the_sums_of_batches_are_those_of_all_at_once(
    folder: Path, boundary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, end = nanoseconds("2026-03-08T00:00:00Z"), nanoseconds("2026-03-16T00:00:00Z")
    calendar = Calendar.of(DayBoundary.parse(boundary), "day", start, end)
    days = ask(folder, partial(by_period, scope=EVERYTHING, calendar=calendar))
    monkeypatch.setattr(bar_columns, "BATCH", 3)
    assert ask(folder, partial(by_period, scope=EVERYTHING, calendar=calendar)) == days


@pytest.mark.parametrize("boundary", ["UTC", "Asia/Kathmandu", "17:00 America/New_York"])
@pytest.mark.parametrize("period", ["day", "month"])
def test_a_range_cuts_its_first_and_its_last_period(folder: Path, boundary: str, period: Period) -> None:
    chance, day_boundary = random.Random(5), DayBoundary.parse(boundary)
    times = [nanoseconds(ts) for ts in TIMES]
    for _ in range(20):
        first, last = sorted(chance.sample(times, 2))
        start, end = first - chance.choice([0, 1, 400]) * MINUTE_NS, last + chance.choice([0, 1, 400]) * MINUTE_NS
        calendar = Calendar.of(day_boundary, period, start, end).within(start, end)
        periods = one(ask(folder, partial(by_period, scope=EVERYTHING, calendar=calendar)))
        hours = one(ask(folder, lambda snapshot: by_hour(snapshot, EVERYTHING, day_boundary.zone, start, end)))  # noqa: B023 -- called at once
        assert sum(row.fills for row in periods.rows) == sum(start <= ts < end for ts in times)
        assert sum(row.marked for row in periods.rows) == sum(row.marked for row in hours.rows)
        for row, name in zip(periods.rows, calendar.names, strict=True):
            of_period = (first_of(period, day_boundary.day_of(ts)) for ts in times if start <= ts < end)
            assert row.fills == sum(day == name for day in of_period)


def test_of_the_minute_that_a_range_begins_in_the_whole_is_in_the_first_period(folder: Path) -> None:
    start, end = nanoseconds("2026-03-08T18:05:30Z"), nanoseconds("2026-03-13T00:00:00Z")
    calendar = Calendar.of(MIDNIGHT_UTC, "day", start, end).within(start, end)
    (table,) = ask(folder, partial(by_period, scope=EVERYTHING, calendar=calendar))
    assert ([row.fills for row in table.rows], table.exact) == ([3, 1, 0, 0, 0], False)
