"""Symbols of options listed in the United States, from their parts."""

from datetime import date
from decimal import Decimal, InvalidOperation

from trading_files.errors import UnreadableValue
from trading_files.values.dates import find_date

_RIGHTS = {"c": "C", "call": "C", "p": "P", "put": "P"}


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


def _day(text: str) -> date:
    found = find_date(text.strip())
    day = None if found is None else found.readings.get("") or found.readings.get("mdy")
    if day is None:
        raise UnreadableValue(f"{text[:20]!r} is not a date such as 2026-01-09, 01/09/2026 or 9 JAN 26")
    return day
