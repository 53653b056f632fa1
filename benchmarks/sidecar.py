"""What a trade costs the sidecar, whether the number of trades matters, and whether it falls behind the intake."""

import statistics
from dataclasses import dataclass

from benchmarks import trades
from benchmarks.processes import cpu_seconds
from benchmarks.product import Product
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least, at_most

SYMBOLS = (1, 10, 1_000)


@dataclass(frozen=True, slots=True)
class Followed:
    """A load: its trades a second, the sidecar's CPU time a trade in µs, and how long it was behind at the end."""

    rate: float
    cpu_us: float
    behind_ms: float


def cost(suite: Suite) -> list[Row]:
    """The sidecar's CPU time a trade in 1, 10 and 1,000 symbols, and whether it grows with the number of trades."""
    with suite.product(measured="metrics-sidecar") as product:
        for symbols in SYMBOLS:
            _batches(suite, product, symbols)  # all positions are open before it counts
        followed = suite.interleaved(SYMBOLS, lambda symbols: _batches(suite, product, symbols))
        total = product.sent
        singles = suite.repeated(lambda: _singles(suite, product))
    rows = [
        at_most(f"CPU a trade, {symbols:,} symbol{'s' * (symbols > 1)}", 1.5, _median(rounds, "cpu_us"), " µs")
        for symbols, rounds in followed.items()
    ]
    last = statistics.median(rounds[-1].cpu_us / rounds[0].cpu_us for rounds in followed.values())
    return [
        *rows,
        at_most("CPU a trade, last round to first", 1.1, last, " ×", f" (after {total:,} trades)"),
        Row("CPU a trade, single POSTs", "", f"{_median(singles, 'cpu_us'):.2f} µs"),
    ]


def keeping_up(suite: Suite) -> list[Row]:
    """The sidecar beside the web app's top rates: what it could take, and how far behind it is when a load ends."""
    with suite.product() as product:
        batches = suite.repeated(lambda: _batches(suite, product, SYMBOLS[-1]))
        singles = suite.repeated(lambda: _singles(suite, product))
    rate, cpu = _median(batches, "rate"), _median(batches, "cpu_us")
    details = f" ({1e6 / cpu:,.0f}/s; {rate:,.0f}/s)"
    return [
        at_least("trades a CPU second, to the top rate in batches", 1, 1e6 / cpu / rate, " ×", details),
        at_most("behind when batches end", 100, _median(batches, "behind_ms"), " ms"),
        at_most("behind when single POSTs end", 100, _median(singles, "behind_ms"), " ms"),
    ]


def _batches(suite: Suite, product: Product, symbols: int) -> Followed:
    before, sent = cpu_seconds(product.pid("metrics-sidecar")), product.sent
    load = product.batches(trades.templates(symbols, trades.NDJSON), trades.NDJSON, suite.seconds)
    return _followed(product, before, sent, load.rate * trades.BATCH, load.behind_seconds)


def _singles(suite: Suite, product: Product) -> Followed:
    before, sent = cpu_seconds(product.pid("metrics-sidecar")), product.sent
    load = product.singles(64, suite.seconds)
    return _followed(product, before, sent, load.rate, load.behind_seconds)


def _followed(product: Product, cpu_before: float, sent_before: int, rate: float, behind: float) -> Followed:
    product.seconds_until_applied(product.head())
    spent = cpu_seconds(product.pid("metrics-sidecar")) - cpu_before
    return Followed(rate, spent / (product.sent - sent_before) * 1e6, behind * 1e3)


def _median(rounds: list[Followed], what: str) -> float:
    return float(statistics.median(getattr(one, what) for one in rounds))
