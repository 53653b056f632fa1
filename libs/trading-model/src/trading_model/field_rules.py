"""Checks each field of a trade: from a client's JSON value to the text that is journaled. No I/O.

Every `read_` function takes one JSON value as bytes, every `check_` function a decoded string. They return text that
needs no escape inside a JSON string, and raise FieldError. Numbers never become binary floats, so all digits stay.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import lru_cache

import msgspec

from trading_model.instruments import Terms

MAX_DIGITS = 38
MAX_EXPONENT_DIGITS = 3
MAX_IDENTIFIER = 128
MAX_NAME = 64
MAX_SYMBOL = 128
MAX_TAGS = 16
NANOSECONDS = 1_000_000_000

EARLIEST_SECONDS = 100_000_000
"""1973-03-03. From this time on, the size of a Unix time shows whether its unit is s, ms, µs or ns."""

LATEST_AHEAD_SECONDS = 86_400
"""Maximum that a trade's time may be ahead of this machine's clock, in seconds. Allows for wrong clocks."""

_EXACT = Context(prec=100)

_POINT, _ZERO = b".0"
_NUMBER = re.compile(rb'"?(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?"?')
_PLAIN_SYMBOL = re.compile(r"[A-Z0-9._:/-]{1,32}")
_OCC_OPTION = re.compile(r"([A-Z][A-Z0-9.]{0,5}) {1,5}(\d{6}[CP]\d{8})", re.ASCII)
_CURRENCY = re.compile(r"[A-Za-z0-9]{1,16}")
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


class FieldError(ValueError):
    """An invalid value of a field. The message says which values are valid."""


def check_price(price: str, symbol: str, terms_of: Callable[[str], Terms]) -> str:
    """A price as `read_decimal` gives it: 0 for an option that expires, but not for an inverse contract; negative only
    if the symbol's instrument says so.
    """
    is_negative = price[0] == "-"
    if is_negative or not price.strip("0."):
        terms = terms_of(symbol)
        if terms.inverse:
            raise FieldError(f"must be more than 0: {symbol} is inverse, a unit is worth 1 / price")
        if is_negative and not terms.negative_prices:
            raise FieldError(f"must be 0 or more: no instrument says `negative_prices` of {symbol}")
    return price


def read_amount(raw: bytes | msgspec.Raw) -> str:
    """A quantity or a multiplier: more than 0, at most 38 digits, kept as written. An exponent is expanded."""
    text = read_decimal(raw)
    if text[0] == "-" or not text.strip("0."):
        raise FieldError("must be more than 0")
    return text


def read_decimal(raw: bytes | msgspec.Raw) -> str:
    """A number of any sign, at most 38 digits, kept as written. An exponent is expanded."""
    written = bytes(raw)
    if written[:1] == b'"':
        written = written[1:-1]
    if (
        written.replace(b".", b"", 1).isdigit()
        and len(written) <= MAX_DIGITS
        and written[0] != _POINT
        and written[-1] != _POINT
        and (written[0] != _ZERO or len(written) == 1 or written[1] == _POINT)
    ):
        return written.decode()  # digits and perhaps a point, as nearly all are: no regular expression is needed
    return _read_any_decimal(raw)


def _read_any_decimal(raw: bytes | msgspec.Raw) -> str:
    match = _NUMBER.fullmatch(raw)
    if match is None:
        raise FieldError("must be a number such as 1234.5, with a point for decimals and no separators")
    sign, whole, fraction, exponent = match.groups(default=b"")
    # Before the expansion: 1e999999999 would become a gigabyte of zeros.
    if len(exponent.lstrip(b"+-0")) > MAX_EXPONENT_DIGITS:
        raise FieldError("is out of range: at most 38 digits on either side of the point")
    if len((whole + fraction).lstrip(b"0")) > MAX_DIGITS:
        raise FieldError(f"has {len(whole + fraction)} digits; the maximum is {MAX_DIGITS}")
    text = (sign + whole + (b"." + fraction if fraction else b"")).decode()
    if exponent:
        text = format(Decimal(f"{text}E{exponent.decode()}"), "f")
    whole_text, _, fraction_text = text.lstrip("-").partition(".")
    if len(whole_text) > MAX_DIGITS or len(fraction_text) > MAX_DIGITS:
        raise FieldError("is out of range: at most 38 digits on either side of the point")
    return text


def read_symbol(raw: bytes) -> str:
    """A symbol."""
    return check_symbol(_text(raw))


def read_side(raw: bytes) -> str:
    """`buy` or `sell`."""
    return check_side(_text(raw))


def read_position_side(raw: bytes) -> str:
    """`long` or `short`."""
    return check_position_side(_text(raw))


def read_tags(raw: bytes | msgspec.Raw) -> str:
    """Tags, as an array of strings or as one string with commas between them: the JSON text of an array."""
    try:
        tags = _decode_tags(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise FieldError("must be an array of strings, or one string with commas between the tags") from None
    if isinstance(tags, str):
        tags = [tag.strip(" ") for tag in tags.split(",")]
    return check_tags(tags)


def read_currency(raw: bytes) -> str:
    """A currency's code, in upper case."""
    return check_currency(_text(raw))


