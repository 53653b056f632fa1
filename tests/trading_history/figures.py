"""The figures of the history of a ledger: folded at once, or in parts with whatever may come between."""

import random
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from telemetry_stream.events import StreamPosition
from tests.support.ledger_builder import Event
from tests.support.ledger_fold import STREAM, batch_of
from trading_history import schema
from trading_history.queries.round_trips import RoundTrip, closed
from trading_history.queries.scope import Scope
from trading_history.reader import HistoryReader, Snapshot
from trading_history.schema import SERIES
from trading_history.writer import HistoryWriter

Rows = dict[str, list[tuple[Any, ...]]]

ALWAYS = (-(2**63), 2**63 - 1)
"""The range of all times, in ns since 1970."""


def settle(writer: HistoryWriter, limit: int = 5_000) -> None:
    """Fold what is left, at most `limit` fills in a transaction."""
    while not writer.figures_are_settled:
        writer.advance_figures(limit)


def take(writer: HistoryWriter, events: Sequence[Event], last: int) -> None:
    """Apply and commit the events up to `last` that are missing."""
    first = writer.position.sequence
    if first < last:
        writer.apply(batch_of(events[first:last]))
        writer.commit(StreamPosition(STREAM, last))


def fold_at_once(folder: Path, events: Sequence[Event]) -> None:
    """A history in one transaction."""
    with closing(HistoryWriter(folder, with_figures=True)) as writer:
        take(writer, events, len(events))
        settle(writer)


def fold_in_parts(folder: Path, events: Sequence[Event], chance: random.Random) -> None:
    """A history in small transactions, with restarts, and at times by a writer that keeps no figures: the sidecar."""
    writer = HistoryWriter(folder, with_figures=True)
    while writer.position.sequence < len(events):
        take(writer, events, min(writer.position.sequence + chance.choice([1, 1, 3, 10, 40]), len(events)))
        what = chance.random()
        if what < 0.3:
            settle(writer, chance.choice([1, 7, 5_000]))
        elif what < 0.5:
            writer.advance_figures(chance.choice([1, 3]))
        if chance.random() < 0.1:
            writer.close()
            writer = HistoryWriter(folder, with_figures=chance.random() < 0.7)
    writer.close()
    with closing(HistoryWriter(folder, with_figures=True)) as last:
        settle(last, 13)


def fold_by_turns(folder: Path, events: Sequence[Event], first: int) -> None:
    """A history whose first events a writer with figures takes, and whose rest one without; then figures catch up."""
    fold_at_once(folder, events[:first])
    with closing(HistoryWriter(folder)) as without:
        take(without, events, len(events))
    with closing(HistoryWriter(folder, with_figures=True)) as last:
        settle(last)


def rows_of(folder: Path) -> Rows:
    """All rows that depend on the ledger alone, by table."""
    with schema.DATABASE.reading(folder) as connection:
        return {
            table: [tuple(row) for row in connection.execute(select)]
            for table, select in (schema.DATA | schema.FIGURES).items()
        }


def ask(folder: Path, question: Callable[[Snapshot], Any]) -> Any:
    """The answer of a question to the history."""
    with closing(HistoryReader(folder)) as reader, reader.snapshot() as snapshot:
        return question(snapshot)


def closed_between(snapshot: Snapshot, scope: Scope, start_ns: int, end_ns: int) -> list[RoundTrip]:
    """All round trips of a scope that closed in a range, the first one first."""
    found = closed(snapshot, scope, start_ns, end_ns, limit=1_000_000).round_trips
    return sorted(found, key=lambda one: (one.closed_ns, *(getattr(one, name) for name in SERIES[1:]), one.number))
