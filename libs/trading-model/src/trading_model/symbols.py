"""Base, quote currency, P&L currency and contract kind of a symbol, from its form. No I/O.

One rule for the net P&L, the sidecar's metrics, the page and the dashboards. It reads only the text, not the venue.
Where venues write different things in the same form, the result is "unknown" with a reason.
"""

import difflib
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import msgspec

from trading_model.currencies import FIAT, JOINED_QUOTES, KNOWN, METALS, RANKS, SAME

Kind = Literal["spot", "perpetual", "future", "option", "stock", "unknown"]


class SymbolParts(msgspec.Struct, frozen=True):
    """The certain parts of a symbol; an empty string means unknown.

    `quote` is the currency of its price, `currency` the currency of its P&L (price × quantity). They differ if a
    contract settles in another currency; `currency` is then unknown. `reason` says why it is
    unknown, and is empty if it is known.
    """

    base: str = ""
    quote: str = ""
    currency: str = ""
    kind: Kind = "unknown"
    reason: str = ""


NO_CURRENCY_NAMED = "the symbol names no currency"
INVERSE = "priced in USD, and as an inverse contract settled in the coin"
QUOTE_FIRST = "some venues write the quote currency first"
TWO_READINGS = "it can be read as two pairs"
NOT_A_CURRENCY = "it does not end with a known currency"
COIN_OR_DOLLAR = "an option or future of this form is settled in dollars at some venues, in the coin at others"

_MONEY = FIAT | METALS
_DATE = r"(?:\d{6}|\d{8}|\d{1,2}[A-Z]{3}\d{2})"
_STRIKE = r"\d+(?:D\d+|\.\d+)?"
_CODE = "[A-Z0-9]+"
_PREFIXES: dict[str, Kind] = {"SPOT": "spot", "PERP": "perpetual"}
_KRAKEN: dict[str, Kind] = {"PF": "perpetual", "PI": "perpetual", "FF": "future", "FI": "future"}


def symbol_parts(symbol: str) -> SymbolParts:
    """The parts of a symbol, in upper or lower case."""
    return _parts(symbol)


def pnl_currency(symbol: str) -> str:
    """The currency of a symbol's P&L; empty if its form does not show it."""
    return _parts(symbol).currency


def market_of(symbol: str) -> tuple[str, str, str] | None:
    """Base, quote and kind of a spot market or a perpetual, the same for all forms that name it: `XXBTZEUR`, `XBT/EUR`
    and `BTC/EUR`. A form that may be either counts as spot. None for others, and where the form does not show it.
    """
    parts = _parts(symbol)
    kind = "spot" if parts.kind == "unknown" else parts.kind
    return (parts.base, parts.quote, kind) if parts.base and parts.quote and kind in ("spot", "perpetual") else None


def same_currency(one: str, other: str) -> bool:
    """Whether two codes are the same currency: XBT is BTC."""
    return plain_currency(one) == plain_currency(other)


@lru_cache(maxsize=16_384)
def _parts(symbol: str) -> SymbolParts:
    text = symbol.upper()
    for pattern, read in _FORMS:
        found = pattern.fullmatch(text)
        if found is not None:
            return read(*found.groups(default=""))
    return SymbolParts(reason=NOT_A_CURRENCY)


def _slash(base: str, quote: str, settled: str, date: str, strike: str) -> SymbolParts:
    """The form of ccxt and of currency brokers: BASE/QUOTE:SETTLEMENT-EXPIRY-STRIKE-C, all after QUOTE optional."""
    kind: Kind = "option" if strike else "future" if date else "perpetual" if settled else "spot"
    if settled and not same_currency(settled, quote):
        return SymbolParts(
            plain_currency(base), plain_currency(quote), "", kind, f"priced in {quote}, settled in {settled}"
        )
    return SymbolParts(plain_currency(base), plain_currency(quote), plain_currency(quote), kind)


