"""Reads the numbers of a column; where only the user can say what one is, it is asked."""

import re
from collections.abc import Callable

from trading_files.errors import UnreadableValue
from trading_files.mapping.around import Asked, RowError
from trading_files.mapping.asking import ambiguous_question, decimal_question
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.amounts import is_code, read_amount
from trading_files.values.numbers import read_fraction, read_number
from trading_model.field_rules import FieldError, read_decimal

PLAIN_NUMBER = re.compile(r"(?=[\d.]{1,39}\Z)(?:0|[1-9]\d{0,37})(?:\.\d+)?", re.ASCII)
"""A number as the ledger has it: 38 digits at most."""

_NEGATIVE = re.compile(r"-(?=[\d.]{1,39}\Z)(?=[0.]*[1-9])(?:0|[1-9]\d{0,37})(?:\.\d+)?", re.ASCII)
"""A number less than 0 as the ledger has it."""

_AMOUNT = re.compile(r"(?=[\d.]{1,39}[A-Z])((?:0|[1-9]\d{0,37})(?:\.\d+)?)([A-Za-z]{2,10})", re.ASCII)

_APOSTROPHE = re.compile(r"(?<=\d)['’](?=\d)")

ReadText = Callable[[str], str]
NumberOf = Callable[[str], ReadText]
"""Makes the function that reads the numbers of a column, given its name."""


def number_reader(label: str, decimal: str, thousands: bool, fractions: bool) -> ReadText:
    """Reads numbers with this decimal sign; "" if unknown. `thousands`: the other sign is known to separate them.

    `fractions`: an apostrophe stands before the 32nds or the eighths of a point, and separates no thousands.
    """
    other = "," if decimal == "." else "."
    is_point, plain, negative = decimal == ".", PLAIN_NUMBER.fullmatch, _NEGATIVE.fullmatch

    def number(text: str) -> str:
        if is_point and (plain(text) is not None or negative(text) is not None):
            return text
        if fractions and _APOSTROPHE.search(text) is not None:
            fraction = read_fraction(text)
            if fraction is None:
                raise RowError(label, f"{text[:80]!r} is not a price in 32nds or eighths of a point")
            return _limited(fraction, label)
        try:
            found = read_number(text, decimal)
        except UnreadableValue as error:
            if not decimal or other not in text or not _is_number(text, other):
                raise RowError(label, str(error)) from None
            raise Asked(decimal_question(label, text)) from None
        if isinstance(found, Ambiguous):
            raise Asked(ambiguous_question(label, found))
        if other in text and not thousands and _is_number(text, other):
            raise Asked(decimal_question(label, text))
        return _limited(found, label)

    return number


def in_range(number: str) -> str:
    """The number, if the ledger takes it. Raises FieldError: it has too many digits."""
    return read_decimal(number.encode())


def _limited(number: str, label: str) -> str:
    try:
        return in_range(number)
    except FieldError as error:
        raise RowError(label, str(error)) from None


def amount_reader(label: str, decimal: str, number: ReadText) -> ReadText:
    """Reads the number of an amount, with a unit or without: 0.5DOGE, $420.10."""

    is_point = decimal == "."

    def amount(text: str) -> str:
        plain = split_plain(text) if is_point else None
        if plain is not None:
            return plain[0]
        try:
            found = read_amount(text, decimal)
        except UnreadableValue as error:
            raise RowError(label, str(error)) from None
        if not found.unit:
            return number(text)
        if isinstance(found.number, Ambiguous):
            raise Asked(ambiguous_question(label, found.number))
        return _limited(found.number, label)

    return amount


def split_plain(text: str) -> tuple[str, str] | None:
    """The number and the unit of an amount as most are, with a point: 0.5DOGE. None for any other text."""
    found = _AMOUNT.fullmatch(text)
    return (found[1], found[2]) if found is not None and is_code(found[2]) else None


def _is_number(text: str, decimal: str) -> bool:
    try:
        return bool(read_number(text, decimal))
    except UnreadableValue:
        return False
