"""What the figures were measured on: machine, versions, disk."""

import mmap
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import apsw

PACKAGES = ("uvicorn", "uvloop", "httptools", "msgspec", "pyzmq", "fastapi", "pydantic")
SYNCS = 50
FRESH_MEBIBYTES = 256


def describe(folder: Path) -> str:
    """One paragraph; `folder` is on the disk that the journal was on."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {_gigabytes()} GB of memory,"
        f" {platform.system()} {platform.release()}. A sync of 4 KiB to the disk takes {sync_ms(folder):.2f} ms,"
        f" a MiB of memory that was not in use {_fresh_ms():.2f} ms."
        f" Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()},"
        f" {', '.join(f'{name} {version(name)}' for name in PACKAGES)}, {_wrk()}."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _gigabytes() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)


def sync_ms(folder: Path, share: float = 0.5, count: int = SYNCS) -> float:
    """The time of a sync of 4 KiB to the disk of the folder, milliseconds: the quantile `share` of `count` syncs."""
    file = folder / "sync"
    with file.open("wb", buffering=0) as writing:
        return sorted(_syncs(writing.fileno(), count))[int(share * count)] * 1e3


def _syncs(descriptor: int, count: int) -> Iterator[float]:
    for _ in range(count):
        os.write(descriptor, bytes(4_096))
        began = time.perf_counter()
        os.fdatasync(descriptor)
        yield time.perf_counter() - began


def _fresh_ms() -> float:
    """The first use of a MiB. Where a host has to give the memory to this machine first, it stands still meanwhile."""
    with mmap.mmap(-1, FRESH_MEBIBYTES << 20) as memory:
        began = time.perf_counter()
        for start in range(0, len(memory), mmap.PAGESIZE):
            memory[start] = 1
        return (time.perf_counter() - began) / FRESH_MEBIBYTES * 1e3


def _wrk() -> str:
    said = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout
    return " ".join(said.split()[:2])
