"""`trading-app doctor`, `backup` and `restore`: what is done with the journal beside serving."""

import argparse
import sys
from pathlib import Path

import apsw

from telemetry_stream.stores.sqlite.backup import BackupFailed, back_up, restore
from telemetry_stream.stores.sqlite.integrity import check_journal
from telemetry_stream.stores.sqlite.journal import JournalInUse, lock_to_write
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE, open_to_write
from trading_app.disk import free_bytes, write_ahead_log_bytes
from trading_app.environment import Settings

LARGE_LOG_BYTES = 64 * 1024 * 1024
"""A write-ahead log that is larger was kept from shrinking: by a reader that stays, or by a kill at a bad moment."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the three."""
    doctor = commands.add_parser("doctor", help="check the journal, while the app runs or not")
    doctor.add_argument("--repair", action="store_true", help="repair what can be; trades are never touched")
    copy = commands.add_parser("backup", help="copy the journal to a file, while the app runs or not")
    copy.add_argument("file", metavar="FILE", type=Path, help="where to; it must not be there yet")
    back = commands.add_parser("restore", help="put a copy in place of the journal; the app must be stopped")
    back.add_argument("file", metavar="FILE", type=Path, help="what `backup` made")


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Run one of them. Exit codes: 0 done, or nothing is wrong; 1 not."""
    folder = settings.data_folder
    try:
        if arguments.command == "doctor":
            return examine(folder, settings.min_free_bytes, repair=arguments.repair)
        if arguments.command == "backup":
            report = back_up(folder, arguments.file)
            print(f"{arguments.file}: {report.head:,} trades of stream {report.stream}, checked")
        else:
            report, before = restore(arguments.file, folder)
            print(f"{folder / JOURNAL_FILE}: {report.head:,} trades of stream {report.stream}")
            if before:
                print(f"what was there before is in {before}; delete it once you are sure")
    except (BackupFailed, JournalInUse, apsw.Error, OSError) as error:
        print(f"trading-app {arguments.command}: {error}", file=sys.stderr)
        return 1
    return 0


def examine(folder: Path, min_free_bytes: int, *, repair: bool) -> int:
    """Say what is found about the journal in a folder; 1 if something has to be done."""
    file = folder / JOURNAL_FILE
    if not file.exists():
        print(f"{file}: not there; the app makes one at its first start. If there should be one: see DATA_DIR")
        return 0
    running = _is_written(folder)
    print(f"{file}: {'in use by a running app' if running else 'no app writes it now'}")
    report = check_journal(file)
    for problem in report.problems:
        print(f"  wrong: {problem}")
    if report.problems:
        print("  Nothing here repairs a journal, since that might change trades. Stop the app, keep a copy of")
        print(f"  {file}* and put the last backup back: trading-app restore FILE")
        return 1
    print(f"  sound: {report.head:,} trades, each there once; stream {report.stream}")
    advice = [*_about_space(folder, min_free_bytes), *_about_log(folder, running=running, repair=repair)]
    for line in advice:
        print(f"  {line}")
    return 1 if any(line.startswith("wrong") for line in advice) else 0


def _about_space(folder: Path, minimum: int) -> list[str]:
    free = free_bytes(folder)
    if free < minimum:
        return [f"wrong: only {free / 2**20:.0f} MiB are free in {folder}; make room, or no trade will be taken"]
    return []


def _about_log(folder: Path, *, running: bool, repair: bool) -> list[str]:
    size = write_ahead_log_bytes(folder)
    if size <= LARGE_LOG_BYTES:
        return []
    told = f"the write-ahead log has {size / 2**20:.0f} MiB"
    if running:
        return [f"wrong: {told}; something reads the journal for long (another program?), end that and look again"]
    if not repair:
        return [f"wrong: {told}; its trades are safe; `trading-app doctor --repair` or the next start brings them home"]
    with lock_to_write(folder):
        open_to_write(folder).close()  # the last connection to close writes all of it into the journal
    return [f"repaired: {told}; all of it is in the journal now"]


def _is_written(folder: Path) -> bool:
    try:
        lock_to_write(folder).close()
    except JournalInUse:
        return True
    return False
