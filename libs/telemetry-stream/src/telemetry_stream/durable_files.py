"""Files that survive a crash of the machine, and files that are removed while they are open."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def sync(path: Path) -> None:
    """Return when a file, or the entries of a folder, are on disk. A rename is such an entry. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(file: Path, draft: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Write the draft, in the folder of the file; at the end of the context it is on disk, in the place of the file.

    Whenever this stops, killed or failed, the folder holds the earlier file or the new one, whole. What a failure has
    written is removed, since on a full disk it holds the room that was left. Raises OSError.
    """
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as written:
            yield written
            written.flush()
            # Before the rename: else a crash of the machine could leave the new name with an empty file.
            os.fsync(written.fileno())
        draft.replace(file)
        # The rename is an entry in the folder, and durable only once the folder is synced too.
        sync(file.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


class OpenFiles:
    """The identities of some files at the time they were opened: SQLite writes on in a removed or replaced file."""

    def __init__(self, files: Iterable[Path]) -> None:
        """Raises OSError if one of them does not exist."""
        self._files = {file: _identity(file.stat()) for file in files}

    def lost(self) -> Path | None:
        """The first file that was removed or replaced; None if all are in place."""
        return next((file for file in self._files if not self.has(file)), None)

    def has(self, file: Path) -> bool:
        """Whether this path, one of those given, still leads to the open file."""
        try:
            return _identity(file.stat()) == self._files[file]
        except OSError:
            return False


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino  # not times or sizes, which every commit changes
