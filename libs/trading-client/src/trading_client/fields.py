"""Checks the members of a trade and of cash by the app's rules, and writes them as a line of JSON. No I/O.

What passes here the app accepts, but for what only the app knows: its clock, its instruments, what it has already.
Values are written as text with the caller's digits. A float is written in the shortest form that is the same float.
"""

from __future__ import annotations

import json
import numbers
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, Union

from trading_client.errors import FieldError

Number = Union[str, int, float, Decimal]
Time = Union[str, int, float, datetime, None]

MAX_DIGITS = 38
MAX_EXPONENT_DIGITS = 3
MAX_IDENTIFIER = 128
MAX_NAME = 64
MAX_SYMBOL = 128
MAX_TAGS = 16
MAX_TEXT = 2_000
SIDES = ("buy", "sell")
POSITION_SIDES = ("long", "short")
CASH_REASONS = (
    *("funding", "interest", "borrow", "dividend", "tax", "commission", "rebate", "reward", "adjustment"),
    *("deposit", "withdrawal"),
)

_NANOSECONDS = 1_000_000_000
_EARLIEST_NS = 100_000_000 * _NANOSECONDS  # 1973-03-03
_LATEST_AHEAD_NS = 86_400 * _NANOSECONDS
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,5}))?")
_OCC_OPTION = re.compile(r"[A-Z][A-Z0-9.]{0,5} {1,5}\d{6}[CP]\d{8}", re.ASCII)
_CURRENCY = re.compile(r"[A-Za-z0-9]{1,16}")
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_RFC3339 = re.compile(rf"(\d{{4}}-\d\d-\d\d)[Tt ]({_CLOCK}:\d\d)(?:\.(\d{{1,9}}))?([Zz]|[+-]{_CLOCK})", re.ASCII)


def trade_line(
    symbol: str,
    side: str,
    price: Number,
    qty: Number,
    ts: Time,
    trade_id: str,
    now_ns: int,
    optional: Iterable[tuple[str, Any]] = (),
    tags: Sequence[str] | None = None,
) -> bytes:
    """One trade as `POST /trades` takes it, with its line break. `optional` are members of OPTIONAL; None is no value.

    `trade_id` is valid: made, or looked at by `check_identifier`.

    Raises FieldError.
    """
    if type(symbol) is not str or type(side) is not str:
        symbol, side = _string("symbol", symbol), _string("side", side)
    text = (
        f'{_beginning(symbol, side)}"price":"{_number("price", price)}","qty":"{_positive("qty", qty)}"'
        f',"ts":{now_ns if ts is None else _time(ts, now_ns)},"trade_id":"{trade_id}"'
    )
    for name, value in optional:
        if value is not None:
            text += f',"{name}":"{OPTIONAL[name](name, value)}"'
    if tags is not None:
        text += _tags("tags", tags)
    return (text + "}\n").encode()


def cash_line(
    currency: str,
    amount: Number,
    reason: str,
    ts: Time,
    event_id: str,
    now_ns: int,
    account: str | None,
    strategy: str | None,
    symbol: str | None,
    position_side: str | None,
    venue: str | None,
    text: str | None,
) -> bytes:
    """One event of the kind `cash` as `POST /events` takes it, with its line break. Raises FieldError."""
    members = {
        "kind": "cash",
        "id": _identifier("event_id", event_id),
        "currency": _currency("currency", currency),
        "amount": _number("amount", amount),
        "reason": _word("reason", reason, CASH_REASONS),
        "account": None if account is None else _name("account", account),
        "strategy": None if strategy is None else _name("strategy", strategy),
        "symbol": None if symbol is None else _symbol(symbol),
        "position_side": None if position_side is None else _position_side("position_side", position_side),
        "venue": None if venue is None else _name("venue", venue),
        "text": None if text is None else _free_text("text", text),
    }
    if not re.split("[eE]", str(members["amount"]))[0].strip("-0."):
        raise FieldError("amount", "must not be 0")
    line = json.dumps({name: value for name, value in members.items() if value is not None})
    return f'{line[:-1]},"ts":{_time(ts, now_ns)}}}\n'.encode()


def check_owner(account: str | None, strategy: str | None) -> None:
    """Raises FieldError if an account or a strategy is not a valid name."""
    if account is not None:
        _name("account", account)
    if strategy is not None:
        _name("strategy", strategy)


