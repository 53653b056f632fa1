"""The schedule: zones, midnight, changes of the clocks, and what the file may hold. Rows 29 and 30 of reported failures
in docs/market-data.md.
"""

from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_feed.schedule.calendar import SECOND_US, Calendar, Interval, Window, calendar_of, instant
from market_feed.schedule.file import ScheduleError, read_schedule, read_windows
from market_feed.schedule.session import LEAD_US, TAIL_US, TRADES_AFTER, Session
from tests.support.examples import some_of

ROOT = Path(__file__).resolve().parents[2]
EVERY_DAY = frozenset(range(7))
DAY_US = 86_400 * SECOND_US


def us(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000_000)


def window(start: str, end: str, zone: str = "UTC", days: frozenset[int] = EVERY_DAY, name: str = "w") -> Window:
    first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (start, end))
    return Window(name, ZoneInfo(zone), days, ((first, last),))


def openings(*windows: Window, since: str, count: int = 3) -> list[tuple[str, str]]:
    """The next openings, in UTC."""
    found = Calendar(windows).intervals(us(since))
    return [(text(one.start_us), text(one.end_us)) for one, _ in zip(found, range(count), strict=False)]


def text(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M")


def test_a_window_is_on_its_weekdays_and_not_on_its_exceptions() -> None:
    morning = Window("m", ZoneInfo("UTC"), frozenset(range(5)), ((480, 540),), frozenset({date(2026, 12, 25)}))
    assert openings(morning, since="2026-12-24 08:30", count=3) == [
        ("2026-12-24 08:00", "2026-12-24 09:00"),
        ("2026-12-28 08:00", "2026-12-28 09:00"),
        ("2026-12-29 08:00", "2026-12-29 09:00"),
    ]


def test_row_30_a_window_over_midnight_belongs_to_the_day_it_starts_on() -> None:
    friday_night = window("22:00", "02:00", days=frozenset({4}))
    assert openings(friday_night, since="2026-11-28 01:59", count=2) == [
        ("2026-11-27 22:00", "2026-11-28 02:00"),
        ("2026-12-04 22:00", "2026-12-05 02:00"),
    ]


def test_row_30_there_is_no_hole_at_midnight() -> None:
    whole_days = window("00:00", "24:00")
    [first] = [*Calendar([whole_days]).intervals(us("2026-11-28 12:00"), days=30)]
    assert first.end_us - first.start_us > 30 * DAY_US
    assert Calendar([whole_days]).opening_at(us("2026-11-28 00:00") - 1) is not None


def test_windows_that_overlap_or_touch_are_one_opening() -> None:
    parts = [window("08:00", "09:00", name="a"), window("08:30", "10:00", name="b"), window("10:00", "11:00", name="c")]
    [one, *_] = Calendar(parts).intervals(us("2026-11-28 00:00"))
    assert (text(one.start_us), text(one.end_us), one.name) == ("2026-11-28 08:00", "2026-11-28 11:00", "a+b+c")


@pytest.mark.parametrize(
    ("zone", "start", "end", "since", "expected"),
    [
        # Berlin skips 02:00 to 03:00 on 29 March 2026: 01:00 UTC.
        ("Europe/Berlin", "02:30", "04:00", "2026-03-28 12:00", ("2026-03-29 01:00", "2026-03-29 02:00")),
        ("Europe/Berlin", "01:00", "02:30", "2026-03-28 12:00", ("2026-03-29 00:00", "2026-03-29 01:00")),
        ("Europe/Berlin", "08:00", "09:00", "2026-03-28 12:00", ("2026-03-29 06:00", "2026-03-29 07:00")),
        # It has 02:00 to 03:00 twice on 25 October 2026: the first 02:30 is 00:30 UTC, the second 01:30.
        ("Europe/Berlin", "02:30", "04:00", "2026-10-24 12:00", ("2026-10-25 00:30", "2026-10-25 03:00")),
        ("Europe/Berlin", "01:00", "02:30", "2026-10-24 12:00", ("2026-10-24 23:00", "2026-10-25 01:30")),
        ("Europe/Berlin", "02:15", "02:45", "2026-10-24 12:00", ("2026-10-25 00:15", "2026-10-25 01:45")),
        # Lord Howe moves its clocks by half an hour: 5 April 2026 back at 02:00, 4 October 2026 on at 02:00.
        ("Australia/Lord_Howe", "01:45", "03:00", "2026-04-04 12:00", ("2026-04-04 14:45", "2026-04-04 16:30")),
        ("Australia/Lord_Howe", "02:15", "03:00", "2026-10-03 12:00", ("2026-10-03 15:30", "2026-10-03 16:00")),
        # Kathmandu is 5:45 ahead.
        ("Asia/Kathmandu", "09:00", "10:00", "2026-11-28 00:00", ("2026-11-28 03:15", "2026-11-28 04:15")),
        ("UTC", "00:00", "01:00", "2028-02-28 12:00", ("2028-02-29 00:00", "2028-02-29 01:00")),
        ("America/New_York", "17:00", "17:00", "2026-11-28 12:00", ("2026-11-27 22:00", "2027-01-01 00:00")),
    ],
)
def test_row_29_a_change_of_the_clocks_neither_doubles_nor_skips_a_window(
    zone: str, start: str, end: str, since: str, expected: tuple[str, str]
) -> None:
    [first] = openings(window(start, end, zone), since=since, count=1)
    if start == end:
        assert first[0] <= since, "a window of 24 hours each day has no end"
    else:
        assert first == expected


def test_row_29_a_window_inside_the_skipped_hour_is_none_that_day() -> None:
    assert openings(window("02:10", "02:50", "Europe/Berlin"), since="2026-03-28 12:00", count=1) == [
        ("2026-03-30 00:10", "2026-03-30 00:50")
    ]


@settings(max_examples=some_of(200))
@given(
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/New_York"]),
    st.integers(0, 1_439),
    st.integers(0, 1_440),
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
)
def test_openings_are_ascending_apart_and_what_they_say_they_are(zone: str, start: int, end: int, day: date) -> None:
    calendar = Calendar([Window("w", ZoneInfo(zone), EVERY_DAY, ((start, end),))])
    since = us(f"{day} 12:00")
    found = [*calendar.intervals(since, days=20)]
    for one, following in pairwise(found):
        assert one.start_us < one.end_us < following.start_us
    for one in found[1:-1]:  # those at the ends of what was asked for may be cut
        fresh = Calendar(calendar.windows)
        assert fresh.opening_at(one.start_us - 1) is None
        opened = fresh.opening_at(one.start_us)
        assert opened is not None
        assert (opened.start_us, opened.end_us) == (one.start_us, one.end_us)
        assert fresh.opening_at(one.end_us - 1) == opened
        assert fresh.opening_at(one.end_us) is None


def test_a_symbol_has_the_windows_that_name_it_and_those_that_name_none() -> None:
    own = Window("own", ZoneInfo("UTC"), EVERY_DAY, ((0, 60),), symbols=frozenset({"BTC-USDT"}))
    assert calendar_of([own], "ETH-USDT") is None
    found = calendar_of([own, window("08:00", "09:00")], "BTC-USDT")
    assert found is not None
    assert len(found.windows) == 2
    always = calendar_of([], "ETH-USDT")
    assert always is not None
    assert always.is_always_open


def test_a_local_time_that_exists_once_is_itself() -> None:
    assert instant(date(2026, 7, 1), 480, ZoneInfo("Europe/Berlin"), is_end=False) == us("2026-07-01 06:00")


# --- a session ---

OPENING = Interval(us("2026-11-27 08:00"), us("2026-11-27 09:00"), "w")


def session() -> Session:
    return Session(Calendar([window("08:00", "09:00")]))


def test_it_connects_before_the_start_and_leaves_after_the_end() -> None:
    market = session()
    assert market.changes(OPENING.start_us - LEAD_US - 1) == []
    assert not market.is_followed
    assert market.changes(OPENING.start_us - LEAD_US) == ["begins"]
    assert market.changes(OPENING.start_us - 1) == []
    assert market.changes(OPENING.start_us) == ["opens"]
    market.is_open = True
    assert market.changes(OPENING.end_us) == []
    assert market.changes(OPENING.end_us + TAIL_US) == ["ends"]
    market.end()
    assert market.changes(OPENING.end_us + TAIL_US) == []


def test_trades_of_after_the_end_end_it_sooner() -> None:
    market = session()
    market.changes(OPENING.start_us)
    market.is_open = True
    for time_us in (OPENING.end_us - 1, *[OPENING.end_us] * (TRADES_AFTER - 1)):
        market.note_trade(time_us)
        assert market.changes(OPENING.end_us) == []
    market.note_trade(OPENING.end_us)
    assert market.changes(OPENING.end_us) == ["ends"]
    market.end()
    assert market.changes(OPENING.end_us + 1) == []


def test_a_trade_of_a_wrong_time_does_not_end_it() -> None:
    market = session()
    market.changes(OPENING.start_us)
    market.is_open = True
    for time_us in [OPENING.end_us + DAY_US // 2, OPENING.start_us + 1] * TRADES_AFTER:
        market.note_trade(time_us)
        assert market.changes(OPENING.start_us + 2) == []
    assert market.changes(OPENING.end_us + TAIL_US) == ["ends"]


@pytest.mark.parametrize(
    ("at_us", "expected"),
    [
        (OPENING.start_us - 1, ["begins"]),
        (OPENING.start_us, ["begins", "opens"]),
        (OPENING.start_us + 1, ["begins", "opens"]),
        (OPENING.end_us - 1, ["begins", "opens"]),
        (OPENING.end_us, []),
        (OPENING.end_us + 1, []),
    ],
)
def test_a_start_at_any_boundary_finds_its_place(at_us: int, expected: list[str]) -> None:
    assert session().changes(at_us) == expected


def test_what_belongs_in_is_decided_by_the_venues_time() -> None:
    market = session()
    inside = [market.admits(OPENING.start_us + offset) for offset in (-1, 0, 1)]
    assert inside == [False, True, True]
    assert [market.admits(OPENING.end_us + offset) for offset in (-1, 0)] == [True, False]


def test_a_clock_that_jumps_is_followed() -> None:
    market = session()
    assert market.changes(OPENING.start_us + 1) == ["begins", "opens"]
    market.is_open = True
    assert market.changes(OPENING.end_us + DAY_US // 2) == ["ends"], "the machine slept through the end"
    market.end()
    assert market.changes(OPENING.start_us + DAY_US) == ["begins", "opens"]


# --- the file ---


def test_the_file_that_is_delivered_is_always() -> None:
    assert read_schedule(ROOT / "config/ingestion_schedule.yml") == ()


def test_its_example_is_the_hour_of_the_plan(tmp_path: Path) -> None:
    lines = (ROOT / "config/ingestion_schedule.yml").read_text().splitlines()
    example = [line[2:] for line in lines if line.startswith("#") and not line.startswith("# Each")]
    start = example.index("windows:")
    (tmp_path / "s.yml").write_text("\n".join(["version: 1", *example[start:]]))
    [morning] = read_schedule(tmp_path / "s.yml")
    assert morning == Window(
        "morning", ZoneInfo("UTC"), frozenset(range(5)), ((480, 540),), frozenset({date(2026, 12, 25)}),
        frozenset({"BTC-USDT"}),
    )  # fmt: skip


def one_window(**changes: object) -> dict[str, object]:
    made = {"name": "m", "times": [{"start_time": "08:00", "end_time": "09:00"}], **changes}
    return {"version": 1, "windows": [made]}


def test_weekdays_may_go_over_the_end_of_the_week() -> None:
    [found] = read_windows(one_window(weekdays=["saturday:monday", "wednesday"]))
    assert found.weekdays == {5, 6, 0, 2}


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        (r"start_time.*in quotes", {"times": [{"start_time": 1020, "end_time": "18:00"}]}),
        (r"times\[0\].end_time.*'25:00'", {"times": [{"start_time": "08:00", "end_time": "25:00"}]}),
        (r"times\[0\].start_time.*'24:00'", {"times": [{"start_time": "24:00", "end_time": "09:00"}]}),
        (r"location.*'Local'", {"location": "Local"}),
        (r"location.*Nowhere", {"location": "../Nowhere"}),
        (r"weekdays\[0\]", {"weekdays": ["moonday"]}),
        (r"except_dates", {"except_dates": ["2026-02-30"]}),
        (r"unknown field `months`", {"months": ["may"]}),
        (r"needs a name and times", {"times": []}),
        (r"needs a name and times", {"name": ""}),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(said: str, changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=said):
        read_windows(one_window(**changes))


def test_two_windows_of_one_name_and_another_version_are_refused() -> None:
    both = [*one_window()["windows"], *one_window()["windows"]]  # type: ignore[misc]  # lists
    with pytest.raises(ValueError, match="the same name"):
        read_windows({"version": 1, "windows": both})
    with pytest.raises(ValueError, match="version 1"):
        read_windows({"version": 2})


def test_a_file_that_is_missing_or_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match="is missing"):
        read_schedule(tmp_path / "s.yml")
    (tmp_path / "s.yml").write_text("windows: [")
    with pytest.raises(ScheduleError, match=r"s\.yml"):
        read_schedule(tmp_path / "s.yml")


def test_times_and_dates_may_be_written_without_quotes(tmp_path: Path) -> None:
    """YAML 1.2 has no base-60 numbers."""
    (tmp_path / "s.yml").write_text(
        "version: 1\nwindows: [{name: m, times: [{start_time: 17:00, end_time: 24:00}], except_dates: [2026-12-25]}]"
    )
    [found] = read_schedule(tmp_path / "s.yml")
    assert found.times == ((1_020, 1_440),)
    assert found.except_dates == {date(2026, 12, 25)}
