"""The calls of the history over a year of fills: the time of an answer, as a client on this machine sees it.

`python -m benchmarks.history_api [--fills 1000000] [--keys 100] [--folder FOLDER]`, not part of `make bench`: it
journals the fills first, and makes their history. A running web app then answers each call in turn.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx

from benchmarks.history import fill_journal
from benchmarks.machine import describe
from telemetry_stream.backend import store_of
from tests.support.ports import free_address, free_port
from trading_history.rebuild import rebuild

YEAR_NS = 365 * 86_400 * 10**9
ROUNDS = 40
KEY = "account=a0&strategy=bench&symbol=S7/USDT"
CALLS = (
    f"trades?{KEY}&limit=1000",
    f"equity?{KEY}",
    f"drawdown?{KEY}",
    f"pnl?{KEY}",
    f"pnl?{KEY}&by=hour",
    f"round-trips?{KEY}&limit=1000",
    f"performance?{KEY}",
    f"positions?{KEY}",
    "trades?limit=100",
    "equity?account=a0",
    "drawdown",
    "pnl?by=month",
    "performance",
    "performance?by=symbol",
    "symbols",
)


@contextmanager
def serving(folder: Path) -> Iterator[httpx.Client]:
    """A client of a web app on this folder, ready."""
    port = free_port()
    environment = {
        **os.environ, "DATA_DIR": str(folder), "WEBAPP_HTTP_PORT": str(port), "WEBAPP_ZMQ_ADDR": free_address(),
        "WEBAPP_REPLAY_ADDR": free_address(), "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    code = "import sys; from trading_app.main import main; sys.exit(main())"
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=folder)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            while process.poll() is None and not _is_ready(client):
                time.sleep(0.2)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def measure(client: httpx.Client) -> None:
    """A line for each call: median, 95th percentile, size."""
    for call in CALLS:
        seconds = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            answer = client.get(f"/api/{call}").raise_for_status()
            seconds.append(time.perf_counter() - began)
        p95 = statistics.quantiles(seconds, n=20)[-1]
        print(
            f"{call:60} {statistics.median(seconds) * 1e3:8.1f} ms  p95 {p95 * 1e3:8.1f} ms  {len(answer.content):9,} B"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the calls of the history.")
    parser.add_argument("--fills", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="is kept; a journal that is there is used, and none is made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="history-api-") as made:
        folder = arguments.folder or Path(made)
        if not store_of().file(folder).exists():
            fill_journal(folder, arguments.fills, arguments.keys, YEAR_NS // arguments.fills)
            with closing(store_of().open_reader(folder)) as journal:
                began = time.perf_counter()
                rebuild(folder, journal)
            print(
                f"{arguments.fills:,} fills of a year in {arguments.keys} keys;"
                f" made in {time.perf_counter() - began:.0f} s"
            )
        with serving(folder) as client:
            measure(client)
        print(describe(folder))


if __name__ == "__main__":
    main()
