"""Ids of fills that come from what a message says, so that a repeated message is recognised. No I/O."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from hashlib import blake2b


def made_id(prefix: str, parts: Iterable[str]) -> str:
    """An id of these parts of a message. Numbers count by value: 1.50 and 1.5 give the same id."""
    digest = blake2b(digest_size=16)
    for part in parts:
        text = _by_value(part).encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(text), text))
    return f"{prefix}-{digest.hexdigest()}"


def _by_value(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return str(number.normalize()) if number.is_finite() else text
