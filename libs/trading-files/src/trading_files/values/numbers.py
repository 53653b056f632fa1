"""A number in any writing as canonical decimal text: digits of the file, "." before decimals, "-" if negative.

A text such as "1.000" is one or a thousand. Each text is read with the decimal point and with the decimal comma; where
both give a number and they differ, the result is Ambiguous, unless the caller knows the mark: from the source, from the
user, or from `DecimalMarks`, which looks at the other numbers of the file.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from trading_files.errors import UnreadableValue
from trading_files.values.ambiguous import Ambiguous
from trading_files.values.marks import unmark

MAX_LENGTH = 100
MAX_EXPONENT = 60

POINT, COMMA = ".", ","

_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_EXPONENT = re.compile(r"(.*\d[.,]?)[eE]([+-]?\d{1,4})", re.ASCII)
_GROUPS = re.compile(
    r"[1-9]\d{0,2}(?:([ '_.,])\d{3})(?:\1\d{3})*"  # 1,234,567
    r"|[1-9]\d?(?:,\d{2})+,\d{3}",  # 12,34,567: lakh and crore
    re.ASCII,
)
_FRACTION = re.compile(r"([-+]?\d{1,6})['’](?:(\d)|(\d\d)(\d?))", re.ASCII)
_EIGHTHS = ("0", "1", "2", "3", "5", "6", "7", "8")
"""The first decimal of each number of eighths: .0, .125, .25, .375, .5, .625, .75, .875."""

_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2008\u2009\u202f\t"), " ")
_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ´`"), "'")
_MINUSES = dict.fromkeys(map(ord, "−–﹣－‐‑"), "-")
_PLUSES = {ord("＋"): "+"}
_SIGNS = str.maketrans(_SPACES | _APOSTROPHES | _MINUSES | _PLUSES)


def read_number(text: str, decimal: str = "") -> str | Ambiguous:
    """Canonical decimal text of a number.

    Args:
        text: the cell, such as "1 234,50", "(2.50)", "- 2.50", "2.50-", "1.185e-05".
        decimal: the mark before decimals, "." or ","; "" if unknown.

    Raises:
        UnreadableValue: the text is not a number, or not one with this mark.
    """
    if decimal == POINT and _PLAIN.fullmatch(text) and text[0] != "-":
        return text
    negative, body = _split_sign(text)
    marks = (decimal,) if decimal else (POINT, COMMA)
    readings = {number: None for mark in marks if (number := _read(body, negative, mark)) is not None}
    if not readings:
        raise UnreadableValue(_refusal(text, decimal))
    if len(readings) > 1:
        return Ambiguous("decimal", text, tuple(readings))
    return next(iter(readings))


def _refusal(text: str, decimal: str) -> str:
    if "%" in text:
        return f"{text[:80]!r} is a percentage, not a number"
    mark = {POINT: " with a decimal point", COMMA: " with a decimal comma", "": ""}[decimal]
    return f"{text[:80]!r} is not a number{mark}"


def _split_sign(text: str) -> tuple[bool, str]:
    """Whether the number is negative, and its text without the sign. With two signs it stays unreadable."""
    body = unmark(text.strip()).translate(_SIGNS).strip()
    if len(body) > MAX_LENGTH:
        raise UnreadableValue(f"a number of {len(body)} characters; the maximum is {MAX_LENGTH}")
    if body[:1] == "(" and body[-1:] == ")":
        return True, body[1:-1].strip()
    if body[:1] in ("-", "+"):
        return body[0] == "-", body[1:].strip()
    if body[-1:] in ("-", "+"):
        return body[-1] == "-", body[:-1].strip()
    return False, body


def _read(body: str, negative: bool, mark: str) -> str | None:
    """The number if `mark` separates its decimals; None if it can't be read so."""
    exponent = _EXPONENT.fullmatch(body)
    digits = exponent[1] if exponent else body
    whole, _, decimals = digits.partition(mark)
    if (whole and not whole.isdigit()) and (exponent or not _GROUPS.fullmatch(whole) or mark in whole):
        return None
    if not (whole or decimals) or (decimals and not decimals.isdigit()) or not digits.isascii():
        return None
    whole = re.sub(r"[ '_.,]", "", whole).lstrip("0") or "0"
    number = f"{whole}.{decimals}" if decimals else whole
    if exponent:
        if abs(int(exponent[2])) > MAX_EXPONENT:
            return None
        number = format(Decimal(f"{number}E{exponent[2]}"), "f")
    return f"-{number}" if negative and number.strip("0.") else number


def read_fraction(text: str) -> str | None:
    """A price in points and parts of a point, as futures on bonds and grains have it, as decimal text; None for others.

    One digit counts eighths (`450'2` is 450.25), two count 32nds (`110'16` is 110.5), a third one the eighths of a
    32nd, without what follows its first decimal (`108'165` is 108 and 16.5/32; 2 stands for 25, 7 for 75).
    """
    found = _FRACTION.fullmatch(text.strip())
    if found is None:
        return None
    points, single, parts, rest = found.groups()
    if single is not None:
        eighths, size = int(single), 8
    elif (rest or "0") in _EIGHTHS:
        eighths, size = int(parts) * 8 + _EIGHTHS.index(rest or "0"), 256
    else:
        return None
    if eighths >= size:
        return None
    number = format(abs(Decimal(points)) + Decimal(eighths) / size, "f")
    return f"-{number}" if points[0] == "-" else number


def has_exponent(text: str) -> bool:
    """Whether a text is a number in exponent form, as a spreadsheet writes a long id: digits of it are lost."""
    return bool(_EXPONENT.fullmatch(text.strip())) and any(mark in text for mark in "+-.,")


@dataclass(slots=True)
class DecimalMarks:
    """Which mark the numbers of a column or a file have before their decimals: "38,10" shows a comma, "0.5" a point.

    `point` and `comma` are the first texts that can be read with one mark alone, `open` the first that can be read with
    either and then differ. "1000" shows nothing.
    """

    point: str = ""
    comma: str = ""
    open: str = ""

    def see(self, text: str) -> None:
        """Count one cell in. A text that is not a number shows nothing."""
        if POINT not in text and COMMA not in text:
            return
        try:
            _, body = _split_sign(text)
        except UnreadableValue:
            return
        by_point, by_comma = _read(body, False, POINT), _read(body, False, COMMA)
        if by_point is None and by_comma is not None:
            self.comma = self.comma or text
        elif by_comma is None and by_point is not None:
            self.point = self.point or text
        elif by_point != by_comma:
            self.open = self.open or text

    def add(self, other: "DecimalMarks") -> None:
        """Count another column in."""
        self.point, self.comma, self.open = (
            self.point or other.point,
            self.comma or other.comma,
            self.open or other.open,
        )

    @property
    def mark(self) -> str:
        """The mark if all numbers agree on one; "" if none shows it, or both are shown."""
        if bool(self.point) == bool(self.comma):
            return ""
        return POINT if self.point else COMMA
