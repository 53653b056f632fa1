"""Cursors: where the next page of an answer begins, as an opaque text. No I/O."""

import base64
from typing import Annotated, TypeVar

import msgspec

from trading_app.query.question import refused

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A number that the store can compare with."""

Place = TypeVar("Place")


def write_cursor(place: tuple[int | str, ...]) -> str:
    """The text of a place."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def read_cursor(text: str | None, kind: type[Place]) -> Place | None:
    """The place that a text stands for; None without one. Raises TradeProblem."""
    if not text:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError, UnicodeDecodeError):
        raise refused("cursor", "is not one that this call gave in its header Link") from None
