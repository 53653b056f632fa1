"""What both apps hold in memory under full load, and whether that grows with the number of trades."""

import statistics
import threading

from benchmarks import trades
from benchmarks.processes import resident_megabytes
from benchmarks.product import Product
from benchmarks.suite import Suite
from benchmarks.table import Row, at_most

SYMBOLS = 1_000
MAX_MEGABYTES = {"trading-app": 120, "metrics-sidecar": 100}
SAMPLE_SECONDS = 0.2
GROWTH = 1.05


class Watch(threading.Thread):
    """Notes what each process holds, until the end of the block."""

    def __init__(self, pids: dict[str, int]) -> None:
        super().__init__(daemon=True)
        self.samples: dict[str, list[tuple[float, float]]] = {name: [] for name in pids}
        self._pids = pids
        self._ending = threading.Event()

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_raised: object) -> None:
        self._ending.set()
        self.join()

    def run(self) -> None:
        """Take samples."""
        while not self._ending.wait(SAMPLE_SECONDS):
            for name, pid in self._pids.items():
                self.samples[name].append(resident_megabytes(pid))


def held(suite: Suite) -> list[Row]:
    """Resident memory of both apps under full load in 1,000 symbols, and its growth."""
    templates = trades.templates(SYMBOLS, trades.NDJSON)
    with suite.product() as product:
        rounds = suite.repeated(lambda: _load(suite, product, templates))
        total = product.sent
    rows = []
    for name, maximum in MAX_MEGABYTES.items():
        highest = max(own for samples in rounds for own, _ in samples[name])
        mapped = max(mapped for samples in rounds for _, mapped in samples[name])
        tables = f" (and {mapped:.0f} MB of key tables, mapped)" if mapped else ""
        rows.append(at_most(f"{name}, most", maximum, highest, " MB", tables))
        # The first round may still fill what is kept for later: buffers, caches, the index's pages.
        early, late = (
            statistics.median(own for own, _ in samples[name])
            for samples in (rounds[min(1, len(rounds) - 1)], rounds[-1])
        )
        details = f" ({early:.1f} MB; {late:.1f} MB; {total:,} trades)"
        rows.append(at_most(f"{name}, last round to second", GROWTH, late / early, " ×", details))
    return rows


def _load(suite: Suite, product: Product, templates: list[bytes]) -> dict[str, list[tuple[float, float]]]:
    with Watch({name: product.pid(name) for name in MAX_MEGABYTES}) as watch:
        product.batches(templates, trades.NDJSON, suite.seconds)
        product.singles(64, suite.seconds)
    return watch.samples
