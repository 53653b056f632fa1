"""One writer at a time: a lock on a file, which the system releases when its process ends, however it ends."""

import fcntl
from io import FileIO
from pathlib import Path

from trading_history.errors import StoreInUse

LOCK_FILE = "history.lock"


def lock_to_write(folder: Path, name: str = LOCK_FILE) -> FileIO:
    """Keep every other process from writing the store in `folder`, until this is closed. Raises StoreInUse, OSError.

    `name` is that of the file that is locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileIO(folder / name, "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StoreInUse(f"another process writes the history in {folder}") from None
    return lock
