"""Words for buy and sell, and numbers with their units."""

import pytest

from trading_files.errors import UnreadableValue
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.amounts import Amount, read_amount
from trading_files.values.marks import says_nothing, unmark
from trading_files.values.sides import Side, read_side


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("BUY", Side("buy")),
        (" Sold ", Side("sell")),
        ("Buy to open", Side("buy", "open", "long")),
        ("SELL_TO_CLOSE", Side("sell", "close", "long")),
        ("Sell short", Side("sell", "open", "short")),
        ("Buy to cover", Side("buy", "close", "short")),
        ("Close Short", Side("buy", "close", "short")),
        ("open_long", Side("buy", "open", "long")),
        ("Long", Side("buy", "", "long")),
        ("Short", Side("sell", "", "short")),
        ("Köp", Side("buy")),
        ("Sälj", Side("sell")),
        ("Compra", Side("buy")),
        ("Venda", Side("sell")),
        ("Achat", Side("buy")),
        ("Vente", Side("sell")),
        ("Kauf", Side("buy")),
        ("Verkauf", Side("sell")),
        ("b", Side("buy")),
        ("S", Side("sell")),
        ("V", Side("sell")),
    ],
)
def test_a_word_says_its_side(text: str, side: Side) -> None:
    assert read_side(text) == side


@pytest.mark.parametrize("text", ["C", "a", "K", "L"])
def test_a_letter_of_several_words_is_ambiguous(text: str) -> None:
    assert isinstance(read_side(text), Ambiguous)


@pytest.mark.parametrize("text", ["", "deposit", "1", "true", "buysell", "x"])
def test_what_says_no_side_is_refused(text: str) -> None:
    with pytest.raises(UnreadableValue):
        read_side(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0.5DOGE", Amount("0.5", "DOGE")),
        ("43.7000000000VET", Amount("43.7000000000", "VET")),
        ("$420.10", Amount("420.10", "USD")),
        ("-$5.25", Amount("-5.25", "USD")),
        ("$-5.25", Amount("-5.25", "USD")),
        ("($5.25)", Amount("-5.25", "USD")),
        ("(0.0101601 BTC)", Amount("-0.0101601", "BTC")),
        ("(1,234.50 USD)", Amount("-1234.50", "USD")),
        ("1.234,50 €", Amount("1234.50", "EUR")),
        ("R$ 38,10", Amount("38.10", "BRL")),
        ("US$1,234.50", Amount("1234.50", "USD")),
        ("USD 420.10", Amount("420.10", "USD")),
        ("420.10 usd", Amount("420.10", "usd")),
        ("CHF 1'234.50", Amount("1234.50", "CHF")),
        ("12.5", Amount("12.5", "")),
        ("100 shares", Amount("100", "shares")),
        ("-0.05 BNB", Amount("-0.05", "BNB")),
    ],
)
def test_an_amount_is_a_number_and_its_unit(text: str, amount: Amount) -> None:
    assert read_amount(text) == amount


@pytest.mark.parametrize(("text", "codes"), [("12 kr", {"SEK", "NOK", "DKK", "ISK"}), ("¥12", {"JPY", "CNY"})])
def test_a_sign_of_several_currencies_is_ambiguous(text: str, codes: set[str]) -> None:
    unit = read_amount(text).unit
    assert isinstance(unit, Ambiguous)
    assert set(unit.readings) == codes


def test_a_coin_that_begins_with_a_digit_is_not_split_by_guess() -> None:
    found = read_amount("5.001INCH")
    assert isinstance(found.number, Ambiguous)
    assert found.number.readings == ("5.001 INCH", "5.00 1INCH")
    assert read_amount("5.00 1INCH") == Amount("5.00", "1INCH")


@pytest.mark.parametrize(
    "text", ["", "abc", "$", "1 2 3 USD", "5 USD EUR", "5%", "--5 USD", "(-5 USD)", "-(5 USD)", "USD", "x" * 500]
)
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(UnreadableValue):
        read_amount(text)


def test_marks_of_a_spreadsheet_are_taken_off() -> None:
    assert [unmark(text) for text in ("'00123", '="00123"', "'a'", "x")] == ["00123", "00123", "'a'", "x"]
    assert says_nothing("N/A")
    assert not says_nothing("0")
