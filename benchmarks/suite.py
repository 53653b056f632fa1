"""What every figure is given: how long to measure, where, and products to measure, whose totals are compared."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.processes import cores
from benchmarks.product import NAMES, Product, Totals

What = TypeVar("What")
Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class Suite:
    """A run: rounds of `seconds`, `trades` to restart with, data below `folder`."""

    folder: Path
    seconds: float
    rounds: int
    trades: int
    totals: list[Totals] = field(default_factory=list)

    @contextmanager
    def product(self, *, measured: str = "trading-app") -> Iterator[Product]:
        """Both apps, running and ready; `measured` has the server's core, the other is beside the load.

        Totals are compared at the end: AssertionError where they differ.
        """
        with self.product_not_started(measured=measured) as product:
            for name in NAMES:
                product.start(name)
            yield product

    @contextmanager
    def product_not_started(self, *, measured: str = "trading-app", **settings: str) -> Iterator[Product]:
        """Both apps, which the figure starts itself. Totals are compared at the end: AssertionError if they differ."""
        server, load = cores()
        web_core, sidecar_core = (server, load) if measured == "trading-app" else (load, server)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            product = Product(Path(folder), web_core, sidecar_core, **settings)
            try:
                yield product
                self.totals.append(product.totals())
            finally:
                product.end()

    def repeated(self, measure: Callable[[], Measured]) -> list[Measured]:
        """Measure, round after round."""
        return [measure() for _ in range(self.rounds)]

    def interleaved(self, what: Iterable[What], measure: Callable[[What], Measured]) -> dict[What, list[Measured]]:
        """Measure each in turn, round after round, so that the machine's drift is in all of them."""
        found: dict[What, list[Measured]] = {one: [] for one in what}
        for _ in range(self.rounds):
            for one, measured in found.items():
                measured.append(measure(one))
        return found
