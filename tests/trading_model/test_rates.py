"""The last rate at or before a time, within its age, in either direction; never a future one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_model.contents import Rate
from trading_model.rates import Rates
from trading_model.timestamps import unix_ns

DAY = "2026-03-01T00:00:00Z"
NOON = "2026-03-01T12:00:00Z"
NEXT = "2026-03-02T00:00:00Z"


def rate(base: str, quote: str, value: str, ts: str = DAY, max_age: int | None = None) -> Rate:
    """A content."""
    return Rate(base, quote, Decimal(value), ts, max_age)


def rates(*contents: Rate) -> Rates:
    """The rates after these events, in this order of arrival."""
    said = Rates()
    for sequence, content in enumerate(contents, 1):
        said.say(sequence, content)
    return said


def test_the_last_rate_at_or_before_the_time() -> None:
    """In whatever order they arrive; before the first there is none."""
    said = rates(rate("EUR", "USD", "1.25", NEXT), rate("EUR", "USD", "1.1", DAY))
    assert said.at("EUR", "USD", "2026-02-28T23:59:59.999999999Z") is None
    assert said.at("EUR", "USD", DAY) == Decimal("1.1")
    assert said.at("EUR", "USD", "2026-03-01T23:59:59.9Z") == Decimal("1.1")
    assert said.at("EUR", "USD", NEXT) == Decimal("1.25")


def test_a_rate_ends_with_its_age() -> None:
    """Inclusive; an earlier one without an age does not come back."""
    said = rates(rate("BNB", "USDT", "500", "2026-02-01T00:00:00Z"), rate("BNB", "USDT", "600", DAY, 43_200))
    assert said.at("BNB", "USDT", NOON) == 600
    assert said.at("BNB", "USDT", "2026-03-01T12:00:00.000000001Z") is None
    assert said.at("BNB", "USDT", "2026-02-28T00:00:00Z") == 500


def test_the_other_direction_is_divided() -> None:
    """Exact where the division ends, and marked where it does not; the later of two directions holds."""
    said = rates(rate("EUR", "USD", "1.25"), rate("USD", "EUR", "0.9", NEXT), rate("USD", "JPY", "150"))
    found = said.find("USD", "EUR", DAY)
    assert found is not None
    assert (found.value, found.rounded, found.ts) == (Decimal("0.8"), False, DAY)
    found = said.find("EUR", "USD", NEXT)
    assert found is not None
    assert found.rounded
    assert abs(found.value * Decimal("0.9") - 1) < Decimal("1E-25")
    assert said.at("EUR", "JPY", NEXT) is None  # no rate is made of two


def test_no_coin_is_a_dollar_by_itself() -> None:
    """Only a rate says so; BTC and XBT are two names of one currency."""
    said = rates()
    assert said.at("USDT", "USD", DAY) is None
    assert said.at("USD", "USD", DAY) == said.at("XBT", "BTC", DAY) == 1
    said.say(1, rate("usdt", "usd", "1"))
    assert said.at("USDT", "USD", NEXT) == 1
    said.say(2, rate("XBT", "USD", "100000"))
    assert said.at("BTC", "USD", NEXT) == 100_000


def test_a_void_takes_a_rate_back() -> None:
    """And its own void restores it; a void of something else does nothing."""
    said = rates(rate("EUR", "USD", "1.1"), rate("EUR", "USD", "1.2", NOON))
    said.take_back(2)
    said.take_back(2)
    said.take_back(7)
    assert said.at("EUR", "USD", NEXT) == Decimal("1.1")
    said.restore(2)
    said.restore(2)
    said.restore(7)
    assert said.at("EUR", "USD", NEXT) == Decimal("1.2")


@pytest.mark.parametrize(
    "odd",
    [rate("EUR", "USD", "NaN"), rate("EUR", "USD", "0"), rate("EUR", "USD", "-1"), rate("EUR", "USD", "1", "today")],
)
def test_what_no_app_wrote_says_nothing(odd: Rate) -> None:
    """It must not break a reader, nor can it be taken back."""
    said = rates(odd)
    assert said.at("EUR", "USD", NEXT) is None
    said.take_back(1)
    said.restore(1)
    assert said.at("EUR", "USD", NEXT) is None


MOMENTS = st.integers(0, 40)
SAID = st.lists(
    st.tuples(
        st.sampled_from(["EUR", "USD"]), MOMENTS, st.integers(1, 9), st.sampled_from([None, 1, 3, 10]), st.booleans()
    ),
    max_size=8,
    unique_by=lambda said: said[1],
)


def _ts(moment: int) -> str:
    """Half seconds, so that some times have decimals."""
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(milliseconds=500 * moment)
    return at.isoformat().replace("+00:00", "Z")


@given(SAID, MOMENTS)
def test_as_a_search_through_all(said: list[tuple[str, int, int, int | None, bool]], moment: int) -> None:
    """A plain search through what is in force finds the same."""
    held = Rates()
    for sequence, (base, at, value, max_age, void) in enumerate(said, 1):
        held.say(sequence, rate(base, "USD" if base == "EUR" else "EUR", str(value), _ts(at), max_age))
        if void:
            held.take_back(sequence)
    before = [one for one in said if one[1] <= moment and not one[4]]
    expected = None
    if before:
        base, at, value, max_age, _ = max(before, key=lambda one: one[1])
        if max_age is None or moment - at <= 2 * max_age:
            expected = Fraction(value) if base == "EUR" else Fraction(1, value)
    found = held.find("EUR", "USD", _ts(moment))
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert (Fraction(found.value) == expected) is not found.rounded


@pytest.mark.parametrize("odd", ["", "2026-03-01T00:00:00", "2026-03-01T00:00:00.1234567890Z", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none(odd: str) -> None:
    """Raises ValueError."""
    with pytest.raises(ValueError, match=r"."):
        unix_ns(odd)


def test_unix_nanoseconds() -> None:
    """With and without decimals, before 1970 too."""
    assert unix_ns("1970-01-01T00:00:01Z") == 1_000_000_000
    assert unix_ns("1970-01-01T00:00:01.25Z") == 1_250_000_000
    assert unix_ns("1969-12-31T23:59:59.5Z") == -500_000_000
