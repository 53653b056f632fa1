"""Measures the space that the journal takes and the space left on its disk."""

import shutil
from pathlib import Path

from telemetry_stream.log import StorageUse
from telemetry_stream.stores.sqlite.key_index import table_files
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE


def measure(folder: Path) -> StorageUse:
    """The space used and free now. A missing file counts as 0 bytes. Raises OSError if the folder is gone."""
    tables = sum(map(_size, table_files(folder)))
    return StorageUse(_size(folder / JOURNAL_FILE), write_ahead_log_bytes(folder), tables, free_bytes(folder))


def write_ahead_log_bytes(folder: Path) -> int:
    """The size of the journal's write-ahead log."""
    return _size(folder / f"{JOURNAL_FILE}-wal")


def free_bytes(folder: Path) -> int:
    """The free bytes of the disk with this folder. Raises OSError."""
    return shutil.disk_usage(folder).free


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # the write-ahead log is absent after a clean shutdown, a key table until the first keys
        return 0
