"""`trading-app` on a disk whose sync takes SYNC_MILLISECONDS; `python -m benchmarks.slow_disk`.

It is the app as it is: what is slow is below SQLite (a VFS, https://www.sqlite.org/vfs.html). The real sync is done
too, and is part of the time.
"""

import os
import sys
import time

import apsw

from trading_app.main import main


class SlowDisk(apsw.VFS):
    """SQLite's own way to its files, with slow syncs."""

    def __init__(self, seconds: float) -> None:
        self._base = apsw.vfs_names()[0]
        self._seconds = seconds
        super().__init__("slow-disk", self._base, makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 -- apsw names it so
        """Open a file that is synced slowly."""
        return _SlowFile(self._base, name, flags, self._seconds)


class _SlowFile(apsw.VFSFile):
    def __init__(self, base: str, name: str | apsw.URIFilename | None, flags: list[int], seconds: float) -> None:
        super().__init__(base, name, flags)
        self._seconds = seconds

    def xSync(self, flags: int) -> None:  # noqa: N802 -- apsw names it so
        began = time.monotonic()
        super().xSync(flags)
        time.sleep(max(began + self._seconds - time.monotonic(), 0))


if __name__ == "__main__":
    disk = SlowDisk(float(os.environ["SYNC_MILLISECONDS"]) / 1e3)
    sys.argv[:] = ["trading-app"]
    try:
        sys.exit(main())
    finally:
        disk.unregister()
