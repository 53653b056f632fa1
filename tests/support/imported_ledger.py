"""The ledger that a file would make, in the words of docs/wire-contract.md, and its figures."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.support.ledger_builder import Event
from tests.support.ledger_figures import Figures
from tests.support.ledger_fold import fold_in_memory
from trading_files.readings import EventRow, FillRow, Reading, event_as_sent

Said = dict[str, Any]


def ledger_of(readings: Iterable[Reading], *said: Said) -> list[Event]:
    """What a user says first, as `POST /events` takes it, then what the file says."""
    events: list[Event] = []
    for content in said:
        _append_event(events, content)
    for reading in readings:
        if isinstance(reading, FillRow):
            seq = len(events) + 1
            owner = {"trade_id": f"row-{seq}", "account": "default", "strategy": "default"}
            events.append({"seq": seq} | owner | reading.members)
        elif isinstance(reading, EventRow):
            _append_event(events, event_as_sent(reading))
    return events


def figures_of(readings: Sequence[Reading], *said: Said) -> Figures:
    """The figures of the sidecar's fold after that ledger."""
    return fold_in_memory(ledger_of(readings, *said))


def _append_event(events: list[Event], content: Said) -> None:
    seq = len(events) + 1
    content = content.copy()
    kind, event_id = content.pop("kind"), content.pop("id", f"event-{seq}")
    events.append({"seq": seq, "kind": kind, "id": event_id, "mark" if kind == "price" else kind: content})
