"""`trading-analytics check`: looks the stores over, and compares the history with a rebuild from the journal."""

import tempfile
from pathlib import Path

from telemetry_stream import backend
from telemetry_stream.errors import BackendUnavailable, StreamError
from telemetry_stream.events import StreamPosition
from telemetry_stream.log import StreamReader
from telemetry_stream.place import Place
from trading_history.candles.store import CANDLES, check_rows, markets, position_of
from trading_history.digest import digest
from trading_history.errors import HistoryError
from trading_history.reader import HistoryReader
from trading_history.rebuild import rebuild
from trading_history.schema import DATABASE


class _NotCompared(Exception):
    """The history could not be compared with a rebuild."""


def examine(ledger: Place, *, full: bool) -> int:
    """Check the stores in the ledger's folder and print the result. Gives the exit code: 0, or 1 if one is not sound.

    `full` rebuilds the history in a temporary folder beside, and compares every row.
    """
    sound = _examine_history(ledger, full=full)
    if (ledger.folder / CANDLES.file_name).exists():
        sound = _examine_candles(ledger.folder) and sound
    return 0 if sound else 1


def _examine_history(ledger: Place, *, full: bool) -> bool:
    try:
        problem = _problem(ledger, full=full)
    except _NotCompared as error:
        print(f"  not compared: {error}")
        return False
    except (HistoryError, StreamError) as error:
        problem = str(error)
    if problem is None:
        return True
    print(f"  wrong: {problem}")
    print("  No data is lost: `trading-analytics rebuild` makes the history again from the journal.")
    return False


def _examine_candles(folder: Path) -> bool:
    try:
        CANDLES.check(folder)
        check_rows(folder)
        known, at = markets(folder), position_of(folder)
    except HistoryError as error:
        print(f"  wrong: {error}")
        return False
    print(f"{folder / CANDLES.file_name}\n  candles of {len(known):,} markets, up to market event {at.sequence:,}")
    print("  sound")
    return True


def _problem(ledger: Place, *, full: bool) -> str | None:
    DATABASE.check(ledger.folder)
    reader = HistoryReader(ledger.folder)
    try:
        with reader.snapshot() as snapshot:
            position, counts, keys = snapshot.position, snapshot.counts(), len(snapshot.known_keys())
            settled = snapshot.figures_are_settled
    finally:
        reader.close()
    print(f"{reader.file}\n  after event {position.sequence:,}; fills: {counts['fills']:,}, keys: {keys:,}")
    if counts["undecodable"] or counts["unmatched"]:
        print(f"  {counts['undecodable']:,} events can't be decoded, {counts['unmatched']:,} corrections match nothing")
    if not settled:
        print("  figures are behind fills: trading-analytics brings them up to date while it runs")
    return _against_journal(ledger, position, settled=settled, full=full)


def _against_journal(ledger: Place, position: StreamPosition, *, settled: bool, full: bool) -> str | None:
    """Why the history does not fit the journal in the same folder; None if it does, or without a readable journal."""
    store = backend.store_of(ledger.store)
    try:
        journal = store.open_reader(ledger.folder)
    except BackendUnavailable as error:
        print(f"{store.file(ledger.folder)}: can't be read ({error}); only the history is checked")
        return None
    try:
        if position.sequence and position.stream != journal.stream:
            return f"it belongs to stream {position.stream}, the journal to {journal.stream}"
        if position.sequence > journal.head():
            return f"it has {position.sequence:,} events, the journal only {journal.head():,}"
        if position.sequence and position.hash != journal.hash_at(position.sequence):
            return f"the journal differs at or before event {position.sequence:,}: it was replaced"
        if position.sequence < journal.head():
            behind = journal.head() - position.sequence
            print(f"  {behind:,} events behind the journal: trading-analytics brings it up to date while it runs")
        if full:
            if _rebuilt(ledger.folder, journal, position.sequence, settled=settled) != digest(
                ledger.folder, figures=settled
            ):
                return "its rows are not those of a rebuild"
            print("  every row is that of a rebuild")
    finally:
        journal.close()
    print("  sound")
    return None


def _rebuilt(folder: Path, journal: StreamReader, until: int, *, settled: bool) -> str:
    """The digest of a rebuild, made beside the history. Raises _NotCompared where there is no room for it."""
    with tempfile.TemporaryDirectory(prefix="history-check-", dir=folder) as beside:
        try:
            rebuild(Path(beside), journal, until=until)
            return digest(Path(beside), figures=settled)
        except HistoryError as error:
            raise _NotCompared(str(error)) from error
