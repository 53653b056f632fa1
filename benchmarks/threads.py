"""Which threads the CPU time of a trade goes to, in both apps."""

import statistics
from collections.abc import Callable

from benchmarks import trades
from benchmarks.processes import thread_seconds
from benchmarks.product import NAMES, Product
from benchmarks.suite import Suite
from benchmarks.table import Row, number

SYMBOLS = 10

Shares = dict[tuple[str, str], float]
"""CPU seconds by app and kind of thread."""


def shares(suite: Suite) -> list[Row]:
    """Both apps' CPU time a trade by thread; what is neither event loop nor ZeroMQ is the web app's writer."""
    templates = trades.templates(SYMBOLS, trades.NDJSON)
    with suite.product() as product:
        loads: dict[str, Callable[[], object]] = {
            "single POSTs": lambda: product.singles(64, suite.seconds),
            "batches": lambda: product.batches(templates, trades.NDJSON, suite.seconds),
        }
        found = suite.interleaved(loads, lambda name: _shares(product, loads[name]))
    return [
        Row(f"{load}, {app}", "", ", ".join(_kinds(app, rounds))) for load, rounds in found.items() for app in NAMES
    ]


def _shares(product: Product, load: Callable[[], object]) -> Shares:
    """Seconds a trade."""
    before, sent = _spent(product), product.sent
    load()
    product.seconds_until_applied(product.head())
    return {key: (seconds - before[key]) / (product.sent - sent) for key, seconds in _spent(product).items()}


def _spent(product: Product) -> Shares:
    return {(name, kind): seconds for name in NAMES for kind, seconds in thread_seconds(product.pid(name)).items()}


def _kinds(app: str, rounds: list[Shares]) -> list[str]:
    kinds = [kind for name, kind in rounds[0] if name == app]
    return [f"{kind} {number(statistics.median(one[app, kind] for one in rounds) * 1e6)} µs" for kind in kinds]
