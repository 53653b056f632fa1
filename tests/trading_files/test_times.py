"""Times in any writing."""

import pytest

from trading_files.errors import UnreadableValue
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.dates import DateOrders
from trading_files.values.times import read_serial, read_time

ZONED = [
    ("2026-01-05T10:23:00Z", "2026-01-05T10:23:00Z"),
    ("2026-01-05 10:23:00+00:00", "2026-01-05T10:23:00Z"),
    ("2026-01-05T10:23:00.123456789Z", "2026-01-05T10:23:00.123456789Z"),
    ("2023-11-30T11:36:46.620+01:00", "2023-11-30T10:36:46.620Z"),
    ("2023-11-30T11:36:46+0100", "2023-11-30T10:36:46Z"),
    ("2023-11-30 11:36 UTC+8", "2023-11-30T03:36:00Z"),
    ("2023-11-30 11:36:00 UTC", "2023-11-30T11:36:00Z"),
    ("2023-11-30 11:36:00 (UTC)", "2023-11-30T11:36:00Z"),
    ("2023-11-30 11:36:00 America/New_York", "2023-11-30T16:36:00Z"),
    ("Mon, 05 Jan 2026 10:23:00 +0100", "2026-01-05T09:23:00Z"),
    ("Mon Jan 05 2026 10:23:00 GMT+0100 (Central European Standard Time)", "2026-01-05T09:23:00Z"),
    ("1554391994478", "2019-04-04T15:33:14.478Z"),
    ("1554391994", "2019-04-04T15:33:14Z"),
    ("1554391994.478", "2019-04-04T15:33:14.478Z"),
    ("1554391994478123", "2019-04-04T15:33:14.478123Z"),
    ("1554391994478123456", "2019-04-04T15:33:14.478123456Z"),
]


@pytest.mark.parametrize(("text", "ts"), ZONED)
def test_a_time_with_its_zone_is_read(text: str, ts: str) -> None:
    assert read_time(text) == ts
    assert read_time(text, "mdy", "Asia/Tokyo") == ts


def test_a_spreadsheet_s_number_of_a_day_is_refused_with_what_to_do() -> None:
    with pytest.raises(UnreadableValue, match="give the column a date format"):
        read_time("45962.4375")


LOCAL = [
    ("2026.01.01 10:00:00", "2026-01-01T10:00:00Z"),
    ("2026/01/01 10:00", "2026-01-01T10:00:00Z"),
    ("2026-1-5 9:05:01", "2026-01-05T09:05:01Z"),
    ("'2026-01-05 10:23:00", "2026-01-05T10:23:00Z"),
    ("2026-01-05, 10:23:00", "2026-01-05T10:23:00Z"),
    ("2026-01-05;10:23:00", "2026-01-05T10:23:00Z"),
    ("20260105", "2026-01-05T00:00:00Z"),
    ("20260105;102300", "2026-01-05T10:23:00Z"),
    ("20260105 102300", "2026-01-05T10:23:00Z"),
    ("20260105-10:23:00.500", "2026-01-05T10:23:00.500Z"),
    ("202405060930", "2024-05-06T09:30:00Z"),
    ("20240506093001", "2024-05-06T09:30:01Z"),
    ("31/03/2026 09:10", "2026-03-31T09:10:00Z"),
    ("03/31/2026 09:10", "2026-03-31T09:10:00Z"),
    ("31.12.2025 23:59:59", "2025-12-31T23:59:59Z"),
    ("05.06.2026", "2026-06-05T00:00:00Z"),
    ("05/05/2026", "2026-05-05T00:00:00Z"),
    ("5 Jan 2026 10:23", "2026-01-05T10:23:00Z"),
    ("05-Jan-2026 10:23:00", "2026-01-05T10:23:00Z"),
    ("05-JAN-26", "2026-01-05T00:00:00Z"),
    ("January 5, 2026 10:23 PM", "2026-01-05T22:23:00Z"),
    ("Jan 5th, 2026 12:23 am", "2026-01-05T00:23:00Z"),
    ("2026-Jan-05 10:23:00", "2026-01-05T10:23:00Z"),
    ("14:35 2024-11-16", "2024-11-16T14:35:00Z"),
    ("4:35:01.5, 16/11/2024", "2024-11-16T04:35:01.500Z"),
    ("6 Mai 2024 09:30", "2024-05-06T09:30:00Z"),
    ("6 de maio de 2024 09:30", "2024-05-06T09:30:00Z"),
    ("2026-01-05 10:23:00 p.m.", "2026-01-05T22:23:00Z"),
]


