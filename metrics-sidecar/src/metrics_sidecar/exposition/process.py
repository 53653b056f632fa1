"""This process as the system sees it, under the names all exporters use. Without Linux' `/proc` nothing is told."""

import os
import resource
from functools import lru_cache
from io import FileIO
from pathlib import Path

from metrics_sidecar import metrics
from metrics_sidecar.exposition.text import Family

_STAT_FIELDS = {"utime": 11, "stime": 12, "starttime": 19, "vsize": 20, "rss": 21}
"""Places in /proc/self/stat after the command's closing parenthesis; see proc(5)."""


def process_families(proc: Path = Path("/proc")) -> list[Family]:
    """The `process_*` metrics at this moment."""
    try:
        with FileIO(f"{proc}/self/stat") as file:
            after_command = file.read().rpartition(b")")[2].split()
        boot = _boot_seconds(proc)
        descriptors = len(os.listdir(f"{proc}/self/fd"))  # noqa: PTH208 -- at every scrape, and ten times as fast
    except (OSError, StopIteration):
        return []
    stat = {name: int(after_command[place]) for name, place in _STAT_FIELDS.items()}
    ticks = os.sysconf("SC_CLK_TCK")
    return [
        Family(metrics.PROCESS_CPU, [("", str((stat["utime"] + stat["stime"]) / ticks))]),
        Family(metrics.PROCESS_MEMORY, [("", stat["rss"] * resource.getpagesize())]),
        Family(metrics.PROCESS_VIRTUAL_MEMORY, [("", stat["vsize"])]),
        Family(metrics.PROCESS_START, [("", str(boot + stat["starttime"] / ticks))]),
        Family(metrics.PROCESS_OPEN_FDS, [("", descriptors)]),
        Family(metrics.PROCESS_MAX_FDS, [("", resource.getrlimit(resource.RLIMIT_NOFILE)[0])]),
    ]


@lru_cache
def _boot_seconds(proc: Path) -> int:
    """When the machine started, in seconds since 1970. Read once: to say it, the kernel counts every interrupt."""
    lines = (proc / "stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))
