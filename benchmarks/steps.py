"""What a POST takes, step by step, and a trade of a batch, part by part: where the limit is."""

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks import baselines
from benchmarks.processes import ENVIRONMENT, ROOT, cores, pinned
from benchmarks.single import PRODUCT
from benchmarks.suite import Suite
from benchmarks.table import Row, at_most, number
from benchmarks.wrk import median_rate

MEMORY = "/dev/shm"  # a file system in memory, on every Linux
BARE = "bare uvicorn"

ROOM_US = 1.67
"""For a trade, where 600,000 a second go over one core."""


def of_a_post(suite: Suite) -> list[Row]:
    """POST /trade over 64 connections: sockets alone, the app without a journal, with one in memory, the app."""
    with (
        tempfile.TemporaryDirectory(dir=MEMORY) as memory,
        suite.product() as product,
        replace(suite, folder=Path(memory)).product() as in_memory,
        baselines.echo() as echo,
        baselines.uncommitted() as uncommitted,
        baselines.bare() as bare,
    ):
        servers = {
            "sockets alone": echo.load,
            "all but the journal": uncommitted.load,
            "the journal in memory, where a sync takes nothing": in_memory.singles,
            PRODUCT: product.singles,
            BARE: bare.load,
        }
        for load in servers.values():
            load(64, 1)  # each has run once before it is measured
        loads = suite.interleaved(servers, lambda name: servers[name](64, suite.seconds))
    rates = {name: median_rate(found) for name, found in loads.items()}
    rows = []
    for name, found in loads.items():
        busy = statistics.median(load.core_busy for load in found)
        details = f"{number(rates[name])}/s, {1e6 / rates[name]:.1f} µs each (the load's core is busy {busy:.0%})"
        rows.append(Row(name, "", details if name == BARE else f"{rates[name] / rates[BARE]:.2f} × {BARE}: {details}"))
    return rows


def of_a_batch(suite: Suite) -> list[Row]:
    """A trade in a batch of 1,000, each part of its way alone in a process: CPU time."""
    rounds = suite.repeated(lambda: _parts(suite))
    parts = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    rows = [Row(name, "", f"{microseconds:.2f} µs") for name, microseconds in parts.items()]
    return [*rows, at_most("all of them, to what 600,000/s leave", ROOM_US, sum(parts.values()), " µs")]


def _parts(suite: Suite) -> dict[str, float]:
    server, _ = cores()
    with tempfile.TemporaryDirectory(dir=suite.folder) as folder:
        command = pinned(server, [sys.executable, "-m", "benchmarks.parts", folder])
        done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found
