"""Types of command line arguments. argparse calls them, and refuses an argument if they raise."""

import math
import re
from argparse import ArgumentTypeError


def positive_integer(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def positive_number(text: str) -> float:
    """A finite number above 0."""
    number = _number(text)
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def zero_or_more(text: str) -> float:
    """A finite number from 0."""
    return 0.0 if _number(text) == 0 else positive_number(text)


def plain_name(text: str) -> str:
    """1 to 64 letters, digits, dots, dashes or underscores."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        raise ArgumentTypeError(f"{text!r} is not 1 to 64 of A-Z a-z 0-9 . _ -")
    return text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
