"""POST /trades, 1,000 trades a request over 4 connections: rate, CPU time, and what they do to single requests."""

import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import trades
from benchmarks.paced import Paced
from benchmarks.processes import ENVIRONMENT, ROOT, cores, cpu_seconds, pinned
from benchmarks.product import Product
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least, at_most

SYMBOLS = 10
SINGLES_A_SECOND = 5_000
NAMES = {trades.JSON: "JSON", trades.NDJSON: "NDJSON"}

Taken = tuple[float, float, float]
"""Trades a second, CPU seconds a trade of the web app, and of msgspec alone."""


def rates(suite: Suite) -> list[Row]:
    """POST /trades, 1,000 a request: rate, and CPU time a trade beside msgspec alone."""
    with suite.product() as product:
        measures = {kind: _taking(suite, product, kind) for kind in NAMES}
        for measure in measures.values():
            measure()  # once before it counts
        found = suite.interleaved(NAMES, lambda kind: measures[kind]())
    rows = []
    for kind, rounds in found.items():
        rate = statistics.median(rate for rate, _, _ in rounds)
        cpu, alone = (statistics.median(taken[place] for taken in rounds) * 1e6 for place in (1, 2))
        ratio = statistics.median(ours / theirs for _, ours, theirs in rounds)
        details = f" ({cpu:.2f} µs; {alone:.2f} µs)"
        rows += [
            at_least(f"{NAMES[kind]}, rate", 600_000, rate, " trades/s"),
            at_most(f"{NAMES[kind]}, CPU a trade to msgspec's alone", 2.5, ratio, " ×", details),
        ]
    return rows


def singles_meanwhile(suite: Suite) -> list[Row]:
    """POST /trade at a steady rate while batches of 1,000 arrive on 4 connections: p99."""
    templates = trades.templates(SYMBOLS, trades.JSON)
    with suite.product() as product:

        def measure() -> tuple[Paced, float]:
            pacing = product.start_pacing(SINGLES_A_SECOND, suite.seconds)
            load = product.batches(templates, trades.JSON, suite.seconds + 2)  # longer, so at both ends
            return product.finish_pacing(pacing), load.rate * trades.BATCH

        rounds = suite.repeated(measure)
    p99s = sorted(paced.p99_ms for paced, _ in rounds)
    p99 = statistics.median(p99s)
    late = statistics.median(paced.late_p99_ms for paced, _ in rounds)
    cpu = statistics.median(paced.cpu_us for paced, _ in rounds)
    rate = statistics.median(rate for _, rate in rounds)
    details = (
        f" ({p99s[0]:.1f} to {p99s[-1]:.1f} in the rounds; {rate:,.0f} trades/s in batches;"
        f" the generator sends {late:.1f} ms late, p99, and needs {cpu:.0f} µs each)"
    )
    return [at_most(f"p99 of single POSTs at {SINGLES_A_SECOND:,}/s meanwhile", 10, p99, " ms", details)]


def _taking(suite: Suite, product: Product, kind: str) -> Callable[[], Taken]:
    templates = trades.templates(SYMBOLS, kind)
    file = suite.folder / f"batch-{NAMES[kind]}"
    file.write_bytes(templates[0])

    def measure() -> Taken:
        before = cpu_seconds(product.pid("trading-app"))
        load = product.batches(templates, kind, suite.seconds)
        spent = cpu_seconds(product.pid("trading-app")) - before
        return load.rate * trades.BATCH, spent / (load.sent * trades.BATCH), _alone(file, kind)

    return measure


def _alone(file: Path, kind: str) -> float:
    server, _ = cores()
    command = pinned(server, [sys.executable, "-m", "benchmarks.decode_alone", file, kind])
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return float(done.stdout)
