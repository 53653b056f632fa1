"""RFC 3339 to Unix time."""

import pytest

from trading_model.timestamps import unix_seconds


@pytest.mark.parametrize(
    ("ts", "seconds"),
    [
        ("1970-01-01T00:00:00Z", "0"),
        ("2019-10-11T00:00:11.620Z", "1570752011.62"),
        ("2019-10-11T00:00:11.050000001Z", "1570752011.050000001"),
        ("2024-02-29T23:59:59.0Z", "1709251199"),
        ("1969-12-31T23:59:58.25Z", "-1.75"),
        ("1969-12-31T23:59:59.05Z", "-0.95"),
        ("9999-12-31T23:59:59Z", "253402300799"),
        ("", "NaN"),
        ("yesterday", "NaN"),
        ("2026-02-30T00:00:00Z", "NaN"),
        ("2026-01-01T00:00:00.xZ", "NaN"),
    ],
)
def test_times_become_unix_seconds_with_all_decimals(ts: str, seconds: str) -> None:
    assert unix_seconds(ts) == seconds
