"""What is shipped about a symbol that no instrument describes, from its form: futures, options, listed shares. No I/O.

Only what means the same at every venue is shipped. There are no multipliers for crypto contracts: some venues count
contracts, others coins, under the same symbol.
"""

import re
from decimal import Decimal
from functools import lru_cache

import msgspec

from trading_model.futures import EXCHANGES, MAY_BE_NEGATIVE, ROOTS, SHARED_WITH_MOSCOW
from trading_model.symbols import Kind


class Shipped(msgspec.Struct, frozen=True):
    """What is shipped about one symbol. Empty text and None: unknown. `source` says what was recognised."""

    kind: Kind
    source: str
    currency: str = ""
    multiplier: Decimal | None = None
    negative_prices: bool = False


LISTINGS = {
    "AS": "EUR",
    "AX": "AUD",
    "BK": "THB",
    "BO": "INR",
    "CO": "DKK",
    "DE": "EUR",
    "HE": "EUR",
    "HK": "HKD",
    "IR": "EUR",
    "JK": "IDR",
    "KL": "MYR",
    "KQ": "KRW",
    "KS": "KRW",
    "LS": "EUR",
    "MC": "EUR",
    "MI": "EUR",
    "NS": "INR",
    "NZ": "NZD",
    "OL": "NOK",
    "PA": "EUR",
    "SA": "BRL",
    "SS": "CNY",
    "ST": "SEK",
    "SW": "CHF",
    "SZ": "CNY",
    "TO": "CAD",
    "TW": "TWD",
    "TWO": "TWD",
    "US": "USD",
    "VI": "EUR",
    "WA": "PLN",
}
"""Currency of shares by the ending that names their exchange: 0700.HK. Left out: exchanges that print prices in
hundredths (London, Johannesburg, Tel Aviv), and endings of one letter, which are share classes too (BRK.B).
"""

OCC_MULTIPLIER = Decimal(100)
"""Shares for one option listed in the United States, by OCC's specification. Adjusted ones end in a digit."""

_OCC = re.compile(r"([A-Z]{1,5}[A-Z0-9]?)( *)(\d{6}[CP]\d{8})", re.ASCII)
_SHORT_OPTION = re.compile(r"\.([A-Z]{1,6})\d{6}[CP]\d{1,5}(?:\.\d+)?", re.ASCII)
_LISTED = re.compile(r"[A-Z0-9-]+\.([A-Z]{2,3})", re.ASCII)
_TOKYO = re.compile(r"\d{4}\.T", re.ASCII)

_MONTHS = "FGHJKMNQUVXZ"
_DATED = rf"[{_MONTHS}](?P<year>\d|\d\d|20\d\d)"
_EXCHANGE = r"(?:(?P<exchange>[A-Z0-9_]+):)?"
_ROOT = "(?P<root>[A-Z0-9]{1,6}?)"
_FUTURES = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"/{_ROOT}(?:{_DATED})?(?::(?P<exchange>[A-Z0-9_]+))?",  # /ES, /ESZ26, /ESZ26:XCME
        rf"{_EXCHANGE}{_ROOT}{_DATED}",  # ESZ26, ESZ6, CME_MINI:ESZ2026
        rf"{_ROOT}{_DATED}\.(?P<exchange>[A-Z]+)",  # ESZ26.CME
        rf"{_EXCHANGE}{_ROOT}[1-9]!",  # ES1!, CME_MINI:ES1!
        rf"{_ROOT}=F",  # ES=F
        rf"@{_ROOT}",  # @ES
        rf"{_ROOT} (?:0[1-9]|1[0-2])-\d\d",  # ES 12-26
        rf"{_ROOT} (?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\d\d",  # ES DEC26
        rf"{_ROOT}\.[CNV]\.\d",  # ES.c.0
    )
)
_BRAZILIAN_SHARE = re.compile(r"[A-Z]{3}([A-Z])(?:[3-8]|11|3[1-9])", re.ASCII)
"""PETR4, KLBN11. Where the fourth letter is the code of a month, it may as well be a future of an unknown root."""


@lru_cache(maxsize=16_384)
def shipped(symbol: str) -> Shipped | None:
    """What is shipped about a symbol in upper case; None if nothing is."""
    return _option(symbol) or _future(symbol) or _share(symbol)


def unpadded(symbol: str) -> str:
    """An option's symbol without the padding of its root: `AAPL  251219C00150000`. Other symbols stay."""
    found = _OCC.fullmatch(symbol)
    return found[1] + found[3] if found and found[2] else symbol


def _option(symbol: str) -> Shipped | None:
    found = _OCC.fullmatch(symbol) or _SHORT_OPTION.fullmatch(symbol)
    if found is None:
        return None
    if found[1][-1].isdigit():
        return Shipped("option", "an adjusted option of the OCC", "USD")
    return Shipped("option", "an option of the OCC", "USD", OCC_MULTIPLIER)


def _future(symbol: str) -> Shipped | None:
    for form in _FUTURES:
        found = form.fullmatch(symbol)
        if found is not None:
            parts = found.groupdict(default="")
            return _contract(symbol, parts["root"], parts.get("year", ""), parts.get("exchange", ""))
    return None


def _contract(symbol: str, name: str, year: str, exchange: str) -> Shipped | None:
    root = ROOTS.get(name)
    if name.isdigit():
        return None
    if root is None:
        return None if _BRAZILIAN_SHARE.fullmatch(symbol) else Shipped("future", f"a future of an unknown root {name}")
    if exchange and exchange not in EXCHANGES[root.exchange]:
        return Shipped("future", f"a future that {exchange} lists; {name} is known at {root.exchange}")
    if name in SHARED_WITH_MOSCOW and symbol == f"{name}{symbol[-2:]}" and len(year) == 1:
        return Shipped("future", f"{symbol} is a future at two exchanges, {root.exchange} and Moscow")
    negative = root.exchange in MAY_BE_NEGATIVE
    return Shipped("future", f"{root.name} ({root.exchange})", root.currency, root.point_value, negative)


def _share(symbol: str) -> Shipped | None:
    brazilian = _BRAZILIAN_SHARE.fullmatch(symbol)
    if brazilian and brazilian[1] not in _MONTHS:
        return Shipped("stock", "a share of the form of B3", "BRL")
    if _TOKYO.fullmatch(symbol):
        return Shipped("stock", "a share listed in Tokyo", "JPY")
    found = _LISTED.fullmatch(symbol)
    currency = LISTINGS.get(found[1]) if found else None
    return Shipped("stock", f"a share with the ending .{found[1]}", currency) if found and currency else None
