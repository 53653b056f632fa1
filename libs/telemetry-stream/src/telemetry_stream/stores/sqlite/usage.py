"""The room that the journal takes, and the room that is left to it."""

import shutil
from pathlib import Path

from telemetry_stream.log import StorageUse
from telemetry_stream.stores.sqlite.key_index import table_files
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE


def measure(folder: Path) -> StorageUse:
    """What is used and left now. A file that is not there has no bytes. Raises OSError where the folder is gone."""
    tables = sum(map(_size, table_files(folder)))
    return StorageUse(_size(folder / JOURNAL_FILE), write_ahead_log_bytes(folder), tables, free_bytes(folder))


def write_ahead_log_bytes(folder: Path) -> int:
    """The size of the journal's write-ahead log."""
    return _size(folder / f"{JOURNAL_FILE}-wal")


def free_bytes(folder: Path) -> int:
    """What the disk with this folder still takes. Raises OSError."""
    return shutil.disk_usage(folder).free


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