def read_name(raw: bytes) -> str:
    """An account, a strategy or a venue."""
    return check_name(_text(raw))


def read_identifier(raw: bytes) -> str:
    """A trade's or an order's id."""
    return check_identifier(_text(raw))


def read_timestamp(raw: bytes, now_ns: int) -> str:
    """The time of a trade: RFC 3339, or s, ms, µs or ns since 1970. Returns RFC 3339 in UTC.

    `now_ns` is Unix time in nanoseconds; later times are valid up to LATEST_AHEAD_SECONDS ahead.
    """
    nanoseconds = read_instant(raw)
    if nanoseconds < EARLIEST_SECONDS * NANOSECONDS:
        raise FieldError("is before March 1973")
    if nanoseconds > now_ns + LATEST_AHEAD_SECONDS * NANOSECONDS:
        clock = format_second(now_ns // NANOSECONDS)
        raise FieldError(f"is more than a day ahead of this machine's clock ({clock}Z)")
    return format_timestamp(nanoseconds)


def read_instant(raw: bytes) -> int:
    """Any time, as a trade's is written: Unix time in nanoseconds."""
    if raw.startswith(b'"') and b"-" in raw:
        return _parse_rfc3339(_text(raw))
    return _parse_epoch(raw)


def format_timestamp(nanoseconds: int) -> str:
    """RFC 3339 in UTC, with 0, 3, 6 or 9 decimals, the fewest that hold it. The same instant gives the same text."""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    if not rest:
        return f"{format_second(seconds)}Z"
    if not rest % 1_000_000:
        return f"{format_second(seconds)}.{rest // 1_000_000:03d}Z"
    if not rest % 1_000:
        return f"{format_second(seconds)}.{rest // 1_000:06d}Z"
    return f"{format_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=4_096)
def format_second(seconds: int) -> str:
    """RFC 3339 of a whole second in UTC, without the zone. Cached: trades of one second share it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def _parse_epoch(raw: bytes) -> int:
    if len(raw) == 13 and raw.isdigit():  # milliseconds until the year 2286, which nearly every exchange sends
        return int(raw) * 1_000_000
    try:
        number = Decimal(read_decimal(raw))
    except FieldError:
        raise FieldError("must be RFC 3339, such as 2026-01-31T12:00:00Z, or s, ms, µs or ns since 1970") from None
    per_unit = NANOSECONDS
    for limit in (100_000_000_000, 100_000_000_000_000, 100_000_000_000_000_000):
        if number < limit:
            break
        per_unit //= 1_000
    return int(_EXACT.multiply(number, per_unit))


def _parse_rfc3339(text: str) -> int:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise FieldError("must be RFC 3339 with a time zone, such as 2026-01-31T12:00:00Z")
    day, clock, decimals, zone = match.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
        seconds = int(moment.timestamp())
    except (ValueError, OverflowError) as error:
        raise FieldError(f"is not a date and time: {error}") from None
    return seconds * NANOSECONDS + int(decimals.ljust(9, "0") or 0)


@lru_cache(maxsize=4_096)
def check_symbol(text: str) -> str:
    """The symbol of a fill, from text. Raises FieldError.

    In Unicode's form NFC; in upper case, unless it has a capital letter: `kPEPE` is another symbol than `KPEPE`. The
    padding in the symbol of a listed option is removed: `AAPL  251219C00150000`, as the OCC writes it.
    """
    if _PLAIN_SYMBOL.fullmatch(text) is not None:
        return text
    if len(text) > MAX_SYMBOL:
        raise FieldError(f"must have 1 to {MAX_SYMBOL} characters")
    symbol = unicodedata.normalize("NFC", text)
    if not any(character.isupper() or character.istitle() for character in symbol):
        symbol = unicodedata.normalize("NFC", symbol.upper())
    option = _OCC_OPTION.fullmatch(symbol)
    if option is not None:
        symbol = "".join(option.groups())
    _check_text(symbol, MAX_SYMBOL)
    if "  " in symbol:
        raise FieldError("must have no two spaces in a row")
    return symbol


@lru_cache(maxsize=4_096)
def case_folded(symbol: str) -> str:
    """A symbol as a fill's identity and its position have it: in upper case."""
    return unicodedata.normalize("NFC", symbol.upper())


@lru_cache(maxsize=64)
def check_side(text: str) -> str:
    """The side of a fill, from text. Raises FieldError."""
    side = text.lower()
    if side not in ("buy", "sell"):
        raise FieldError("must be buy or sell")
    return side


@lru_cache(maxsize=64)
def check_position_side(text: str) -> str:
    """The side of a hedged position, from text. Raises FieldError."""
    side = text.lower()
    if side not in ("long", "short"):
        raise FieldError("must be long or short")
    return side


def check_tags(tags: Sequence[str]) -> str:
    """The tags of a fill as JSON, from texts; empty if there are none. Raises FieldError."""
    if len(tags) > MAX_TAGS:
        raise FieldError(f"has {len(tags)} tags; the maximum is {MAX_TAGS}")
    for tag in tags:
        check_tag(tag)
    if len(set(tags)) < len(tags):
        raise FieldError("has the same tag twice")
    return '["' + '","'.join(tags) + '"]' if tags else ""


@lru_cache(maxsize=4_096)
def check_tag(text: str) -> str:
    """One tag; commas separate tags in a text, so a tag has none. Raises FieldError."""
    if "," in text:
        raise FieldError("must be tags without a comma")
    return _check_text(text, MAX_NAME)


def check_currency(text: str) -> str:
    """A currency code in upper case, from text. Raises FieldError."""
    if _CURRENCY.fullmatch(text) is None:
        raise FieldError("must be 1 to 16 of A-Z 0-9")
    return text.upper()


@lru_cache(maxsize=4_096)
def check_name(text: str) -> str:
    """A name, such as that of an account, from text. Raises FieldError."""
    return _check_text(text, MAX_NAME)


def check_identifier(text: str) -> str:
    """An identifier, such as a trade_id, from text. Raises FieldError."""
    return _check_text(text, MAX_IDENTIFIER)


def _check_text(text: str, maximum: int) -> str:
    # isprintable rejects control characters and lone surrogates, so the text needs no escape in JSON or in a label.
    if not 1 <= len(text) <= maximum:
        raise FieldError(f"must have 1 to {maximum} characters")
    if not text.isprintable() or '"' in text or "\\" in text or text[0] == " " or text[-1] == " ":
        raise FieldError('must be printable, without " and \\ and without spaces at its ends')
    return text


def _text(raw: bytes) -> str:
    try:
        return _decode_text(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise FieldError("must be a string") from None


_decode_text: Callable[[bytes], str] = msgspec.json.Decoder(str).decode
_decode_tags = msgspec.json.Decoder(list[str] | str).decode
