"""`trading-app instruments check` and `list`: the file with instruments, and what applies to each symbol."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from telemetry_stream.backend import store_of
from telemetry_stream.errors import BackendUnavailable, StreamError
from telemetry_stream.log import StreamReader
from trading_app.environment import Settings
from trading_app.instruments.entries import doubts
from trading_app.instruments.file import read_file
from trading_app.instruments.listing import Named, describe, note_fills
from trading_app.instruments.start import compare_with_ledger
from trading_app.ledger.registry import Registry
from trading_app.yaml_nodes import FileError

PAGE_EVENTS = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="check | list", required=True)
    actions.add_parser("check", help="check the file, and show where it differs from the ledger")
    listing = actions.add_parser("list", help="show what applies to each symbol of the ledger, and why")
    listing.add_argument("symbols", metavar="SYMBOL", nargs="*", help="only these; they need not be in the ledger")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the command, whether the app runs or not. Exit codes: 0 right, 1 an error or a difference."""
    try:
        if arguments.action == "check":
            return _check(settings)
        return _list(settings, arguments.symbols)
    except (FileError, BackendUnavailable, StreamError, OSError) as error:
        print(f"trading-app instruments: {error}", file=sys.stderr)
        return 1


def _check(settings: Settings) -> int:
    path = settings.instruments_file
    entries = read_file(path)
    print(f"{path}: {len(entries)} instruments" if path.exists() else f"{path}: missing, which says nothing")
    for line, detail in doubts(entries):
        print(f"  line {line}: {detail}")
    with _ledger(settings) as (reader, registry):
        if reader is None:
            print("  there is no ledger yet; the app's first start puts them into it")
            return 0
        comparison = compare_with_ledger(reader, registry, entries)
    for entry in comparison.new:
        print(f"  line {entry.line}: {entry.name} is not in the ledger yet; the app's next start puts it there")
    for difference in comparison.differences:
        print(f"  line {difference.entry.line}: {difference.entry.name}: {difference.detail}")
    if comparison.differences:
        print("The ledger decides. To change it: trading-app event instrument symbol=… …")
    return 1 if comparison.differences else 0


def _list(settings: Settings, symbols: Sequence[str]) -> int:
    used: dict[str, Named] = {}
    with _ledger(settings) as (reader, registry):
        if reader is not None and not symbols:
            _read_fills(reader, used)
    for line in describe(symbols or sorted(used), registry.instruments, used):
        print(line)
    return 0


def _read_fills(reader: StreamReader, used: dict[str, Named]) -> None:
    after, head = 0, reader.head()
    while after < head:
        batch = reader.read(after, PAGE_EVENTS)
        note_fills(batch.events, used)
        after = batch.last


@contextmanager
def _ledger(settings: Settings) -> Iterator[tuple[StreamReader | None, Registry]]:
    """A reader of the journal, None if there is none, and its instruments."""
    store, registry = store_of(settings.stream_store), Registry()
    if not store.file(settings.data_folder).exists():
        yield None, registry
        return
    with closing(store.open_reader(settings.data_folder)) as reader:
        registry.refresh(reader)
        yield reader, registry
