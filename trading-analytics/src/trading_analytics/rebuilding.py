"""`trading-analytics rebuild`: makes the history again from the journal in the same folder."""

import sys
import time

from service_kit.lifecycle.server import spare_the_garbage_collector
from telemetry_stream import backend
from telemetry_stream.errors import BackendUnavailable, StreamError
from telemetry_stream.place import Place
from trading_history.errors import HistoryError, StoreInUse
from trading_history.rebuild import rebuild

EVERY_SECONDS = 2.0
"""Between two lines of progress."""


def rebuild_history(ledger: Place) -> int:
    """Rebuild and print the progress. Gives the exit code: 0, or 1 if it could not be done."""
    spare_the_garbage_collector()
    began = shown = time.monotonic()

    def show(done: int, head: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= EVERY_SECONDS:
            shown = time.monotonic()
            print(f"  {done:,} of {head:,} events, {done / (shown - began):,.0f}/s", flush=True)

    try:
        journal = backend.store_of(ledger.store).open_reader(ledger.folder)
    except BackendUnavailable as error:
        complain(f"can't read the journal in {ledger.folder}: {error}")
        complain("if the journal is on another machine, remove the history's files and start trading-analytics")
        return 1
    try:
        position = rebuild(ledger.folder, journal, show)
    except StoreInUse as error:
        complain(f"{error}; end it first")
        return 1
    except (HistoryError, StreamError) as error:
        complain(str(error))
        return 1
    finally:
        journal.close()
    seconds = time.monotonic() - began
    print(f"rebuilt: {position.sequence:,} events in {seconds:.1f} s, {position.sequence / seconds:,.0f}/s")
    return 0


def complain(message: str) -> None:
    """Say on standard error what is wrong."""
    print(f"trading-analytics: {message}", file=sys.stderr)
