"""`trading-app backup`: copies the journal and the webhooks, whether the app runs or not."""

import argparse
import sys
from pathlib import Path

from telemetry_stream.backend import store_of
from telemetry_stream.errors import BackendUnavailable
from trading_app.environment import Settings
from trading_app.hooks.backup import backing_up
from trading_app.intake.identity import KEY_RULES
from trading_app.yaml_nodes import FileError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's argument."""
    parser.add_argument("file", metavar="FILE", type=Path, help="the copy to make; it must not exist yet")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Exit codes: 0 copied and checked; 1 failed."""
    folder, copy = settings.data_folder, arguments.file
    try:
        with backing_up(settings.hooks_file, folder, copy) as copied:
            report = store_of(settings.stream_store).back_up(folder, copy, KEY_RULES)
            print(f"{copy}: {report.head:,} events of stream {report.stream}, checked")
    except (BackendUnavailable, FileError, OSError) as error:
        print(f"trading-app backup: {error}", file=sys.stderr)
        return 1
    if copied:
        print(f"{copied}: the webhooks and the messages that they keep; it belongs to the copy")
    return 0
