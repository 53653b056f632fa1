"""What a scrape costs the sidecar, by how much there is to show, and how it delays the trades that come meanwhile."""

import re
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks import trades
from benchmarks.http_client import Connection
from benchmarks.processes import cpu_seconds
from benchmarks.product import Product, shown_sequence
from benchmarks.suite import Suite
from benchmarks.table import Row, at_most
from benchmarks.wrk import new_run

SERIES = (10, 1_000, 10_000, 100_000)
SERIES_A_POSITION = 11
SYMBOLS = 100
POSITIONS_A_BODY = 200
SCRAPES_A_ROUND = 5
IDLE_SECONDS = 0.01
CYCLE_SECONDS = 0.25
SINGLES_A_SECOND = 500
WITHIN_MS = 5

_BUCKET = re.compile(rb'^trading_delivery_delay_seconds_bucket\{le="([^"]+)"\} (\d+)$', re.MULTILINE)
_SAMPLE = re.compile(rb"^[^#\n]", re.MULTILINE)


class Positions:
    """Positions that make about `series` series; each turn brings a trade to every one of them."""

    def __init__(self, product: Product, series: int) -> None:
        self._product = product
        self._keys = max(series // SERIES_A_POSITION, 1)
        self._prefix = new_run()
        self._turn = 0

    def change(self, seconds: float = 0) -> None:
        """Post a turn, evenly over that time."""
        began = time.monotonic()
        for first in range(0, self._keys, POSITIONS_A_BODY):
            time.sleep(max(began + seconds * first / self._keys - time.monotonic(), 0))
            some = range(first, min(first + POSITIONS_A_BODY, self._keys))
            self._product.post(trades.positions(some, SYMBOLS, self._prefix, self._turn), len(some))
        self._turn += 1

    def change_while(self, is_on: Callable[[], bool]) -> None:
        """Post turn after turn, each over CYCLE_SECONDS: in one go, trades would wait for each other to be applied."""
        while is_on():
            self.change(CYCLE_SECONDS)


@dataclass(frozen=True, slots=True)
class Scraped:
    """A scrape: the sequence and the number of series it showed, the seconds of CPU it took, and until it was there."""

    applied: int
    series: int
    cpu: float
    wall: float


def cost(suite: Suite) -> list[Row]:
    """Uncompressed scrapes of 10 to 100,000 series, all of them changed since the last: CPU time a series."""
    rows: list[Row] = []
    costs: list[float] = []
    with suite.product(measured="metrics-sidecar") as product:
        for series in SERIES:
            positions = Positions(product, series)
            changed, same = (_median_scrape(suite, product, change) for change in (positions.change, lambda: None))
            costs.append(changed.cpu / changed.series * 1e6)
            details = (
                f" ({changed.series:,} series, {changed.cpu * 1e3:.2f} ms of CPU, the client waits"
                f" {changed.wall * 1e3:.2f} ms; with nothing changed {same.cpu * 1e3:.2f} ms of CPU)"
            )
            rows.append(at_most(f"{series:,} series, CPU a series", 0.6, costs[-1], " µs", details))
    rows.append(at_most("CPU a series, 100,000 to 10,000", 1.25, costs[-1] / costs[-2], " ×"))
    return rows


def delays_meanwhile(suite: Suite) -> list[Row]:
    """Trades that come while 100,000 series change and are scraped, 4 times a second: the longest way to the state."""
    with suite.product(measured="metrics-sidecar") as product:
        positions = Positions(product, SERIES[-1])
        positions.change()
        found = suite.interleaved((True, False), lambda scraping: _delays(suite, product, positions, scraping=scraping))
    scraped, quiet = (statistics.median(_longest_ms(one) for one in found[scraping]) for scraping in (True, False))
    within, quiet_within = (
        statistics.median(_share_within(one) for one in found[scraping]) for scraping in (True, False)
    )
    details = (
        f", the bucket's bound ({within:.2%} within {WITHIN_MS} ms;"
        f" without scrapes {quiet:g} ms and {quiet_within:.2%})"
    )
    return [at_most("longest delay of a trade during scrapes", WITHIN_MS, scraped, " ms", details)]


def _median_scrape(suite: Suite, product: Product, prepare: Callable[[], None]) -> Scraped:
    every: list[Scraped] = []
    with product.sidecar() as sidecar:
        while len(every) < suite.rounds * SCRAPES_A_ROUND + 1:
            prepare()
            head = product.head()
            _wait_until_idle(product.pid("metrics-sidecar"))
            scraped = _scrape(product, sidecar)
            if scraped.applied == head:  # else it was idle for want of CPU only, and had not applied all yet
                every.append(scraped)
    # The first scrape of a position makes what later ones keep; it does not count.
    cpu, wall = (statistics.median(getattr(one, what) for one in every[1:]) for what in ("cpu", "wall"))
    return Scraped(every[-1].applied, every[-1].series, cpu, wall)


def _scrape(product: Product, sidecar: Connection) -> Scraped:
    pid = product.pid("metrics-sidecar")
    cpu, began = cpu_seconds(pid), time.perf_counter()
    body = sidecar.get("/metrics").body
    wall, cpu = time.perf_counter() - began, cpu_seconds(pid) - cpu
    return Scraped(shown_sequence(body), len(_SAMPLE.findall(body)), cpu, wall)


def _wait_until_idle(pid: int) -> None:
    """Wait until the sidecar has hardly used its core for IDLE_SECONDS; to ask it whether it has applied all would be a
    scrape.
    """
    before = cpu_seconds(pid)
    while True:
        time.sleep(IDLE_SECONDS)
        now = cpu_seconds(pid)
        if now - before < IDLE_SECONDS / 10:
            return
        before = now


def _delays(suite: Suite, product: Product, positions: Positions, *, scraping: bool) -> dict[float, int]:
    """How many trades had a delay up to which bound (seconds), each counted once."""
    with product.sidecar() as sidecar:
        product.seconds_until_applied(product.head())
        before = _buckets(sidecar)
        pacing = product.start_pacing(SINGLES_A_SECOND, suite.seconds)
        with ThreadPoolExecutor(1) as beside:
            changing = beside.submit(positions.change_while, lambda: pacing.poll() is None)
            while pacing.poll() is None:
                next_at = time.monotonic() + CYCLE_SECONDS
                if scraping:
                    sidecar.get("/metrics")
                time.sleep(max(next_at - time.monotonic(), 0))
            changing.result()
        product.finish_pacing(pacing)
        product.seconds_until_applied(product.head())
        after = _buckets(sidecar)
    cumulative = [after[bound] - before[bound] for bound in after]
    return {bound: count - under for bound, count, under in zip(after, cumulative, [0, *cumulative[:-1]], strict=True)}


def _buckets(sidecar: Connection) -> dict[float, int]:
    return {float(bound): int(count) for bound, count in _BUCKET.findall(sidecar.get("/metrics").body)}


def _share_within(counts: dict[float, int]) -> float:
    return sum(count for bound, count in counts.items() if bound * 1e3 <= WITHIN_MS) / sum(counts.values())


def _longest_ms(counts: dict[float, int]) -> float:
    return max(bound for bound, count in counts.items() if count) * 1e3
