"""Checks the members of events that are not fills: from a client's JSON value to the JSON that is journaled. No I/O.

Every function takes one JSON value as bytes and the current time in Unix nanoseconds. It returns JSON text, and raises
FieldError. A fill's own fields have their rules in `field_rules`, which are used here too.
"""

from collections.abc import Callable
from datetime import date

import msgspec

from trading_model import field_rules as rules
from trading_model.field_rules import FieldError

Rule = Callable[[bytes, int], str]

MAX_TEXT = 2_000
MAX_ALIASES = 64
MAX_WHOLE_NUMBER = 10**9
MAX_SEQUENCE = 10**18 - 1


def plain(read: Callable[[bytes], str]) -> Rule:
    """A rule of `field_rules`, whose text needs no escape, as JSON."""
    return lambda raw, _now_ns: f'"{read(raw)}"'


def read_time(raw: bytes, now_ns: int) -> str:
    """A time as a fill has it."""
    return f'"{rules.read_timestamp(raw, now_ns)}"'


def read_amount_but_0(raw: bytes, _now_ns: int) -> str:
    """An amount of either sign."""
    text = rules.read_decimal(raw)
    if not text.strip("-0."):
        raise FieldError("must not be 0")
    return f'"{text}"'


def read_whole_number(raw: bytes, _now_ns: int) -> str:
    """A whole number from 1, as a JSON number or as a string that holds one."""
    return _read_whole(raw, MAX_WHOLE_NUMBER, f"must be a whole number from 1 to {MAX_WHOLE_NUMBER}")


def read_count(raw: bytes, _now_ns: int) -> str:
    """A whole number from 0, as a JSON number or as a string that holds one."""
    return _read_whole(raw, MAX_WHOLE_NUMBER, f"must be a whole number from 0 to {MAX_WHOLE_NUMBER}", minimum=0)


def read_sequence(raw: bytes, _now_ns: int = 0) -> str:
    """The sequence of an event in the ledger."""
    return _read_whole(raw, MAX_SEQUENCE, "must be the `seq` of an event in the ledger, a whole number from 1")


def _read_whole(raw: bytes, maximum: int, complaint: str, minimum: int = 1) -> str:
    """A number from `minimum`. `1092.0` is a whole number, as in JSON Schema: some languages write it so."""
    try:
        whole, _, fraction = rules.read_decimal(raw).partition(".")
    except FieldError:
        raise FieldError(complaint) from None
    if fraction.strip("0") or not minimum <= int(whole) <= maximum:
        raise FieldError(complaint)
    return str(int(whole))


def read_boolean(raw: bytes, _now_ns: int) -> str:
    """True or false."""
    if raw not in (b"true", b"false"):
        raise FieldError("must be true or false")
    return raw.decode()


def one_of(*words: str) -> Rule:
    """A rule for one of these words, in any case."""

    def read(raw: bytes, _now_ns: int) -> str:
        word = _string(raw).lower()
        if word not in words:
            raise FieldError(f"must be one of {', '.join(words)}")
        return f'"{word}"'

    return read


def read_text(raw: bytes, _now_ns: int) -> str:
    """A text for people: any characters but control characters, line breaks and tabs allowed."""
    text = _string(raw).strip()
    if not 1 <= len(text) <= MAX_TEXT:
        raise FieldError(f"must have 1 to {MAX_TEXT} characters")
    if any(not (character.isprintable() or character in "\n\t") for character in text.replace("\u200d", "")):
        raise FieldError("must not have control characters other than line breaks and tabs")
    return msgspec.json.encode(text).decode()


def read_tags(raw: bytes, _now_ns: int) -> str:
    """Tags as a fill has them; an empty list is no value, an empty text."""
    return rules.read_tags(raw)


def read_day(raw: bytes, _now_ns: int) -> str:
    """A calendar day."""
    text = _string(raw)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise FieldError("must be a day, such as 2026-01-31")
    return f'"{text}"'


def read_pattern(raw: bytes, _now_ns: int) -> str:
    """A symbol in which `*` stands for any characters."""
    text = _string(raw)
    if "*" not in text:
        raise FieldError("has no *; name a single symbol in `symbol`")
    if not text.strip("*"):
        raise FieldError("would match every symbol; name at least one more character")
    rules.check_symbol(text.replace("*", "X"))
    return msgspec.json.encode(text if any(map(str.isupper, text)) else text.upper()).decode()


def list_of(read: Callable[[bytes], str], maximum: int) -> Rule:
    """A rule for a list of different values, at most `maximum`; an empty list says that there are none. `read` is a
    rule of `field_rules`.
    """

    def read_list(raw: bytes, _now_ns: int) -> str:
        try:
            values = _decode_list(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise FieldError("must be a list of strings") from None
        if len(values) > maximum:
            raise FieldError(f"has {len(values)} values; the maximum is {maximum}")
        texts = [read(bytes(value)) for value in values]
        if len(set(texts)) < len(texts):
            raise FieldError("has a value twice")
        return "[" + ",".join([f'"{text}"' for text in texts]) + "]"

    return read_list


def _string(raw: bytes) -> str:
    try:
        return _decode_string(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise FieldError("must be a string") from None


_decode_string = msgspec.json.Decoder(str).decode
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