def check_identifier(field: str, value: str) -> str:
    """The text of an id. Raises FieldError."""
    return _identifier(field, value)


@lru_cache(maxsize=4_096)
def _beginning(symbol: str, side: str) -> str:
    """The first members of a line. Cached: a bot trades few symbols."""
    return f'{{"symbol":"{_symbol(symbol)}","side":"{_word("side", side, SIDES)}",'


def _number(field: str, value: object) -> str:
    """A number as text, with its digits."""
    kind = type(value)
    if kind is str:
        text: str = value  # type: ignore[assignment]  # it is a str
    elif kind is float:
        text = repr(value)
    else:
        text = _other_number(field, value)
    if _PLAIN_NUMBER.fullmatch(text) is None:
        _check_number(field, text)
    return text


def _other_number(field: str, value: object) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float.__repr__(value)  # numpy's float64 is a float that writes itself in another way
    if isinstance(value, (Decimal, numbers.Number)) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # Python's maximum of digits of an int
            raise FieldError(field, f"has more than {MAX_DIGITS} digits") from None
    raise FieldError(field, f"must be a number, or a string that holds one; it is {_shown(value)}")


def _check_number(field: str, text: str) -> None:
    """The rule of the app's `field_rules.read_decimal`."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise FieldError(field, f"must be a number, or a string that holds one; it is {_shown(text)}")
    whole, fraction, exponent = match.groups(default="")
    if len((whole + fraction).lstrip("0")) > MAX_DIGITS:
        raise FieldError(field, f"has {len(whole + fraction)} digits; the maximum is {MAX_DIGITS}")
    too_long = len(exponent.lstrip("+-0")) > MAX_EXPONENT_DIGITS  # looked at first: 1e999999999 has a billion digits
    if exponent and not too_long:
        whole, _, fraction = format(Decimal(text), "f").lstrip("-").partition(".")
    if too_long or len(whole) > MAX_DIGITS or len(fraction) > MAX_DIGITS:
        raise FieldError(field, f"is out of range: at most {MAX_DIGITS} digits on either side of the point")


def _positive(field: str, value: object) -> str:
    text = _number(field, value)
    significant = text.strip("0.")
    if not significant or significant[0] in "-eE":
        raise FieldError(field, f"must be more than 0; it is {text[:40]}")
    return text


def _string(field: str, value: object) -> str:
    """The text of a string, also of a member of an enum of strings."""
    if not isinstance(value, str):
        raise FieldError(field, f"must be a string; it is {_shown(value)}")
    return str.__str__(value)


def _symbol(value: str) -> str:
    return _checked_symbol(value if type(value) is str else _string("symbol", value))


@lru_cache(maxsize=4_096)
def _checked_symbol(value: str) -> str:
    """The rule of the app's `field_rules.check_symbol`."""
    if len(value) > MAX_SYMBOL:
        raise FieldError("symbol", f"must have 1 to {MAX_SYMBOL} characters")
    text = unicodedata.normalize("NFC", value)
    has_capital = any(character.isupper() or character.istitle() for character in text)
    stored = text if has_capital else unicodedata.normalize("NFC", text.upper())
    if _OCC_OPTION.fullmatch(stored) is None:  # as the OCC writes it, padded with spaces
        _check_text("symbol", stored, MAX_SYMBOL)
        if "  " in stored:
            raise FieldError("symbol", "must have no two spaces in a row")
    return value


def _position_side(field: str, value: str) -> str:
    return _word(field, value, POSITION_SIDES)


def _word(field: str, value: str, words: tuple[str, ...]) -> str:
    if type(value) is str and value in words:
        return value
    word = _string(field, value).lower()
    if word not in words:
        raise FieldError(field, f"must be {', '.join(words[:-1])} or {words[-1]}; it is {_shown(value)}")
    return word


def _name(field: str, value: str) -> str:
    return _checked_name(field, value if type(value) is str else _string(field, value))


@lru_cache(maxsize=4_096)
def _checked_name(field: str, value: str) -> str:
    return _check_text(field, value, MAX_NAME)


def _currency(field: str, value: str) -> str:
    return _checked_currency(field, value if type(value) is str else _string(field, value))


