"""Symbols of options listed in the United States: from their parts, and from the texts that brokers write."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation

from trading_files.errors import UnreadableValue
from trading_files.values.dates import find_date

_RIGHTS = {"c": "C", "call": "C", "p": "P", "put": "P"}

_ROOT = r"(?P<root>[A-Z][A-Z0-9.]{0,5})"
_RIGHT = r"(?P<right>[CP]|CALL|PUT)"
_STRIKE = r"\$?(?P<strike>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
_DAY = r"(?P<expiry>\d{4}-\d\d-\d\d|\d{1,2}/\d{1,2}/\d{2}(?:\d\d)?|\d{1,2} ?[A-Z]{3} ?\d\d|[A-Z]{3} \d{1,2} '?\d\d)"
_COMPACT = re.compile(rf"[-.]?{_ROOT} *(?P<expiry>\d{{6}})(?P<right>[CP])(?P<strike>\d+(?:\.\d+)?)", re.ASCII)
"""`AAPL  250117C00200000` as the OCC writes it, `-AAPL250117C200`, `.SPY250117P590.5`."""

_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"{_ROOT} {_DAY} {_RIGHT} {_STRIKE}",  # SPY 3/20/2026 Call $580.00
        rf"{_ROOT} {_DAY} {_STRIKE} {_RIGHT}",  # AAPL 01/17/2025 200.00 C, SPY 17JAN25 590 C, COF Mar 21 '25 $210 Call
        rf"{_RIGHT} {_ROOT} {_DAY} {_STRIKE}",  # PUT IWM 02/27/26 260.000
    )
)
_OCC_STRIKE = 8
"""Digits of a strike in thousandths, as the OCC writes it."""


def occ_symbol(root: str, expiry: str, strike: str, right: str) -> str:
    """The symbol by the OCC, without padding: AAPL251219C00150000.

    Raises UnreadableValue: `expiry` is not a date, `strike` not a number of at most 5 digits and 3 decimals, `right`
    neither call nor put.
    """
    kind = _RIGHTS.get(right.strip().lower())
    if kind is None:
        raise UnreadableValue(f"{right[:20]!r} is neither call nor put")
    try:
        thousandths = Decimal(strike) * 1_000
    except InvalidOperation:
        raise UnreadableValue(f"{strike[:20]!r} is not a strike") from None
    if thousandths != thousandths.to_integral_value() or not 0 < thousandths < 100_000_000:
        raise UnreadableValue(f"{strike[:20]!r} is not a strike of at most 5 digits and 3 decimals")
    name = root.strip().upper().lstrip("$.")
    return f"{name}{_day(expiry):%y%m%d}{kind}{int(thousandths):08d}"


def find_option(text: str, thousandths: bool) -> str | None:
    """The symbol by the OCC of the option that a broker's text names, month first in its dates; None if it names none.

    The strike of `AAPL250117C00200000` is in thousandths if it has eight digits, or if `thousandths`.
    Raises UnreadableValue: it has the form of one, and its date or strike is none.
    """
    words = " ".join(text.upper().split())
    compact = _COMPACT.fullmatch(words)
    if compact is not None:
        root, expiry, right, strike = compact.group("root", "expiry", "right", "strike")
        if "." not in strike and (thousandths or len(strike) == _OCC_STRIKE):
            strike = str(Decimal(strike) / 1_000)
        return occ_symbol(root, f"20{expiry}", strike, right)
    for form in _FORMS:
        found = form.fullmatch(words)
        if found is not None:
            root, expiry, right, strike = found.group("root", "expiry", "right", "strike")
            return occ_symbol(root, expiry.replace("'", ""), strike.replace(",", ""), right)
    return None


def _day(text: str) -> date:
    found = find_date(text.strip())
    day = None if found is None else found.readings.get("") or found.readings.get("mdy")
    if day is None:
        raise UnreadableValue(f"{text[:20]!r} is not a date such as 2026-01-09, 01/09/2026 or 9 JAN 26")
    return day
