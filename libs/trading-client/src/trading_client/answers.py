"""What an answer of the app means for the lines that were sent. No I/O.

A line is refused only if the app itself says that the line is wrong, or fails at it again and again and takes others.
Whatever else happens is waited for: a proxy's error page, a wrong address or a token that is not valid must not cost a
trade.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Union

MAX_WAIT_SECONDS = 3_600.0

_URN = "urn:trading-telemetry:problem:"
_ABOUT_LINES = frozenset(
    ("not_json", "invalid_trade", "invalid_event", "invalid_batch", "trade_id_conflict", "event_conflict")
)


@dataclass(frozen=True)
class Accepted:
    """All lines are in the app's journal, `duplicates` of them since earlier."""

    accepted: int
    duplicates: int


@dataclass(frozen=True)
class Wrong:
    """Nothing was taken because of some of the lines: why, by their index. Without an index, the app did not say."""

    code: str
    detail: str
    reasons: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TooLarge:
    """Nothing was taken because the request is too large."""

    detail: str


@dataclass(frozen=True)
class Later:
    """Nothing is known to be taken: send the same again after `retry_after` seconds or more.

    `denied` is true if the token is not valid, or may not do this.
    """

    reason: str
    retry_after: float = 0.0
    denied: bool = False


@dataclass(frozen=True)
class Failed:
    """The app itself failed, perhaps at one of the lines: a bug, or stored trades that it can't read any more."""

    code: str
    detail: str


Answer = Union[Accepted, Wrong, TooLarge, Later, Failed]


def read_answer(status: int, headers: Mapping[str, str], body: bytes, now: Callable[[], float]) -> Answer:
    """The meaning of an answer. `headers` has lower-case names; `now` gives Unix time in seconds."""
    document = _object(body)
    if status in (200, 201):
        accepted, duplicates = document.get("accepted"), document.get("duplicates")
        if isinstance(accepted, int) and isinstance(duplicates, int):
            return Accepted(accepted, duplicates)
        return Later("what answers is not the trading app")
    code, detail = _problem(document)
    if code in _ABOUT_LINES and status in (400, 409, 422):
        return Wrong(code, detail, _reasons(document))
    if code == "too_large" and status == 413:
        return TooLarge(detail)
    if code and status == 500:
        return Failed(code, detail)
    reason = f"the app answers {status}: {detail}" if code else f"the answer is {status}, and not the trading app's"
    return Later(reason, _retry_after(headers.get("retry-after", ""), now), status in (401, 403))


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _problem(document: Mapping[str, Any]) -> tuple[str, str]:
    """The code and the detail of the app's own problem document; empty if it is not one."""
    code, detail = document.get("code"), document.get("detail")
    if isinstance(code, str) and document.get("type") == f"{_URN}{code}":
        return code, detail if isinstance(detail, str) else code
    return "", ""


def _reasons(document: Mapping[str, Any]) -> dict[int, str]:
    """Why lines are wrong, by their index from 0."""
    reasons: dict[int, str] = {}
    errors, indexes = document.get("errors"), document.get("indexes")
    for error in errors if isinstance(errors, list) else ():
        index = error.get("index") if isinstance(error, dict) else None
        if isinstance(index, int):
            member = str(error.get("pointer", "")).rpartition("/")[2]
            reason = f"{member} {error.get('detail', '')}".strip()
            reasons[index] = f"{reasons[index]}; {reason}" if index in reasons else reason
    for index in indexes if isinstance(indexes, list) else ():
        if isinstance(index, int):
            reasons.setdefault(index, "is not valid")
    return reasons


def _retry_after(header: str, now: Callable[[], float]) -> float:
    """The seconds in a Retry-After header, a number or a date; 0 if it is not valid, at most MAX_WAIT_SECONDS."""
    try:
        seconds = float(header) if header.isdecimal() else parsedate_to_datetime(header).timestamp() - now()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return min(max(0.0, seconds), MAX_WAIT_SECONDS)