@pytest.mark.parametrize(("text", "ts"), LOCAL)
def test_a_time_without_a_zone_needs_one(text: str, ts: str) -> None:
    found = read_time(text)
    assert isinstance(found, Ambiguous)
    assert found.choice == "zone"
    assert read_time(text, zone="UTC") == ts


@pytest.mark.parametrize(
    ("text", "dmy", "mdy"),
    [
        ("10/03/2026 09:10", "2026-03-10T09:10:00Z", "2026-10-03T09:10:00Z"),
        ("4/6/26 09:15:49", "2026-06-04T09:15:49Z", "2026-04-06T09:15:49Z"),
        ("04-06-2026 9:15:49 PM", "2026-06-04T21:15:49Z", "2026-04-06T21:15:49Z"),
    ],
)
def test_the_order_of_day_and_month_is_never_guessed(text: str, dmy: str, mdy: str) -> None:
    found = read_time(text, zone="UTC")
    assert isinstance(found, Ambiguous)
    assert found.choice == "date order"
    assert read_time(text, "dmy", "UTC") == dmy
    assert read_time(text, "mdy", "UTC") == mdy


def test_the_other_dates_of_a_column_show_its_order() -> None:
    orders = DateOrders()
    shown = []
    for text in ("10/03/2026", "2026-03-31", "09:10 31/03/2026", "03/31/2026"):
        orders.see(text)
        shown.append(orders.order)
    assert shown == ["", "", "dmy", ""]
    assert orders.open == "10/03/2026"
    assert orders.possible == set()


def test_two_digit_years_may_come_first() -> None:
    found = read_time("24/05/06 09:30", zone="UTC")
    assert isinstance(found, Ambiguous)
    assert read_time("24/05/06 09:30", "ymd", "UTC") == "2024-05-06T09:30:00Z"
    assert read_time("24/05/06 09:30", "dmy", "UTC") == "2006-05-24T09:30:00Z"


def test_an_hour_that_comes_twice_is_reported_with_both_instants() -> None:
    found = read_time("2026-10-25 02:30:00", zone="Europe/Berlin")
    assert isinstance(found, Ambiguous)
    assert (found.choice, found.readings) == ("hour", ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"))
    assert read_time("2026-10-25 02:30:00 CET", zone="Europe/Berlin") == "2026-10-25T01:30:00Z"
    assert read_time("2026-10-25 02:30:00 CEST", zone="Europe/Berlin") == "2026-10-25T00:30:00Z"


def test_an_hour_that_never_was_is_refused() -> None:
    with pytest.raises(UnreadableValue, match="never was in Europe/Berlin"):
        read_time("2026-03-29 02:30:00", zone="Europe/Berlin")


def test_an_abbreviation_is_taken_only_with_the_zone_that_it_belongs_to() -> None:
    found = read_time("2026-01-05 10:23:00 EST")
    assert isinstance(found, Ambiguous)
    assert found.choice == "zone"
    assert read_time("2026-01-05 10:23:00 EST", zone="America/New_York") == "2026-01-05T15:23:00Z"
    with pytest.raises(UnreadableValue, match="EDT"):
        read_time("2026-01-05 10:23:00 EDT", zone="America/New_York")


def test_a_run_of_digits_that_is_a_date_and_unix_time_is_ambiguous() -> None:
    found = read_time("2024050609", zone="UTC")
    assert isinstance(found, Ambiguous)
    assert found.choice == "digits"


@pytest.mark.parametrize(
    "text",
    ["", "abc", "2026-13-01", "2026-02-30", "31/31/2026", "2026-01-05 25:00", "2026-01-05 10:60", "2026-01-05 10:23:61",
     "202413010930", "12345", "999999999999", "1.55439E+12", "2026-01-05 13:00 PM", "2026-01-05 10:23:00 nonsense!",
     "2026-01-05T10:23:00.1234567891Z", "10:23:00", "20260105x", "Foo 5, 2026", "1 2 3 4", "2026-01-05 10:23:00+99:00",
     "02:15 PM 03/04/2024", "14:35 2024-11-16 UTC"],
)  # fmt: skip
def test_what_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(UnreadableValue):
        read_time(text, "dmy", "UTC")


def test_an_unknown_zone_is_refused_with_advice() -> None:
    with pytest.raises(UnreadableValue, match="IANA"):
        read_time("2026-01-05 10:23", zone="../../etc/passwd")


@pytest.mark.parametrize(
    ("text", "ts"),
    [("45413.395833333336", "2024-05-01T09:30:00Z"), ("45413", "2024-05-01T00:00:00Z")],
)
def test_a_spreadsheets_serial_number_is_read_where_it_is_said_to_be_one(text: str, ts: str) -> None:
    assert read_serial(text, "UTC") == ts
