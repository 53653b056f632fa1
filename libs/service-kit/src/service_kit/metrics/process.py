"""Metrics of this process, under the names that Prometheus' client libraries use.

Only Linux has `/proc`; elsewhere `python_info` is the only metric.
"""

import os
import platform
import resource
from functools import lru_cache
from io import FileIO
from pathlib import Path

from service_kit.metrics.catalogue import Metric, metrics_in
from service_kit.metrics.text import Family, labels_of

CPU = Metric(
    "process_cpu_seconds_total",
    "counter",
    "seconds",
    (),
    "CPU time of this process, user and system.",
    "A rate near 1: the process uses a whole core, and work arrives faster than it is done.",
)
MEMORY = Metric(
    "process_resident_memory_bytes",
    "gauge",
    "bytes",
    (),
    "Memory in use.",
    "It must not grow with the number of trades; if it does, report it.",
)
VIRTUAL_MEMORY = Metric(
    "process_virtual_memory_bytes",
    "gauge",
    "bytes",
    (),
    "Address space in use.",
    "Does not indicate a problem alone.",
)
START = Metric(
    "process_start_time_seconds",
    "gauge",
    "seconds, Unix time",
    (),
    "When this process started.",
    "Recent, but nobody restarted it: the last lines of the log before the start say why.",
)
OPEN_FDS = Metric(
    "process_open_fds",
    "gauge",
    "file descriptors",
    (),
    "File descriptors in use.",
    "Near process_max_fds: clients keep connections open.",
)
MAX_FDS = Metric(
    "process_max_fds",
    "gauge",
    "file descriptors",
    (),
    "Maximum number of file descriptors of this process.",
    "Raise it with ulimit -n.",
)
PYTHON = Metric(
    "python_info",
    "info",
    "1",
    ("implementation", "major", "minor", "patchlevel", "version"),
    "The Python that runs the process.",
    "Compare it with the versions that are tested: 3.11 to 3.14.",
)

ALL = metrics_in(globals())

BUILD_INFO = Metric(
    "trading_telemetry_build_info",
    "info",
    "1",
    ("component", "python", "version"),
    "Version of the running component.",
    "Compare the versions of the components after an update.",
)
"""Of every program but the web app, which had one under its own name before."""

_STAT_FIELDS = {"utime": 11, "stime": 12, "starttime": 19, "vsize": 20, "rss": 21}
"""Indexes in /proc/self/stat after the command's closing parenthesis; see proc(5)."""


def process_families(proc: Path = Path("/proc")) -> list[Family]:
    """The current values."""
    try:
        with FileIO(f"{proc}/self/stat") as file:
            after_command = file.read().rpartition(b")")[2].split()
        boot = _boot_seconds(proc)
        descriptors = len(os.listdir(f"{proc}/self/fd"))  # noqa: PTH208 -- ten times as fast, at every scrape
    except (OSError, StopIteration):
        return [_python()]
    stat = {name: int(after_command[place]) for name, place in _STAT_FIELDS.items()}
    ticks = os.sysconf("SC_CLK_TCK")
    return [
        Family(CPU, [("", str((stat["utime"] + stat["stime"]) / ticks))]),
        Family(MEMORY, [("", stat["rss"] * resource.getpagesize())]),
        Family(VIRTUAL_MEMORY, [("", stat["vsize"])]),
        Family(START, [("", str(boot + stat["starttime"] / ticks))]),
        Family(OPEN_FDS, [("", descriptors)]),
        Family(MAX_FDS, [("", resource.getrlimit(resource.RLIMIT_NOFILE)[0])]),
        _python(),
    ]


def build_family(version: str, component: str, metric: Metric = BUILD_INFO) -> Family:
    """What is running: the metric has some of the labels `component`, `python` and `version`."""
    known = {"component": component, "python": platform.python_version(), "version": version}
    return Family(metric, [(labels_of(**{label: known[label] for label in metric.labels}), 1)])


def _python() -> Family:
    major, minor, patchlevel = platform.python_version_tuple()
    labels = {"implementation": platform.python_implementation(), "major": major, "minor": minor}
    return Family(PYTHON, [(labels_of(**labels, patchlevel=patchlevel, version=platform.python_version()), 1)])


@lru_cache
def _boot_seconds(proc: Path) -> int:
    """When the machine started, Unix seconds. Read once: for this file the kernel sums up every interrupt counter."""
    lines = (proc / "stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))
