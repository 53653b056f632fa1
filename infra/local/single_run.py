"""At most one `apps-up` a folder, and how another shell ends it.

A lock on the file, which the system releases whatever ends the holder, says whether one runs; the number in the file
says which process, and words behind it where it is found. So a number that went to another process since is never
signalled.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRuns(Exception):
    """Another process holds the lock. `process` is its number, 0 before it has written it; `place` as it gave it."""

    def __init__(self, process: int, place: str) -> None:
        super().__init__(process, place)
        self.process = process
        self.place = place


@contextmanager
def single_run(path: Path, place: str) -> Iterator[None]:
    """Hold the lock at `path` for this process, which is found at `place`. Raises AlreadyRuns."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            process, _, where = path.read_text().partition(" ")
            raise AlreadyRuns(int(process or 0), where) from None
        file.truncate(0)
        file.write(f"{os.getpid()} {place}")
        file.flush()
        yield
        file.truncate(0)


def holder(path: Path) -> int | None:
    """The process that holds the lock, 0 when it has not written its number yet, None when nobody does."""
    try:
        file = path.open()
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(file.read().partition(" ")[0] or 0)
        return None


def end_holder(path: Path, patience: float) -> int | None:
    """Ask the holder to end and wait until it has; returns its number, None when nobody holds the lock.

    Raises TimeoutError when it is still there after `patience` seconds.
    """
    deadline = time.monotonic() + patience
    asked = None
    while (process := holder(path)) is not None:
        if process and process != asked:
            os.kill(process, signal.SIGTERM)
            asked = process
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {process} has not ended within {patience:.0f} s")
        time.sleep(0.05)
    return asked
