"""POST /trade on disks that sync slowly: what waits at the same time shares a sync, so more connections do more."""

import os
import sys
from itertools import pairwise

from benchmarks.processes import ROOT
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least, number
from benchmarks.wrk import median_rate

SYNCS_MS = (2, 10)
CONNECTIONS = (1, 8, 64, 256)


def slow(suite: Suite) -> list[Row]:
    """POST /trade where a sync takes 2 and 10 ms: rates of 1 to 256 connections."""
    return [row for milliseconds in SYNCS_MS for row in _rows(suite, milliseconds)]


def _rows(suite: Suite, milliseconds: int) -> list[Row]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with suite.product_not_started(SYNC_MILLISECONDS=str(milliseconds), PYTHONPATH=path) as product:
        product.start("trading-app", [sys.executable, "-m", "benchmarks.slow_disk"])
        product.start("metrics-sidecar")
        loads = suite.interleaved(CONNECTIONS, lambda count: product.singles(count, suite.seconds / 2))
    rates = {count: median_rate(rounds) for count, rounds in loads.items()}
    one = Row(f"sync of {milliseconds} ms, 1 connection", "", f"{number(rates[1])}/s")
    return [
        one,
        *(
            at_least(
                f"sync of {milliseconds} ms, {more} connections to {fewer}", 1, rates[more] / rates[fewer], " ×",
                f" ({number(rates[more])}/s)",
            )
            for fewer, more in pairwise(CONNECTIONS)
        ),
    ]  # fmt: skip
