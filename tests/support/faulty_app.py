"""`trading-app` on a disk that fails, or with a clock that is set back: the program `faulty-app`.

It is the app as it is: what fails is below SQLite (a VFS, https://www.sqlite.org/vfs.html), what goes back is Python's
clock. The environment says what: FAULT (see `Fault`), DISK_RECORD (a file), CHECKPOINT_PAGES, CLOCK (a file that holds
the seconds to add to the time).
"""

import json
import os
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apsw

import trading_app.main
from service_kit.clock import SystemClock
from telemetry_stream.stores.sqlite import checkpoints

ERRORS = {
    ("read", "EIO"): apsw.SQLITE_IOERR_READ,
    ("write", "EIO"): apsw.SQLITE_IOERR_WRITE,
    ("write", "ENOSPC"): apsw.SQLITE_FULL,
    ("sync", "EIO"): apsw.SQLITE_IOERR_FSYNC,
    ("truncate", "EIO"): apsw.SQLITE_IOERR_TRUNCATE,
}
_TRADE_ID = re.compile(rb'"trade_id":"([\w.-]+)"')


@dataclass(frozen=True, slots=True)
class Fault:
    """The `number`th (from 1) call of that kind for that file gives the error, once."""

    file: str
    call: str
    number: int
    error: str

    def __str__(self) -> str:
        return f"{self.error} at {self.call} {self.number} of the {self.file}"


@dataclass(frozen=True, slots=True)
class DiskCall:
    """One call that was made: for which file, how it ended, and the trades that it wrote. `ended_ns` is monotonic."""

    file: str
    call: str
    ended_ns: int
    failed: bool
    trade_ids: list[str]


def settings(folder: Path, fault: Fault | None = None, checkpoint_pages: int = 50) -> dict[str, str]:
    """The environment of the program."""
    return {
        "FAULT": json.dumps(asdict(fault)) if fault else "",
        "DISK_RECORD": str(folder / "disk-record.ndjson"),
        "CHECKPOINT_PAGES": str(checkpoint_pages),
    }


def recorded(folder: Path) -> list[DiskCall]:
    """All calls that were recorded, in order."""
    return [DiskCall(**json.loads(line)) for line in (folder / "disk-record.ndjson").read_text().splitlines()]


class FaultyDisk(apsw.VFS):
    """SQLite's own way to its files, recorded, with one error where it was asked for."""

    def __init__(self, record: Path, fault: Fault | None) -> None:
        self._base = apsw.vfs_names()[0]
        super().__init__("faulty-disk", self._base, makedefault=True)
        self._fault = fault
        self._record = record.open("w", buffering=1)
        self._counts: dict[tuple[str, str], int] = {}

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 -- apsw names it so
        """Open a file, as one that is watched."""
        written = name.filename() if isinstance(name, apsw.URIFilename) else name or ""
        return _WatchedFile(self._base, name, flags, self, _kind(written))

    def check(self, file: str, call: str) -> None:
        """Raise the error, if it is this call's turn."""
        count = self._counts[file, call] = self._counts.get((file, call), 0) + 1
        if self._fault and (file, call, count) == (self._fault.file, self._fault.call, self._fault.number):
            self.note(file, call, failed=True)
            error = apsw.exception_for(ERRORS[call, self._fault.error])
            error.args = (f"{self._fault}",)
            raise error

    def note(self, file: str, call: str, data: bytes = b"", *, failed: bool = False) -> None:
        """Record a call."""
        trade_ids = [found.decode() for found in _TRADE_ID.findall(data)] if file == "wal" else []
        self._record.write(json.dumps(asdict(DiskCall(file, call, time.monotonic_ns(), failed, trade_ids))) + "\n")


class _WatchedFile(apsw.VFSFile):
    def __init__(
        self, base: str, name: str | apsw.URIFilename | None, flags: list[int], disk: FaultyDisk, kind: str
    ) -> None:
        super().__init__(base, name, flags)
        self._disk, self._kind = disk, kind

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 -- apsw names it so
        self._disk.check(self._kind, "read")
        self._disk.note(self._kind, "read")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 -- apsw names it so
        self._disk.check(self._kind, "write")
        super().xWrite(data, offset)
        self._disk.note(self._kind, "write", data)

    def xSync(self, flags: int) -> None:  # noqa: N802 -- apsw names it so
        self._disk.check(self._kind, "sync")
        super().xSync(flags)
        self._disk.note(self._kind, "sync")

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 -- apsw names it so
        self._disk.check(self._kind, "truncate")
        super().xTruncate(newsize)
        self._disk.note(self._kind, "truncate")


def _kind(name: str) -> str:
    for ending in ("wal", "journal"):
        if name.endswith(f"-{ending}"):
            return {"wal": "wal", "journal": "rollback journal"}[ending]
    return "database"


def _set_clock(file: Path) -> None:
    """Let Python's clock be off by the seconds that the file holds, read each time."""
    real_ns = time.time_ns

    def time_ns() -> int:
        return real_ns() + int(float(file.read_text()) * 1e9)

    SystemClock.unix_ns = staticmethod(time_ns)  # the class took time.time_ns when it was defined
    time.time_ns = time_ns  # type: ignore[misc,unused-ignore]  # it is put in place of Python's
    time.time = lambda: time_ns() / 1e9  # type: ignore[misc,unused-ignore]  # the same


def main() -> int:
    """Run the app."""
    if os.environ.get("CLOCK"):
        _set_clock(Path(os.environ["CLOCK"]))
    sys.argv[:] = ["trading-app"]
    if not os.environ.get("DISK_RECORD"):
        return trading_app.main.main()
    fault: dict[str, Any] | None = json.loads(os.environ["FAULT"] or "null")
    disk = FaultyDisk(Path(os.environ["DISK_RECORD"]), Fault(**fault) if fault else None)
    checkpoints.CHECKPOINT_PAGES = int(os.environ["CHECKPOINT_PAGES"])
    try:
        return trading_app.main.main()
    finally:
        disk.unregister()
