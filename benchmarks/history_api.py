"""The calls of the history: the time of an answer, as a client on this machine sees it.

`python -m benchmarks.history_api [--fills 1000000] [--folder FOLDER]`; part of `make bench FIGURE=history` too. It
journals orders of three years first, and makes their history. A running web app then answers each call in turn.
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

from benchmarks.ledger import Orders, fill_journal
from benchmarks.machine import describe
from telemetry_stream.backend import store_of
from tests.support.ports import free_address, free_port
from trading_history.rebuild import rebuild

ROUNDS = 20
OF_KEY = "account=a3&strategy=s2&symbol=S7/USDT"
OF_YEAR = "from=2025-11-13T00:00:00Z&to=2026-11-13T00:00:00Z"
GROUPS = ("", "account=a0", "strategy=s1", "symbol=S7/USDT", "account=a0&strategy=s1")
FIGURES = ("equity", "drawdown", "pnl", "pnl?by=month", "pnl?by=hour", "performance")
LISTS = ("trades", "round-trips")


def _asking(call: str, *parameters: str) -> str:
    more = "&".join(one for one in parameters if one)
    return f"{call}{'&' if '?' in call else '?'}{more}" if more else call


KEY_CALLS = [
    *(_asking(call, OF_KEY, OF_YEAR) for call in FIGURES),
    *(_asking(call, OF_KEY, OF_YEAR, "limit=1000") for call in LISTS),
    _asking("positions", OF_KEY),
]
"""About a year of one key."""

GROUP_CALLS = [
    *(_asking(call, group) for group in GROUPS for call in (*FIGURES, *LISTS, "positions")),
    *(_asking(call, "tag=t3", "account=a1") for call in ("performance", "pnl", *LISTS)),
    *(f"performance?by={by}" for by in ("account", "strategy", "tag", "symbol", "account,strategy", "account,symbol")),
    "pnl?zone=Asia/Kolkata",
    *(f"{call}?rates=dated&into=USDT" for call in ("pnl", "performance")),
    "round-trips?tag=nothing",
    "symbols",
]
"""About all of a group, over the whole time."""


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


def seconds_of(client: httpx.Client, call: str) -> list[float]:
    """The time of each answer."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get(f"/api/{call}").raise_for_status()
        seconds.append(time.perf_counter() - began)
    return seconds


def p95_of(client: httpx.Client, call: str) -> tuple[str, float]:
    """A call and the 95th percentile of its answers' time, seconds."""
    return call, statistics.quantiles(seconds_of(client, call), n=20)[-1]


def measure(client: httpx.Client) -> None:
    """A line for each call: first, median, 95th percentile."""
    for call in (*KEY_CALLS, *GROUP_CALLS):
        seconds = seconds_of(client, call)
        first, middle, p95 = seconds[0], statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        print(
            f"{call:100} first {first * 1e3:7.1f} ms  median {middle * 1e3:7.1f} ms  p95 {p95 * 1e3:7.1f} ms",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the calls of the history.")
    parser.add_argument("--fills", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="is kept; a journal that is there is used, and none is made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="history-api-") as made:
        folder = arguments.folder or Path(made)
        if not store_of().file(folder).exists():
            fill_journal(folder, arguments.fills, Orders(arguments.fills))
            with closing(store_of().open_reader(folder)) as journal:
                began = time.perf_counter()
                rebuild(folder, journal)
            print(f"history of {arguments.fills:,} fills made in {time.perf_counter() - began:.0f} s")
        with serving(folder) as client:
            measure(client)
        print(describe(folder))


if __name__ == "__main__":
    main()
