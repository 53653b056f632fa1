"""`trading-app restore`: puts a copy in the place of the journal; the app must be stopped."""

import argparse
import sys
from pathlib import Path

from telemetry_stream.backend import store_of
from telemetry_stream.errors import BackendUnavailable
from trading_app.environment import Settings
from trading_app.hooks import backup as hooks
from trading_app.intake.identity import KEY_RULES
from trading_app.yaml_nodes import FileError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's argument."""
    parser.add_argument("file", metavar="FILE", type=Path, help="a copy made by `backup`")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Exit codes: 0 put back; 1 failed."""
    folder, store = settings.data_folder, store_of(settings.stream_store)
    try:
        report, before = store.restore(arguments.file, folder, KEY_RULES)
        print(f"{store.file(folder)}: {report.head:,} events of ledger {report.ledger}, checked")
        print(f"the trades are a new stream, {report.stream}: every reader starts over, and its totals begin again")
        if before:
            print(f"the previous journal is in {before}; delete it once you are sure")
        written, there = hooks.restore(settings.hooks_file, folder, arguments.file)
        if written or there:
            print(f"webhooks: {len(written):,} files put back; {len(there):,} were there and stay as they are")
    except (BackendUnavailable, FileError, OSError) as error:
        print(f"trading-app restore: {error}", file=sys.stderr)
        return 1
    return 0
