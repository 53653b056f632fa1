"""At most one `apps-up` a folder, and how another shell ends it.

A lock on the file, which the system releases whatever ends the holder, says whether one runs; the number in the file
says which process. So a number that went to another process since is never signalled.
"""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRuns(Exception):
    """Another process holds the lock; its number is the argument, 0 before it has written it."""


@contextmanager
def single_run(path: Path) -> Iterator[None]:
    """Hold the lock at `path` for this process. Raises AlreadyRuns."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRuns(holder(path)) from None
        file.truncate(0)
        file.write(str(os.getpid()))
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
            return int(file.read() or 0)
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
