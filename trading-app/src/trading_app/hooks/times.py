"""Reads the times of messages whose sender writes UTC. No I/O."""

import re

import msgspec

from trading_app.hooks.readings import Unreadable
from trading_model.field_rules import FieldError, read_timestamp
from trading_model.timestamps import unix_ns

_WITHOUT_ZONE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?", re.ASCII)


def read_utc(name: str, written: str, received_ns: int) -> int:
    """A time in ns since 1970: RFC 3339, perhaps without a zone, or a Unix time. `name` is the member's.

    Raises Unreadable.
    """
    text = f"{written}Z" if _WITHOUT_ZONE.fullmatch(written) else written
    try:
        return unix_ns(read_timestamp(msgspec.json.encode(text), received_ns))
    except FieldError as error:
        raise Unreadable(f"{name} {error}") from None
