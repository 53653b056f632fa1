"""Builds the store from a journal that can be read directly, without the network."""

import gc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from telemetry_stream.events import StreamPosition
from telemetry_stream.log import StreamReader
from trading_history import decode
from trading_history.follow import MAX_PENDING_ALONE
from trading_history.writer import HistoryWriter

PAGE_EVENTS = 10_000
PAGE_BYTES = 4 * 1024 * 1024

LAST_EVENTS = 100
"""Number of events at the end of the journal whose times say how far its fills come."""


def rebuild(
    folder: Path,
    journal: StreamReader,
    progress: Callable[[int, int], object] = lambda _done, _head: None,
    until: int | None = None,
) -> StreamPosition:
    """Make the store in `folder` again, of the journal's events up to `until` or its head; gives its position.

    `progress` gets the events that are committed and their final number. Raises StoreInUse, StoreUnavailable, and
    DamagedHistory where the journal can't be read.
    """
    writer = HistoryWriter(folder, with_figures=True)  # for its lock: nobody else may have the store open to write
    collects = gc.isenabled()
    gc.disable()  # it would look at every bar and row again and again, and nothing here forms a circle
    try:
        head = journal.head() if until is None else until
        writer.start_over(_expected_ns(journal, head))
        writer.commit(StreamPosition())
        done = 0
        while done < head:
            page = journal.read(done, min(PAGE_EVENTS, head - done), PAGE_BYTES)
            writer.apply(page)
            done = page.last
            if writer.pending >= MAX_PENDING_ALONE or done == head:
                writer.commit(StreamPosition(journal.stream, done, hash=journal.hash_at(done) or ""))
                progress(done, head)
        while not writer.figures_are_settled:
            writer.advance_figures(MAX_PENDING_ALONE)
        return writer.position
    finally:
        writer.close()
        if collects:
            gc.enable()


def _expected_ns(journal: StreamReader, head: int) -> int:
    """A time that fills come to, in Unix nanoseconds: the earliest of the last ones, since a later one may be one that
    a replace takes back. 0 if it is not known.
    """
    times = list[int]()
    if head:
        for record in decode.read_batch(journal.read(max(head - LAST_EVENTS, 0), LAST_EVENTS, PAGE_BYTES), 0):
            if isinstance(record, decode.FillRecord):
                with suppress(ValueError):
                    times += decode.times_of([record])
    return min(times, default=0)
