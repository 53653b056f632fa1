"""`trading-app doctor`, `backup` and `restore`: check, copy and put back the journal."""

import argparse
import sys
from pathlib import Path

from telemetry_stream.backend import store_of
from telemetry_stream.errors import BackendUnavailable
from telemetry_stream.log import StorageUse, Store
from trading_app.environment import Settings
from trading_app.hooks import backup as hooks
from trading_app.intake.identity import KEY_RULES
from trading_app.ledger.event import stored_label
from trading_app.yaml_nodes import FileError

LARGE_LOG_BYTES = 64 * 1024 * 1024
"""A larger write-ahead log could not be emptied: a reader stays open, or the app was killed before a checkpoint."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the three commands."""
    doctor = commands.add_parser("doctor", help="check the journal, whether the app runs or not")
    doctor.add_argument("--repair", action="store_true", help="repair what can be repaired; trades are never changed")
    copy = commands.add_parser("backup", help="copy the journal and the webhooks, whether the app runs or not")
    copy.add_argument("file", metavar="FILE", type=Path, help="the copy to make; it must not exist yet")
    back = commands.add_parser("restore", help="put a copy in place of the journal; the app must be stopped")
    back.add_argument("file", metavar="FILE", type=Path, help="a copy made by `backup`")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run one of the commands. Exit codes: 0 done, or the journal is sound; 1 failed, or something is wrong."""
    folder, store = settings.data_folder, store_of(settings.stream_store)
    try:
        if arguments.command == "doctor":
            return examine(store, folder, settings.min_free_bytes, repair=arguments.repair)
        if arguments.command == "backup":
            with hooks.backing_up(settings.hooks_file, folder, arguments.file) as copied:
                report = store.back_up(folder, arguments.file, KEY_RULES)
                print(f"{arguments.file}: {report.head:,} events of stream {report.stream}, checked")
            if copied:
                print(f"{copied}: the webhooks and the messages that they keep; it belongs to the copy")
        else:
            report, before = store.restore(arguments.file, folder, KEY_RULES)
            print(f"{store.file(folder)}: {report.head:,} events of ledger {report.ledger}, checked")
            print(f"the trades are a new stream, {report.stream}: every reader starts over, and its totals begin again")
            if before:
                print(f"the previous journal is in {before}; delete it once you are sure")
            written, there = hooks.restore(settings.hooks_file, folder, arguments.file)
            if written or there:
                print(f"webhooks: {len(written):,} files put back; {len(there):,} were there and stay as they are")
    except (BackendUnavailable, FileError, OSError) as error:
        print(f"trading-app {arguments.command}: {error}", file=sys.stderr)
        return 1
    return 0


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
