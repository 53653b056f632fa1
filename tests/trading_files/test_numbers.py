"""Numbers in any writing."""

import pytest

from trading_files.errors import UnreadableValue
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.numbers import DecimalMarks, has_exponent, read_fraction, read_number

DEFINITE = [
    ("0", "0"),
    ("605.2699", "605.2699"),
    ("10.00", "10.00"),
    ("007", "7"),
    (".5", "0.5"),
    ("5.", "5"),
    ("+1", "1"),
    ("-1", "-1"),
    ("- 2.50", "-2.50"),
    ("2.50-", "-2.50"),
    ("(2.50)", "-2.50"),
    ("−2.50", "-2.50"),
    ("–2.50", "-2.50"),
    ("-0.00", "0.00"),
    ("4 106.170", "4106.170"),
    ("4\u00a0106.17", "4106.17"),
    ("4\u202f106,17", "4106.17"),
    ("1'234.50", "1234.50"),
    ("1’234’567", "1234567"),
    ("38,10", "38.10"),
    ("257300,00", "257300.00"),
    ("38.100,00", "38100.00"),
    ("1,234.56", "1234.56"),
    ("1.234.567", "1234567"),
    ("12,34,567.50", "1234567.50"),
    ("1,00,000", "100000"),
    ("0,123", "0.123"),
    ("0.123", "0.123"),
    (".123", "0.123"),
    ("1234,567", "1234.567"),
    ("1.2345", "1.2345"),
    ("1.185e-05", "0.00001185"),
    ("4.65748E+11", "465748000000"),
    ("1,5E3", "1500"),
    ("'12.5", "12.5"),
    ('="12.5"', "12.5"),
    ("0.000000000000000000000000000000000000012", "0.000000000000000000000000000000000000012"),
]


@pytest.mark.parametrize(("text", "number"), DEFINITE)
def test_a_number_with_one_reading_keeps_its_digits(text: str, number: str) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("1.000", "1.000", "1000"),
        ("1,234", "1234", "1.234"),
        ("-12.345", "-12.345", "-12345"),
        ("123,456", "123456", "123.456"),
    ],
)
def test_a_number_with_two_readings_is_ambiguous_until_the_mark_is_known(text: str, point: str, comma: str) -> None:
    found = read_number(text)
    assert isinstance(found, Ambiguous)
    assert found.choice == "decimal"
    assert set(found.readings) == {point, comma}
    assert read_number(text, ".") == point
    assert read_number(text, ",") == comma


@pytest.mark.parametrize(
    "text",
    ["", "-", "abc", "5%", "12 34", "1,2,3", "1..2", "1.2.3", "--1", "(-1)", "1e999", "1e", "0x10", "inf", "NaN", "10²",
     "１２", "٣", "1 2,345.6", "$5", "5 USD", "1_00", "1,23.4", "0,123,456", "1" * 101, "1\n2", "1\x002", "+-1", "( )"],
)  # fmt: skip
def test_what_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(UnreadableValue):
        read_number(text)


@pytest.mark.parametrize(("text", "mark"), [("38,10", "."), ("0.5", ","), ("1.234,5", "."), ("1,234.5", ",")])
def test_a_number_with_the_other_mark_is_refused(text: str, mark: str) -> None:
    with pytest.raises(UnreadableValue, match="decimal"):
        read_number(text, mark)


def test_the_other_numbers_of_a_file_show_its_mark() -> None:
    marks = DecimalMarks()
    for text in ("2", "1.000", "WINZ26", "128400"):
        marks.see(text)
    assert (marks.mark, marks.open) == ("", "1.000")
    marks.see("38,10")
    assert marks.mark == ","
    marks.see("0.5")
    assert marks.mark == ""
    assert (marks.point, marks.comma) == ("0.5", "38,10")


def test_a_percentage_is_refused_as_one() -> None:
    with pytest.raises(UnreadableValue, match="percentage"):
        read_number("5 %")


@pytest.mark.parametrize(
    ("text", "is_one"), [("4.65748E+11", True), ("4,65E+11", True), ("465748", False), ("1E5", False)]
)
def test_an_id_in_exponent_form_is_seen(text: str, is_one: bool) -> None:
    assert has_exponent(text) is is_one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("110'16", "110.5"),
        ("108'165", "108.515625"),
        ("108'162", "108.5078125"),
        ("108'167", "108.5234375"),
        ("108'160", "108.5"),
        ("0'01", "0.03125"),
        ("-1'08", "-1.25"),
        ("450'2", "450.25"),
        ("450’6", "450.75"),
        ("450'8", None),
        ("110'32", None),
        ("108'164", None),
        ("1'234.50", None),
        ("1'234'567", None),
        ("110", None),
    ],
)
def test_prices_in_parts_of_a_point(text: str, expected: str | None) -> None:
    assert read_fraction(text) == expected