@lru_cache(maxsize=256)
def _checked_currency(field: str, text: str) -> str:
    if _CURRENCY.fullmatch(text) is None:
        raise FieldError(field, f"must be 1 to 16 of A-Z 0-9; it is {_shown(text)}")
    return text


def _identifier(field: str, value: str) -> str:
    return _check_text(field, value if type(value) is str else _string(field, value), MAX_IDENTIFIER)


def _check_text(field: str, text: str, maximum: int) -> str:
    """What passes needs no escape inside a JSON string."""
    if not 1 <= len(text) <= maximum:
        raise FieldError(field, f"must have 1 to {maximum} characters; it has {len(text)}")
    if not text.isprintable() or '"' in text or "\\" in text or text[0] == " " or text[-1] == " ":
        raise FieldError(field, f'must be printable, without " and \\ and without spaces at its ends: {_shown(text)}')
    return text


def _free_text(field: str, value: str) -> str:
    """The rule of the app's `kind_rules.read_text`."""
    text = _string(field, value).strip()
    if not 1 <= len(text) <= MAX_TEXT:
        raise FieldError(field, f"must have 1 to {MAX_TEXT} characters")
    if any(not (character.isprintable() or character in "\n\t") for character in text.replace("\u200d", "")):
        raise FieldError(field, "must not have control characters other than line breaks and tabs")
    return text


def _tags(field: str, value: Sequence[str]) -> str:
    if isinstance(value, str):
        tags = [tag.strip(" ") for tag in value.split(",")]
    elif isinstance(value, Sequence):
        tags = list(value)
    else:
        raise FieldError(field, f"must be strings; it is {_shown(value)}")
    if len(tags) > MAX_TAGS:
        raise FieldError(field, f"has {len(tags)} tags; the maximum is {MAX_TAGS}")
    texts = [_name(field, tag) for tag in tags]
    if any("," in tag for tag in texts):
        raise FieldError(field, "must be tags without a comma")
    if len(set(texts)) < len(texts):
        raise FieldError(field, "has the same tag twice")
    return ',"tags":["' + '","'.join(texts) + '"]' if texts else ""


def _time(value: Time, now_ns: int) -> str:
    """The time as JSON. Only `None` and a datetime become another text: nanoseconds since 1970."""
    if value is None:
        return str(now_ns)
    if isinstance(value, datetime):
        nanoseconds = _datetime_ns(value)
        text = str(nanoseconds)
    elif isinstance(value, str) and "-" in value:
        nanoseconds = _rfc3339_ns(value)
        text = f'"{str.__str__(value)}"'
    else:
        number = _number("ts", value)
        nanoseconds = _epoch_ns(number)
        text = f'"{number}"'
    if nanoseconds < _EARLIEST_NS:
        raise FieldError("ts", "is before March 1973")
    if nanoseconds > now_ns + _LATEST_AHEAD_NS:
        raise FieldError("ts", "is more than a day ahead of this machine's clock")
    return text


def _datetime_ns(moment: datetime) -> int:
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise FieldError("ts", "must have a time zone, such as datetime.now(timezone.utc)")
    return (moment - _EPOCH) // _MICROSECOND * 1_000


def _epoch_ns(text: str) -> int:
    """Nanoseconds since 1970. The size of a number shows whether it is s, ms, µs or ns."""
    number = Decimal(text)
    per_unit = _NANOSECONDS
    for limit in (10**11, 10**14, 10**17):
        if number < limit:
            break
        per_unit //= 1_000
    return int(number * per_unit)


def _rfc3339_ns(value: str) -> int:
    match = _RFC3339.fullmatch(value)
    if match is None:
        raise FieldError(
            "ts", f"must be RFC 3339 with a time zone, such as 2026-01-31T12:00:00Z; it is {_shown(value)}"
        )
    day, clock, decimals, zone = match.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
        whole = (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError) as error:
        raise FieldError("ts", f"is not a date and time: {error}") from None
    return whole * _NANOSECONDS + int(decimals.ljust(9, "0") or 0)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


OPTIONAL: Mapping[str, Callable[[str, Any], str]] = {
    "account": _name,
    "strategy": _name,
    "venue": _name,
    "order_id": _identifier,
    "fee": _number,
    "fee_currency": _currency,
    "currency": _currency,
    "position_side": _position_side,
    "multiplier": _positive,
}
"""How the members are checked that a trade may have beside the required ones and tags."""