def _derivative(base: str, quote: str, ending: str) -> SymbolParts:
    """A pair with a contract: BTC-USDT-SWAP, BTCUSDT_260327, BTC-USD-260327-80000-C."""
    kind = _kind_of(ending)
    named = _separated(base, "-", quote) if quote else _joined(base)
    if not named.quote:
        return SymbolParts(named.base, kind=kind, reason=named.reason)
    if named.quote == "USD" and named.base not in _MONEY and not (quote and ending in ("PERP", "PERPETUAL")):
        return SymbolParts(named.base, "USD", "", kind, INVERSE)
    return SymbolParts(named.base, named.quote, named.quote, kind)


def _underlying(base: str, ending: str) -> SymbolParts:
    """A contract that names only its underlying: BTC-PERP, BTC-29MAR26, ETH-27DEC26-4000-C."""
    named = _joined(base)
    if named.quote:
        return _derivative(base, "", ending)
    kind = _kind_of(ending)
    return SymbolParts(
        plain_currency(base), kind=kind, reason=NO_CURRENCY_NAMED if kind == "perpetual" else COIN_OR_DOLLAR
    )


def _dated_option(base: str, ending: str, quote: str) -> SymbolParts:
    """Bybit's options, which end with their settlement currency: BTC-27DEC26-80000-C-USDT."""
    return SymbolParts(plain_currency(base), plain_currency(quote), plain_currency(quote), _kind_of(ending))


def _prefixed(prefix: str, base: str, quote: str) -> SymbolParts:
    """SPOT_BTC_USDT, PERP_BTC_USDT."""
    named = _separated(base, "_", quote)
    return msgspec.structs.replace(named, kind=_PREFIXES[prefix])


def _kraken_contract(prefix: str, base: str, quote: str) -> SymbolParts:
    """PF_XBTUSD is linear, PI_XBTUSD inverse; FF_ and FI_ are the same with a date."""
    linear = prefix.endswith("F")
    currency, reason = (quote, "") if linear else ("", INVERSE)
    return SymbolParts(plain_currency(base), quote, currency, _KRAKEN[prefix], reason)


def _kraken_spot(base: str, quote: str) -> SymbolParts:
    """Four letters each, X for coins and Z for money: XXBTZUSD, XETHXXBT."""
    if base not in KNOWN or quote not in KNOWN:
        return _joined(f"X{base}Z{quote}")
    return SymbolParts(plain_currency(base), plain_currency(quote), plain_currency(quote), "spot")


def _separated(base: str, separator: str, quote: str) -> SymbolParts:
    """BTC-USDT, BTC_USDT, EUR.USD: spot at some venues, a perpetual at others."""
    if quote not in KNOWN:
        if separator != "_" and len(quote) <= 2 and quote.isalpha():  # a share's class or exchange: BRK-B, VOD.L
            return SymbolParts(f"{base}{separator}{quote}", kind="stock", reason=NO_CURRENCY_NAMED)
        return SymbolParts(plain_currency(base), reason=NOT_A_CURRENCY)
    if _rank(base) < _rank(quote):
        return SymbolParts(reason=QUOTE_FIRST)
    kind: Kind = "spot" if base in _MONEY and quote in _MONEY else "unknown"
    return SymbolParts(plain_currency(base), plain_currency(quote), plain_currency(quote), kind)


def _dashed(base: str, quote: str) -> SymbolParts:
    return _separated(base, "-", quote)


def _underscored(base: str, quote: str) -> SymbolParts:
    return _separated(base, "_", quote)


def _dotted(base: str, quote: str) -> SymbolParts:
    return _separated(base, ".", quote)


def _occ_option(root: str) -> SymbolParts:
    """An option listed in the United States: AAPL251219C00150000."""
    return SymbolParts(root, "USD", "USD", "option")


