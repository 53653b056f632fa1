"""How long corrections take in a large ledger, and what they cost meanwhile:
`python -m benchmarks.corrections [--fills N] [--keys N] [--folder FOLDER]`.

One key has 1,000 fills, the others share the rest. Measured: a void of one of the 1,000; then 100,000 late fills of 300
keys; beside both, the time from a POST until its trade is in the figures, and the sidecar's memory.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.ledger import BEGAN_NS, PARTS, YEAR_NS, Orders, fill_journal
from benchmarks.machine import describe
from telemetry_stream.backend import store_of
from tests.support.apps import Apps

BATCH = 1_000
LATE_FILLS, LATE_KEYS = 100_000, 300
START_SECONDS = 900
"""Max time until the programs are ready behind a large ledger."""

WATCHED = "WATCHED/USD"
"""Symbol of the trades whose way into the figures is timed."""


def main() -> None:
    """Build the ledger, run the programs, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=LATE_KEYS, help="that share the fills; not less than 300")
    parser.add_argument("--folder", type=Path, help="is changed and kept; a ledger of --fills in its data/ is used")
    given = parser.parse_args()
    orders = Orders(given.fills, given.keys)
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        if not store_of().file(folder / "data").exists():
            began = time.perf_counter()
            (folder / "data").mkdir(parents=True)
            fill_journal(folder / "data", given.fills, orders)
            print(f"ledger of {given.fills:,} fills made in {time.perf_counter() - began:.1f} s", flush=True)
        apps = Apps(folder)
        try:
            began = time.perf_counter()
            for program in ("trading-app", "metrics-sidecar"):
                apps.start(program)
                apps.wait_for(program, START_SECONDS)
            print(f"programs ready in {time.perf_counter() - began:.1f} s", flush=True)
            measure(apps, orders)
        finally:
            apps.end()
        print(describe(folder))


def measure(apps: Apps, orders: Orders) -> None:
    """Time the corrections, and what goes on beside them."""
    alone = Beside(apps, "alone")
    time.sleep(5)
    alone.end()
    for what, order in (("first void (makes the history, if it is not there)", 0), ("void", orders.few_apart)):
        beside = Beside(apps, what)
        seconds = _seconds_until_settled(apps, partial(_post, apps, "/events", _void(order * PARTS + 1)))
        beside.end()
        print(f"{what}: {seconds:.2f} s", flush=True)
    beside = Beside(apps, "late fills")
    late = replace(
        orders, fills=LATE_FILLS, keys=LATE_KEYS, years=1, began_ns=BEGAN_NS - 2 * YEAR_NS, first_id=8_000_000_000
    )
    seconds = _seconds_until_settled(apps, partial(_send_late, apps, late))
    beside.end()
    print(f"{LATE_FILLS:,} late fills over {late.keys} keys: {seconds:.1f} s", flush=True)


def _void(target: int) -> dict[str, Any]:
    return {"kind": "void", "target": target, "reason": "benchmark"}


def _send_late(apps: Apps, late: Orders) -> int:
    seq = 0
    for start in range(0, LATE_FILLS, BATCH):
        lines = (b"{" + late(number) for number in range(start, start + BATCH))
        answer = httpx.post(
            f"{apps.web_url}/trades",
            content=b"\n".join(lines),
            headers={"Content-Type": "application/x-ndjson"},
            timeout=60,
        )
        seq = int(answer.raise_for_status().json()["last_seq"])
    return seq


def _post(apps: Apps, path: str, body: object) -> int:
    answer = httpx.post(f"{apps.web_url}{path}", json=body, timeout=60)
    return int(answer.raise_for_status().json()["seq"])


def _seconds_until_settled(apps: Apps, change: Callable[[], int]) -> float:
    began = time.perf_counter()
    seq = change()
    while True:
        metrics = httpx.get(f"{apps.sidecar_url}/metrics", timeout=60).text
        values = dict(_values(metrics))
        if values["trading_stream_applied_sequence"] >= seq and not values["trading_positions_recomputing"]:
            return time.perf_counter() - began
        time.sleep(0.02)


def _values(metrics: str) -> Iterator[tuple[str, float]]:
    for line in metrics.splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if name in ("trading_stream_applied_sequence", "trading_positions_recomputing"):
            yield name, float(line.rpartition(" ")[2])


class Beside:
    """Posts a trade every 20 ms and waits until the sidecar has applied it; notes the sidecar's memory."""

    def __init__(self, apps: Apps, what: str) -> None:
        self._apps = apps
        self._what = what
        self._ending = threading.Event()
        self._seconds: list[float] = []
        self._max_kib = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        """Stop, and print what was seen."""
        self._ending.set()
        self._thread.join()
        ordered = sorted(self._seconds)
        print(
            f"  beside {self._what}: POST until applied p50 {statistics.median(ordered) * 1e3:.1f} ms,"
            f" p99 {ordered[len(ordered) * 99 // 100] * 1e3:.1f} ms ({len(ordered)} trades);"
            f" sidecar at most {self._max_kib / 1024:.0f} MiB",
            flush=True,
        )

    def _run(self) -> None:
        status = Path(f"/proc/{self._apps.processes['metrics-sidecar'].pid}/status")
        with httpx.Client(timeout=60) as client:
            while not self._ending.wait(0.02):
                began = time.perf_counter()
                trade = {"symbol": WATCHED, "price": "1", "qty": "1", "side": "buy"}
                seq = client.post(f"{self._apps.web_url}/trade", json=trade).raise_for_status().json()["seq"]
                while not self._has(client, seq):
                    pass
                self._seconds.append(time.perf_counter() - began)
                line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
                self._max_kib = max(self._max_kib, int(line.split()[1]))

    def _has(self, client: httpx.Client, seq: int) -> bool:
        """Whether the sidecar has applied a sequence: by the shortest document that says so."""
        head = client.get(f"{self._apps.sidecar_url}/state", headers={"Range": "bytes=0-200"}).content[:300]
        applied = int(head.partition(b'"applied":')[2].partition(b",")[0])
        return applied >= seq


if __name__ == "__main__":
    main()
