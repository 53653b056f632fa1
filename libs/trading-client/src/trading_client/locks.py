"""Locks a file for one process. The operating system gives a lock back when its process ends, however it ends."""

from __future__ import annotations

import os
import sys
import threading

FORKING = threading.RLock()
"""Held while a locked file is opened or closed, until its owner has noted it: a process that is forked meanwhile would
have the lock too, for as long as it lives, and would not know of it.
"""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=FORKING.acquire, after_in_parent=FORKING.release, after_in_child=FORKING.release)

if sys.platform == "win32":
    import errno
    import msvcrt

    _PLACE = 1 << 30  # a byte beyond the content: Windows refuses access to the bytes that are locked themselves
    _HELD = (errno.EACCES, errno.EDEADLK)

    def try_lock(descriptor: int) -> bool:
        """Lock an open file, and say whether that worked. OSError if the file can't be locked at all."""
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in _HELD:
                return False
            raise
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock an open file, and say whether that worked. OSError if the file can't be locked at all."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