def _joined(text: str) -> SymbolParts:
    """One word that ends with a known quote currency, the longest first: BTCUSDT."""
    if text in KNOWN:
        return SymbolParts(plain_currency(text), reason=NO_CURRENCY_NAMED)
    if len(text) == 6 and text[:3] in _MONEY and text[3:] in _MONEY:
        return SymbolParts(text[:3], text[3:], text[3:], "spot")
    readings = [(text.removesuffix(quote), quote) for quote in JOINED_QUOTES if text.endswith(quote)]
    readings = [
        (base, quote) for base, quote in readings if len(base) > 2 or base in KNOWN or (base and len(quote) > 3)
    ]
    if not readings:
        return SymbolParts(reason=NO_CURRENCY_NAMED)
    if len(readings) > 1 and len(readings[0][1]) - len(readings[1][1]) == 1:  # BATUSD: BAT in USD, or BA in TUSD?
        known = [reading for reading in readings if reading[0] in KNOWN]
        if len(known) != 1:
            return SymbolParts(reason=TWO_READINGS)
        readings = known
    base, quote = readings[0]
    if quote == "USD" and base not in _MONEY:
        return SymbolParts(plain_currency(base), "USD", "", "unknown", INVERSE)
    return SymbolParts(plain_currency(base), plain_currency(quote), plain_currency(quote))


def _kind_of(ending: str) -> Kind:
    if ending in ("SWAP", "PERP", "PERPETUAL"):
        return "perpetual"
    return "option" if ending.endswith(("C", "P")) else "future"


def plain_currency(code: str) -> str:
    """The code by which a currency is known here: BTC for XBT."""
    return SAME.get(code, code)


MIN_LIKENESS = 0.6
"""Of a code to the one that is probably meant, 0 to 1."""


def probably_meant(code: str) -> str:
    """The known code that one is probably a slip of; empty for one that is known, or like none."""
    close = [] if code in KNOWN else difflib.get_close_matches(code, sorted(KNOWN), 1, MIN_LIKENESS)
    return close[0] if close else ""


@lru_cache(maxsize=4_096)
def customary_pair(one: str, other: str) -> tuple[str, str]:
    """Two currencies, in any order, as base and quote: the earlier rank is the quote, else the alphabet decides."""
    base, quote = sorted((one, other), key=lambda code: (-_rank(code), code))
    return base, quote


def _rank(code: str) -> int:
    return next((rank for rank, codes in enumerate(RANKS) if code in codes), len(RANKS))


# Order matters: the first pattern that matches decides, so special forms come before general ones.
_ENDING = rf"(SWAP|PERP|PERPETUAL|{_DATE}(?:-{_STRIKE}-[CP])?)"
_FORMS: tuple[tuple[re.Pattern[str], Callable[..., SymbolParts]], ...] = tuple(
    (re.compile(pattern, re.ASCII), read)
    for pattern, read in (
        (rf"([^/:]+)/({_CODE})(?::({_CODE})(?:-({_DATE})(?:-({_STRIKE}-[CP]))?)?)?", _slash),
        (r"(PF|PI|FF|FI)_([A-Z0-9]+?)(USD|EUR|GBP)(?:_\d{6})?", _kraken_contract),
        (rf"({_CODE})[-_]({_CODE})[-_]{_ENDING}", _derivative),
        (rf"({_CODE})-({_DATE}-{_STRIKE}-[CP])-(USDT|USDC)", _dated_option),
        (rf"({_CODE})[-_]{_ENDING}", _underlying),
        (rf"(SPOT|PERP)_({_CODE})_({_CODE})", _prefixed),
        (r"X([A-Z]{3})[XZ]([A-Z]{3})", _kraken_spot),
        (rf"({_CODE})-({_CODE})", _dashed),
        (rf"({_CODE})_({_CODE})", _underscored),
        (rf"({_CODE})\.({_CODE})", _dotted),
        (r"([A-Z]{1,6})\d{6}[CP]\d{8}", _occ_option),
        (rf"({_CODE})", _joined),
    )
)
