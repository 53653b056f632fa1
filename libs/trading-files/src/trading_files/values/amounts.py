""" "0.5DOGE" and "$420.10" as a number and its unit."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from trading_files.errors import UnreadableValue
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.marks import unmark
from trading_files.values.numbers import read_number

_SIGNS: dict[str, tuple[str, ...]] = {
    "$": ("USD",), "US$": ("USD",), "C$": ("CAD",), "CA$": ("CAD",), "CDN$": ("CAD",), "A$": ("AUD",), "AU$": ("AUD",),
    "NZ$": ("NZD",), "HK$": ("HKD",), "S$": ("SGD",), "SG$": ("SGD",), "NT$": ("TWD",), "MX$": ("MXN",), "R$": ("BRL",),
    "€": ("EUR",), "£": ("GBP",), "¥": ("JPY", "CNY"), "CN¥": ("CNY",), "JP¥": ("JPY",), "円": ("JPY",), "元": ("CNY",),
    "₹": ("INR",), "Rs": ("INR", "PKR", "LKR"), "₩": ("KRW",), "₽": ("RUB",), "₺": ("TRY",), "₴": ("UAH",),
    "₪": ("ILS",),    "฿": ("THB",), "₫": ("VND",), "₱": ("PHP",), "₦": ("NGN",), "zł": ("PLN",), "Kč": ("CZK",),
    "Ft": ("HUF",), "kr": ("SEK", "NOK", "DKK", "ISK"), "kr.": ("DKK", "SEK", "NOK", "ISK"), "Fr.": ("CHF",),
    "SFr.": ("CHF",), "₿": ("BTC",), "Ξ": ("ETH",),
}  # fmt: skip
"""Currency signs. More than one code: only the user can say which."""

_LEADING_DIGITS = frozenset(
    """
    0DOG 0G 1CAT 1EARTH 1EURT 1INCH 1SOL 1MBABYDOGE 2Z 8BIT 1000BONK 1000CAT 1000CHEEMS 1000FLOKI 1000LUNC 1000PEPE
    1000RATS 1000SATS 1000SHIB 1000WHY 1000X 1000XEC 10000LADYS 10000SATS 10000WEN 1000000BOB 1000000MOG
    """.split()  # noqa: SIM905 - a list of words
)
"""Coins whose name begins with a digit: "5.001INCH" is 5.001 of INCH, or 5.00 of 1INCH."""

_DIGITS_BEFORE: dict[str, list[str]] = {}
"""The digits before each name of letters: 1 before INCH."""

for _coin in sorted(_LEADING_DIGITS):
    if _letters := _coin.lstrip("0123456789"):
        _DIGITS_BEFORE.setdefault(_letters, []).append(_coin.removesuffix(_letters))

_NUMBER = r"[-+−–]?\s*\(?\s*[-+−–]?(?:\d|[.,](?=\d))(?:[\d.,'’_\s]*\d)?[.,]?(?:[eE][+-]?\d{1,3}(?![\w.]))?\s*\)?-?"
_UNIT = r"[^\W\d_][\w.]{0,19}|[^\w\s.,'’%()+−–-]{1,2}|[A-Z]{1,3}[$¥]|[Kk]r\.|S?Fr\."
_AFTER = re.compile(rf"({_NUMBER})\s*({_UNIT})?")
_WITHIN = re.compile(rf"\(\s*((?:\d|[.,](?=\d))(?:[\d.,'’_\s]*\d)?)\s*({_UNIT})\s*\)")
_BEFORE = re.compile(rf"([-+−–(]?)\s*({_UNIT})\s*({_NUMBER})")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and its unit: a currency's or a coin's code, or the word of the file; "" where it has none."""

    number: str | Ambiguous
    unit: str | Ambiguous = ""


def read_amount(text: str, decimal: str = "") -> Amount:
    """The number and the unit of a cell, such as "43.7000000000VET", "-$5.00", "1.234,50 €", "USD 20", "(0.5 BTC)".

    `decimal` is the mark before decimals, "." or ","; "" if unknown. Raises UnreadableValue.
    """
    body = unmark(text.strip())
    if len(body) <= 150:
        if match := _AFTER.fullmatch(body):
            number, unit = match.groups(default="")
            return _amount(number, unit, decimal)
        if match := _BEFORE.fullmatch(body):
            sign, unit, number = match.groups()
            return Amount(read_number(_signed(sign, number), decimal), _unit(unit))
        if match := _WITHIN.fullmatch(body):
            number, unit = match.groups()
            return _amount(f"-{number}", unit, decimal)
    raise UnreadableValue(f"{text[:80]!r} is not an amount")


def with_coin_apart(text: str, others: Iterable[str]) -> str:
    """An amount of a coin whose name begins with a digit, with a space before it: "100 1INCH" of "1001INCH".

    `others` are the other cells of the row: only a coin with which one of them begins is set apart.
    """
    body = text.strip()
    match = _AFTER.fullmatch(body) if len(body) <= 150 else None
    number, unit = match.groups(default="") if match else ("", "")
    for digits in _DIGITS_BEFORE.get(unit.upper(), ()):
        coin, before = f"{digits}{unit.upper()}", number.removesuffix(digits)
        if before not in ("", number, before.rstrip() + " ") and any(one.upper().startswith(coin) for one in others):
            return f"{before} {coin}"
    return text


@lru_cache(maxsize=4_096)
def is_code(unit: str) -> bool:
    """Whether a unit is a code that has one meaning, and leaves no doubt where the number before it ends."""
    return unit.upper() not in _DIGITS_BEFORE and unit not in _SIGNS and unit.lower() not in _SIGNS


def _signed(sign: str, number: str) -> str:
    return f"{sign}{number}"


def _amount(number: str, unit: str, decimal: str) -> Amount:
    for digits in _DIGITS_BEFORE.get(unit.upper(), ()):
        if number.endswith(digits) and len(number) > len(digits):
            coin = f"{digits}{unit.upper()}"
            if number[-len(digits) - 1].isspace():
                return Amount(read_number(number[: -len(digits)], decimal), coin)
            readings = (f"{number} {unit}", f"{number[: -len(digits)]} {coin}")
            return Amount(Ambiguous("unit", number + unit, readings), unit)
    return Amount(read_number(number, decimal), _unit(unit))


def _unit(unit: str) -> str | Ambiguous:
    codes = _SIGNS.get(unit) or _SIGNS.get(unit.lower()) or (unit,)
    return codes[0] if len(codes) == 1 else Ambiguous("unit", unit, codes)
