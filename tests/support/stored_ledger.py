"""Puts a ledger of a test into a journal, so that an app can be started on it. Imports may be among its events."""

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from telemetry_stream.events import Event as StreamEvent
from telemetry_stream.events import Submission
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.topics import Topic
from tests.support.ledger_builder import Event
from trading_app.intake.identity import KEY_RULES, stored_key
from trading_app.ledger.event import stored_label
from trading_model.field_rules import format_timestamp, read_instant
from trading_model.topics import LEDGER

AMOUNTS = {"price", "qty", "fee", "multiplier", "quantity", "average", "amount", "cash", "rate", "lot", "dust"}


class _Stored(StreamEvent):
    __slots__ = ("label",)

    def __init__(self, event: Event) -> None:
        text = _json(event)
        key = stored_key(text)
        assert key is not None
        super().__init__(key, b"{" + text.partition(b",")[2])
        self.label = stored_label(text)


def store_at(events: Sequence[Event], folder: Path, times_ns: Iterable[int]) -> list[Event]:
    """Store events, each in a commit of its own, at these times; gives them as stored."""
    times = iter(times_ns)
    with patch("telemetry_stream.stores.sqlite.journal.time", SimpleNamespace(time_ns=lambda: next(times))):
        return store(events, folder, together=1)


def store(events: Sequence[Event], folder: Path, together: int = 50) -> list[Event]:
    """Write the events, in the words of the app; the events as they are in the journal."""
    stored = [{**event, **_as_journaled(event)} for event in events]
    folder.mkdir(parents=True, exist_ok=True)
    with closing(Journal(folder, Topic(LEDGER, key_rules=KEY_RULES))) as journal:
        for some in _some(stored, together):
            journal.append([Submission([_Stored(event) for event in some])])
        assert journal.head() == len(stored)
    return stored


def _some(events: Sequence[Event], count: int) -> list[Sequence[Event]]:
    return [events[start : start + count] for start in range(0, len(events), count)]


def _as_journaled(value: Any, name: str = "") -> Any:
    """Amounts in plain digits, times with as few decimals as there are."""
    if isinstance(value, dict):
        return {inner: _as_journaled(member, inner) for inner, member in value.items()}
    if name == "ts":
        return format_timestamp(read_instant(_json(value)))
    if name in AMOUNTS and isinstance(value, str):
        return format(Decimal(value), "f")
    return value


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
