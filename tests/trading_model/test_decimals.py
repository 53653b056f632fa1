"""Nothing is rounded in silence, and all digits are shown."""

import decimal
from decimal import Decimal

import pytest

from trading_model.decimals import EXACT, exactly, show


@exactly
def add(left: Decimal, right: Decimal) -> Decimal:
    return left + right


def test_sums_keep_all_digits_whatever_context_the_caller_has() -> None:
    with decimal.localcontext(prec=3):
        assert add(Decimal("1E+30"), Decimal("1E-30")) == Decimal(10**60 + 1).scaleb(-30, EXACT)


def test_the_callers_context_is_put_back_even_after_an_error() -> None:
    @exactly
    def fail() -> None:
        raise LookupError

    before = decimal.getcontext()
    with pytest.raises(LookupError):
        fail()
    assert decimal.getcontext() is before


def test_a_result_that_would_have_to_be_rounded_raises() -> None:
    @exactly
    def third() -> Decimal:
        return EXACT.quantize(Decimal("0.123"), Decimal("0.01"))

    with pytest.raises(decimal.Inexact):
        third()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("0E-50", "0"),
        ("0E+5", "0"),
        ("10", "10"),
        ("100.00", "100"),
        ("1.50", "1.5"),
        ("-0.10", "-0.1"),
        ("1E+3", "1000"),
        ("1.5E+3", "1500"),
        ("1E-10", "0.0000000001"),
        ("1.0E-10", "0.0000000001"),
        ("-12345678901234567890123456789012345678", "-12345678901234567890123456789012345678"),
        ("1E-38", "0." + "0" * 37 + "1"),
    ],
)
def test_a_value_is_shown_in_plain_digits(value: str, shown: str) -> None:
    assert show(Decimal(value)) == shown
