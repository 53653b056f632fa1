"""config/accounts.yml: what accounts began with, read with all digits; each error with its line."""

from decimal import Decimal
from pathlib import Path

import pytest

from trading_app.history.accounts import NO_ACCOUNTS, Accounts, read_accounts, read_file

ROOT = Path(__file__).resolve().parents[3]


def test_the_file_of_the_project_says_nothing_until_its_lines_are_wanted() -> None:
    file = ROOT / "config" / "accounts.yml"
    assert read_file(file) == NO_ACCOUNTS
    wanted = file.read_text().replace("\n# ", "\n").partition("\nversion")
    accounts, problems = read_accounts("".join(wanted[1:]))
    assert problems == []
    assert accounts == Accounts(
        {"default": {"USDT": Decimal(10000)}, "main": {"EUR": Decimal(25000), "BTC": Decimal("0.5")}},
        {"default": {"USDT": Decimal(9000)}},
    )


def test_a_capital_of_several_accounts_is_added_by_currency() -> None:
    accounts, _ = read_accounts("accounts:\n  a: {capital: 0.10 usdt}\n  b: {capital: [1 USDT, 2 EUR], floor: 0 EUR}\n")
    assert accounts.capital_of((), "USDT") == Decimal("1.10")
    assert accounts.capital_of(("b",), "EUR") == 2
    assert accounts.capital_of(("a",), "EUR") is None
    assert accounts.floor_of((), "EUR") == 0


def test_bitcoin_is_one_currency_under_both_of_its_codes() -> None:
    accounts, _ = read_accounts("accounts:\n  a: {capital: 1 BTC}\n  b: {capital: 2 XBT, floor: 1 xbt}\n")
    assert [accounts.capital_of((), "BTC"), accounts.floor_of((), "BTC")] == [3, 1]


def test_a_currency_that_may_be_a_slip_is_a_doubt_with_its_line() -> None:
    accounts, problems = read_accounts("accounts:\n  a: {capital: 1 BTC}\n  b:\n    capital: [2 EUR, 3 USDTT]\n")
    assert problems == []
    assert accounts.capital_of(("b",), "USDTT") == 3
    assert accounts.doubts == ((4, "the currency USDTT is not known; do you mean USDT?"),)


WRONG = {
    "accounts:\n  a: {capitol: 1 USDT}": (2, "do you mean capital?"),
    "accounts:\n  a:\n    capital: 1000": (3, "must be an amount with its currency"),
    "accounts:\n  a:\n    capital: 1,000 USDT": (3, "the amount or the currency must be a number such as 1234.5"),
    "accounts:\n  a: {capital: 0 USDT}": (2, "must be more than 0"),
    "accounts:\n  a: {capital: [1 USDT, 2 usdt]}": (2, "has USDT twice"),
    "accounts:\n  a: {capital: 1 USDT}\n  a: {floor: 1 USDT}": (3, "a is given twice"),
    "acounts: {}": (1, "do you mean accounts?"),
    "version: 2": (1, "this app reads version 1"),
    "accounts: [a]": (1, "a line `name: {capital: 10000 USDT}`"),
    "accounts:\n\ta: 1": (2, "a tab"),
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_an_error_has_its_line_and_what_is_meant(text: str) -> None:
    line, words = WRONG[text]
    _, problems = read_accounts(text)
    assert problems[0][0] == line
    assert words in problems[0][1]
