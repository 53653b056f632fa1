"""How long corrections take in a large ledger, and what they cost meanwhile:
`python -m benchmarks.corrections [--fills N] [--keys N]`.

One key has 1,000 fills, the others share the rest. Measured: a void of one of the 1,000; then 100,000 late fills over
300 keys; beside both, the time from a POST until its trade is in the figures, and the sidecar's memory.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from telemetry_stream.backend import open_log
from telemetry_stream.events import Submission
from telemetry_stream.place import Place
from telemetry_stream.topics import Topic
from tests.support.apps import Apps, running_apps
from tests.support.ports import free_address
from trading_app.intake.decode import read_trades
from trading_app.intake.event import TradeIds
from trading_model.topics import LEDGER

BATCH = 1_000
CORRECTED = "FEW/USD"
LATE_KEYS = 300
LATE_FILLS = 100_000
FIRST_SECOND = 1_600_000_000
WATCHED = "WATCHED/USD"
"""Symbol of the trades whose way into the figures is timed."""


def main() -> None:
    """Build the ledger, run the programs, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        build(folder / "data", given.fills, given.keys)
        print(f"ledger of {given.fills:,} fills made in {time.perf_counter() - began:.1f} s", flush=True)
        began = time.perf_counter()
        with running_apps(folder) as apps:
            print(f"sidecar caught up in {time.perf_counter() - began:.1f} s", flush=True)
            measure(apps)


def build(folder: Path, fills: int, keys: int) -> None:
    """Journal the fills: the first 1,000 batches each begin with one of CORRECTED."""
    ids = TradeIds()
    with closing(open_log(Place(Topic(LEDGER), folder, free_address(), free_address()), print)) as log:
        for start in range(0, fills, BATCH):
            lines = [_line(number, keys) for number in range(start, start + BATCH)]
            if start // BATCH < 1_000:
                lines[0] = _line(start, 1, CORRECTED)
            now_ns = time.time_ns()
            events = read_trades(b"\n".join(lines), True, now_ns, ids, BATCH)
            log.append([Submission(events)])
            log.checkpoint_if_due()


def _line(number: int, keys: int, symbol: str = "") -> bytes:
    symbol = symbol or f"S{number % keys}/USDT"
    side = "buy" if number * 7919 % 5 < 3 else "sell"
    return (
        f'{{"trade_id":"b-{number}","symbol":"{symbol}","price":"{100 + number % 977}.{number % 100:02d}",'
        f'"qty":"{1 + number % 13}","side":"{side}","ts":{(FIRST_SECOND + number) * 1_000}}}'
    ).encode()


def measure(apps: Apps) -> None:
    """Time the corrections, and what goes on beside them."""
    alone = Beside(apps, "alone")
    time.sleep(5)
    alone.end()
    for what, target in (("first void (builds the store)", 1), ("void", BATCH + 1)):
        beside = Beside(apps, what)
        seconds = _seconds_until_settled(apps, partial(_post, apps, "/events", _void(target)))
        beside.end()
        print(f"{what}: {seconds:.2f} s", flush=True)
    beside = Beside(apps, "late fills")
    seconds = _seconds_until_settled(apps, partial(_send_late, apps))
    beside.end()
    print(f"{LATE_FILLS:,} late fills over {LATE_KEYS} keys: {seconds:.1f} s", flush=True)


def _void(target: int) -> dict[str, Any]:
    return {"kind": "void", "target": target, "reason": "benchmark"}


def _send_late(apps: Apps) -> int:
    seq = 0
    for start in range(0, LATE_FILLS, BATCH):
        lines = [
            _line(number, LATE_KEYS).replace(b'"b-', b'"late-').replace(b'"ts":16', b'"ts":15')
            for number in range(start, start + BATCH)
        ]
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
