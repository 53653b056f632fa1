"""Trading days: boundaries in a zone, days of 23 and 25 hours, weeks and months of them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from trading_model.days import MIDNIGHT_UTC, Calendar, DayBoundary

NEW_YORK = DayBoundary.parse("17:00 America/New_York")
HOUR = 3_600 * 10**9


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def test_a_boundary_is_written_as_a_time_a_zone_or_both() -> None:
    assert str(NEW_YORK) == "17:00 America/New_York"
    assert str(DayBoundary.parse("06:30")) == "06:30 UTC"
    assert str(DayBoundary.parse("Asia/Tokyo")) == "00:00 Asia/Tokyo"
    assert str(MIDNIGHT_UTC) == "00:00 UTC"


@pytest.mark.parametrize("text", ["1020", "17", "24:00 UTC", "17:60 UTC", "17:00 Mars", "17:00 New York", "", "../etc"])
def test_another_text_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"such as (17:00 America/New_York|Europe/Berlin)"):
        DayBoundary.parse(text)


def test_a_misspelt_zone_is_answered_with_the_nearest() -> None:
    for text in ("17:00 America/New_Yrok", "New_York", "newyork"):
        with pytest.raises(ValueError, match=r"do you mean America/New_York\?$"):
            DayBoundary.parse(text)


def test_a_day_after_noon_has_the_date_of_its_end() -> None:
    assert NEW_YORK.day_of(ns("2026-01-04T21:59:59+00:00")) == date(2026, 1, 4)
    assert NEW_YORK.day_of(ns("2026-01-04T22:00:00+00:00")) == date(2026, 1, 5)  # Sunday 17:00: Monday begins
    early = DayBoundary.parse("04:00 UTC")
    assert early.day_of(ns("2026-01-05T03:59:59+00:00")) == date(2026, 1, 4)
    assert early.day_of(ns("2026-01-05T04:00:00+00:00")) == date(2026, 1, 5)


@pytest.mark.parametrize(
    "text", ["00:00 America/Sao_Paulo", "02:30 Europe/Berlin", "17:00 America/New_York", "00:00 Pacific/Apia"]
)
def test_every_instant_is_in_one_day(text: str) -> None:
    boundary = DayBoundary.parse(text)
    for year in (2011, 2018):
        begin, end = ns(f"{year}-01-01T00:00:00+00:00"), ns(f"{year + 1}-01-01T00:00:00+00:00")
        calendar = Calendar.of(boundary, "day", begin, end)
        assert list(calendar.starts) == sorted(calendar.starts)
        lengths = {(after - start) // HOUR for start, after in zip(calendar.starts, calendar.starts[1:], strict=False)}
        assert lengths <= {0, 23, 24, 25}  # 0: Samoa left out a day
        for start, name, after in zip(calendar.starts, calendar.names, calendar.starts[1:], strict=False):
            if after > start:
                assert (boundary.day_of(start), boundary.day_of(after - 1)) == (name, name)


def test_weeks_and_months_are_of_trading_days() -> None:
    begin = ns("2026-02-27T23:00:00+00:00")  # Friday evening in New York: the trading day of the 28th
    months = Calendar.of(NEW_YORK, "month", begin, begin + 48 * HOUR)
    assert list(months.names) == [date(2026, 2, 1), date(2026, 3, 1)]
    assert datetime.fromtimestamp(months.starts[1] // 10**9, UTC) == datetime(2026, 2, 28, 22, tzinfo=UTC)
    weeks = Calendar.of(NEW_YORK, "week", begin, begin + 1)
    assert (weeks.names[0].weekday(), weeks.names[0]) == (0, date(2026, 2, 23))
    assert weeks.index(begin) == 0
    assert weeks.index(weeks.starts[1]) == len(weeks.names)
    assert date.fromordinal(weeks.names[0].toordinal()) + timedelta(days=7) == date(2026, 3, 2)
