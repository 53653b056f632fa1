"""Processes that are measured: on which core they run, what they use. Linux only."""

import functools
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# What is compiled once is not compiled again at each start, whatever the shell that started the suite prefers.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def obstacle() -> str:
    """Why nothing can be measured here; empty if it can."""
    for tool, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(tool) is None:
            return f"{tool} is not installed (Debian: apt-get install {package})"
    if len(os.sched_getaffinity(0)) < 2:
        return "two cores are needed: one for what is measured, one for the load"
    return ""


@functools.cache
def cores() -> tuple[int, int]:
    """The core of what is measured, and the core of everything else. Asked first before anything is pinned.

    The first is the one that the disk's interrupts come to: on another, what waits for a sync also waits for one core
    to wake the other.
    """
    available = sorted(os.sched_getaffinity(0))
    server = max(available, key=_disk_interrupts)
    return server, next(core for core in available if core != server)


def _disk_interrupts(core: int) -> int:
    """How often a core has ended what a disk did, since the machine started; 0 where the system does not tell."""
    names, *rows = Path("/proc/softirqs").read_text().splitlines()
    counts = next((row.split()[1:] for row in rows if row.split()[0] == "BLOCK:"), [])
    return int(dict(zip(names.split(), counts, strict=False)).get(f"CPU{core}", 0))


def pinned(core: int, command: Sequence[str | Path]) -> list[str | Path]:
    """The command, on that core; the process is the command's own."""
    return ["taskset", "--cpu-list", str(core), *command]


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, all its threads, to the nanosecond: the clock of `clock_getcpuclockid(3)`."""
    return time.clock_gettime((~pid << 3) | 2)


def thread_seconds(pid: int) -> dict[str, float]:
    """CPU time of a process so far, by kind of thread."""
    spent = {"event loop": 0.0, "ZeroMQ": 0.0, "the rest": 0.0}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        of_zeromq = (thread / "comm").read_text().startswith("ZMQ")
        kind = "event loop" if thread.name == str(pid) else "ZeroMQ" if of_zeromq else "the rest"
        spent[kind] += int((thread / "schedstat").read_text().split()[0]) / 1e9
    return spent


def core_seconds(core: int) -> float:
    """Time for which a core has been busy since the machine started, to a hundredth of a second."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _waiting, interrupts, soft_interrupts, *_ = map(int, ticks)
            return (user + nice + system + interrupts + soft_interrupts) / os.sysconf("SC_CLK_TCK")
    raise ValueError(f"there is no core {core}")


def resident_megabytes(pid: int) -> tuple[float, float]:
    """What it holds in memory, in millions of bytes: its own, and the pages of mapped key tables, which are the disk's
    cache and are taken back when memory is short.
    """
    own, mapped, is_table = 0, 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *values = line.split()
        if not name.endswith(":"):
            is_table = "/keys-" in line
        elif name == "Rss:":
            own, mapped = (own, mapped + int(values[0])) if is_table else (own + int(values[0]), mapped)
    if not own:
        raise ProcessLookupError(f"process {pid} has ended")
    return own * 1024 / 1e6, mapped * 1024 / 1e6


def end(process: "subprocess.Popen[bytes]") -> None:
    """End it, and wait for that."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
