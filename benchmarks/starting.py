"""How long a start takes: of both apps as they are, and of the sidecar behind many trades."""

import statistics

from benchmarks import trades
from benchmarks.product import NAMES, Product
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least, at_most

SYMBOLS = 1_000
TRADES_A_BODY = 10_000


def starts(suite: Suite) -> list[Row]:
    """Both apps with an empty journal: from exec to the first 200 of /readyz."""
    with suite.product_not_started() as product:
        seconds = suite.interleaved(NAMES, lambda name: _start(product, name))
        for name in NAMES:
            product.start(name)
    web, sidecar = (statistics.median(seconds[name]) for name in NAMES)
    return [at_most("web app ready", 1, web, " s"), at_most("sidecar ready", 0.7, sidecar, " s")]


def restarts(suite: Suite) -> list[Row]:
    """The sidecar behind many trades: ready from its snapshot, and rebuilt without one."""
    with suite.product(measured="metrics-sidecar") as product:
        _journal(product, suite.trades)
        product.seconds_until_applied(product.head())
        product.apps.stop_one("metrics-sidecar")
        seconds = suite.interleaved((False, True), lambda rebuild: _restart(product, rebuild=rebuild))
        product.start("metrics-sidecar")
        total = product.sent
    ready, rebuilt = (statistics.median(seconds[rebuild]) for rebuild in (False, True))
    behind = f", {total:,} trades"
    return [
        at_most(f"ready from its snapshot{behind}", 2, ready, " s"),
        at_least(
            f"rebuilt{behind}", 500_000, total / (rebuilt - ready), " trades/s", f" (ready after {rebuilt:.1f} s)"
        ),
    ]


def _start(product: Product, name: str) -> float:
    """Start it; the web app runs on, since the sidecar needs it."""
    seconds = product.start(name)
    if name == "metrics-sidecar":
        for running in NAMES:
            product.apps.stop_one(running)
    return seconds


def _restart(product: Product, *, rebuild: bool) -> float:
    if rebuild:
        (product.apps.data / "sidecar-snapshot.json").unlink()
    seconds = product.start("metrics-sidecar")
    product.apps.stop_one("metrics-sidecar")  # it saves a snapshot as it ends
    return seconds


def _journal(product: Product, count: int) -> None:
    templates = trades.templates(SYMBOLS, trades.NDJSON, TRADES_A_BODY)
    for number in range(max(count // TRADES_A_BODY, 1)):
        product.post(trades.batch(templates, "new", number), TRADES_A_BODY)
