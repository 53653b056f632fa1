"""wrk, the load generator: closed-loop, each connection sends its next request when it has its answer."""

import itertools
import statistics
import string
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import core_seconds, cores

HERE = Path(__file__).parent
FIRST = 2
"""wrk lets the script make one request to look at before it begins, and sends that to nobody."""


@dataclass(frozen=True, slots=True)
class Load:
    """What was sent and what came back. Requests under way when wrk ended were sent and have no answer.

    `core_busy` is the part of the time for which the load's core was busy, with all that runs there: at 1 the load is
    what limits. `behind_seconds` is how much longer the sidecar took to apply what was durable at the end.
    """

    sent: int
    answered: int
    seconds: float
    p99_ms: float
    errors: int
    core_busy: float
    behind_seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds


def run_wrk(port: int, script: str, connections: int, seconds: float, arguments: Sequence[str | Path]) -> Load:
    """Let wrk send for `seconds`, rounded to whole ones. The numbers of what is sent begin with FIRST."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}s", "--timeout", "30s", "--latency"]
    command += ["-s", str(HERE / script), f"http://127.0.0.1:{port}", "--", *map(str, arguments)]
    _, core = cores()
    busy, began = core_seconds(core), time.monotonic()
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    share = (core_seconds(core) - busy) / (time.monotonic() - began)
    result = next((line for line in printed.splitlines() if line.startswith("RESULT")), None)
    assert result is not None, printed
    count, answered, microseconds, p99, errors = map(int, result.split()[1:])
    return Load(count - FIRST + 1, answered, microseconds / 1e6, p99 / 1e3, errors, share)


def _names() -> Iterator[str]:
    letters = string.ascii_lowercase
    for name in itertools.product(letters, letters, letters):
        yield "".join(name)


_runs = _names()


def new_run() -> str:
    """Three letters that no other run of this process has: the beginning of its trades' ids."""
    return next(_runs)


def median_rate(loads: Sequence[Load]) -> float:
    """The median rate of the rounds, answers a second."""
    return statistics.median(load.rate for load in loads)


def median_p99(loads: Sequence[Load]) -> float:
    """The median 99th percentile of the rounds, milliseconds."""
    return statistics.median(load.p99_ms for load in loads)
