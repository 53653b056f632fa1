"""Puts the file's instruments into the ledger at the app's start, each once, and reports what differs."""

from collections.abc import Sequence

import structlog

from telemetry_stream.errors import StreamError
from telemetry_stream.events import Origin, Receipt, Submission
from telemetry_stream.log import StreamReader
from trading_app.instruments.entries import Entry
from trading_app.instruments.starting_point import Comparison, compare
from trading_app.ledger.event import make_event
from trading_app.ledger.registry import Registry
from trading_app.ledger.view import LedgerView
from trading_app.zmq_pub import TradeStream

log = structlog.get_logger(__name__)

MAX_NAMED = 10
"""Maximum number of symbols named in one log line."""

CHECK = "trading-app instruments check"
ORIGIN = Origin(way="file")
"""Of the events made of the file: nobody called."""


def compare_with_ledger(reader: StreamReader, registry: Registry, entries: Sequence[Entry]) -> Comparison:
    """Hold the file's entries against the ledger."""
    view = LedgerView(reader)
    taken = {entry.id for entry in entries if view.find("instrument", entry.id) is not None}
    return compare(entries, registry.instruments, taken)


async def take_file(entries: Sequence[Entry], stream: TradeStream, registry: Registry) -> None:
    """Commit what the ledger does not know, in one transaction. A kill at any moment leaves all or nothing of it, and
    the next start finds what is there. Call it before anybody else can append.
    """
    if not entries:
        return
    comparison = await stream.ask(lambda reader: compare_with_ledger(reader, registry, entries))
    if comparison.differences:
        names = list(dict.fromkeys(difference.entry.name for difference in comparison.differences))
        log.warning(
            "instruments in the file differ from the ledger, which decides",
            count=len(names),
            symbols=names[:MAX_NAMED],
            check=CHECK,
        )
    if not comparison.new:
        return
    events = [make_event("instrument", entry.id, 0, entry.json) for entry in comparison.new]
    try:
        outcome = await stream.commit(Submission(events, origin=ORIGIN))
    except StreamError as error:
        log.error("the file's instruments are not in the ledger; the next start tries again", reason=str(error))
        return
    if not isinstance(outcome, Receipt):
        log.error("the file's instruments are not in the ledger", reason=str(outcome), check=CHECK)
        return
    await stream.ask(registry.refresh)
    log.info("instruments taken from the file", count=outcome.accepted)
