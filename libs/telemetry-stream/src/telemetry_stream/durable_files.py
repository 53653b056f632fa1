"""Files that survive a crash of the machine."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return when a file, or the entries of a folder, are on disk. A rename is such an entry. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
