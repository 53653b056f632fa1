"""Ids of fills that come from what a message says, so that a repeated message is recognised. No I/O."""

import re
from collections.abc import Iterable
from decimal import MAX_EMAX, MIN_EMIN, Context
from hashlib import blake2b

_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,99})(?:\.\d{1,100})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
"""What is taken for a number. Orders have ids such as 5e1234567890 too, and some of 40 digits."""

_EXACT = Context(prec=200, Emax=MAX_EMAX, Emin=MIN_EMIN)


def made_id(prefix: str, parts: Iterable[str]) -> str:
    """An id of these parts of a message. Numbers count by value: 1.50 and 1.5 give the same id."""
    digest = blake2b(digest_size=16)
    for part in parts:
        text = _by_value(part).encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(text), text))
    return f"{prefix}-{digest.hexdigest()}"


def _by_value(text: str) -> str:
    if _NUMBER.fullmatch(text) is None:
        return text
    return str(_EXACT.normalize(_EXACT.create_decimal(text)))
