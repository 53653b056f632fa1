"""`trading-app doctor`: checks the journal, whether the app runs or not."""

import argparse
import sys
from pathlib import Path

from telemetry_stream.backend import store_of
from telemetry_stream.errors import BackendUnavailable
from telemetry_stream.log import StorageUse, Store
from trading_app.environment import Settings
from trading_app.intake.identity import KEY_RULES
from trading_app.ledger.event import stored_label

LARGE_LOG_BYTES = 64 * 1024 * 1024
"""A larger write-ahead log could not be emptied: a reader stays open, or the app was killed before a checkpoint."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's argument."""
    parser.add_argument("--repair", action="store_true", help="repair what can be repaired; trades are never changed")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Exit codes: 0 the journal is sound; 1 something is wrong, or it can't be read."""
    store = store_of(settings.stream_store)
    try:
        return examine(store, settings.data_folder, settings.min_free_bytes, repair=arguments.repair)
    except (BackendUnavailable, OSError) as error:
        print(f"trading-app doctor: {error}", file=sys.stderr)
        return 1


def examine(store: Store, folder: Path, min_free_bytes: int, *, repair: bool) -> int:
    """Print a report on the journal in a folder. Returns the exit code: 1 if somebody has to act."""
    file = store.file(folder)
    if not file.exists():
        print(f"{file}: missing; the app creates it at its first start. If it should exist, check DATA_DIR")
        return 0
    running = store.is_written(folder)
    print(f"{file}: {'in use by a running app' if running else 'not in use by an app'}")
    report = store.check(file, KEY_RULES, stored_label)
    for problem in report.problems:
        print(f"  wrong: {problem}")
    if report.problems:
        print("  A damaged journal is not repaired, since that might change trades. Stop the app, keep a copy of")
        print(f"  {file}* and restore the last backup: trading-app restore FILE")
        return 1
    print(f"  sound: {report.head:,} events, each exactly once; stream {report.stream}")
    used = store.measure(folder)
    advice = [
        *_about_space(folder, used, min_free_bytes),
        *_about_log(store, folder, used, running=running, repair=repair),
    ]
    for line in advice:
        print(f"  {line}")
    return 1 if any(line.startswith("wrong") for line in advice) else 0


def _about_space(folder: Path, used: StorageUse, minimum: int) -> list[str]:
    free = used.free
    if free < minimum:
        return [f"wrong: only {free / 2**20:.0f} MiB are free in {folder}; free disk space, or trades will be refused"]
    return []


def _about_log(store: Store, folder: Path, used: StorageUse, *, running: bool, repair: bool) -> list[str]:
    size = used.write_ahead_log
    if size <= LARGE_LOG_BYTES:
        return []
    found = f"the write-ahead log has {size / 2**20:.0f} MiB"
    if running:
        return [f"wrong: {found}; another program keeps a read open on the journal: end it and check again"]
    if not repair:
        return [f"wrong: {found}; its trades are safe; `trading-app doctor --repair` or the next start empties it"]
    store.tend(folder)
    return [f"repaired: {found}; all of it is in the journal now"]
