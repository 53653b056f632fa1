"""POST /trade: the product beside what it is compared with, over the same connections, in the same rounds."""

import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import baselines
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least, at_most, number
from benchmarks.wrk import Load, median_p99, median_rate

PRODUCT = "the product"


def against_bare(suite: Suite) -> list[Row]:
    """POST /trade over 64 connections, beside uvicorn that only answers 202 and an empty FastAPI endpoint."""
    with baselines.bare() as bare, baselines.empty() as empty:
        loads = _interleaved(suite, 64, {"bare": bare.load, "empty": empty.load})
    p99, bares = median_p99(loads[PRODUCT]), median_p99(loads["bare"])
    busy = ", ".join(f"{statistics.median(load.core_busy for load in loads[name]):.0%}" for name in (PRODUCT, "bare"))
    return [
        _times("rate, 64 connections", 1.2, "bare uvicorn", loads[PRODUCT], loads["bare"]),
        at_most("p99, 64 connections, to bare uvicorn's", 1, p99 / bares, " ×", f" ({p99:.2f} ms; {bares:.2f} ms)"),
        _times("rate, 64 connections", 7, "an empty FastAPI endpoint", loads[PRODUCT], loads["empty"]),
        Row("the load's core is busy; with bare uvicorn", "", busy),
    ]


def against_bare_256(suite: Suite) -> list[Row]:
    """POST /trade over 256 connections, beside uvicorn that only answers 202."""
    with baselines.bare() as bare:
        loads = _interleaved(suite, 256, {"bare": bare.load})
    row = _times("rate, 256 connections", 1.5, "bare uvicorn", loads[PRODUCT], loads["bare"])
    details = f"{median_p99(loads[PRODUCT]):.2f} ms; {median_p99(loads['bare']):.2f} ms"
    return [row, Row("p99, 256 connections; bare uvicorn's", "", details)]


def against_naive(suite: Suite) -> list[Row]:
    """POST /trade beside the naive design, benchmarks/naive.py."""
    with tempfile.TemporaryDirectory(dir=suite.folder) as folder, baselines.naive(Path(folder)) as naive:
        loads = _interleaved(suite, 64, {"naive": naive.load})
    return [_times("rate, 64 connections", 15, "the naive design", loads[PRODUCT], loads["naive"])]


def against_pushgateway(suite: Suite) -> list[Row]:
    """POST /trade beside pushing the same trade's series to Debian's Pushgateway, where that is installed."""
    what, other = "rate, 64 connections", "the Pushgateway"
    if not baselines.pushgateway_is_installed():
        install = f"not installed (Debian: apt-get install {baselines.PUSHGATEWAY})"
        return [Row(what, f"≥ {number(18)} × {other}", install)]
    with baselines.pushgateway() as pushgateway:
        loads = _interleaved(suite, 64, {"pushes": pushgateway.load})
    return [_times(what, 18, other, loads[PRODUCT], loads["pushes"])]


def _interleaved(
    suite: Suite, connections: int, others: dict[str, Callable[[int, float], Load]]
) -> dict[str, list[Load]]:
    with suite.product() as product:
        product.singles(connections, 1)  # both sides have run once before they are measured
        for load in others.values():
            load(connections, 1)
        servers = {PRODUCT: product.singles, **others}
        return suite.interleaved(servers, lambda name: servers[name](connections, suite.seconds))


def _times(what: str, goal: float, other: str, ours: list[Load], theirs: list[Load]) -> Row:
    """Our rate as a multiple of the other's: the median of the rounds' ratios."""
    ratio = statistics.median(our.rate / their.rate for our, their in zip(ours, theirs, strict=True))
    rates = f" ({number(median_rate(ours))}/s; {number(median_rate(theirs))}/s)"
    return at_least(what, goal, ratio, f" × {other}", rates)
