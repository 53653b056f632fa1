"""First figures of the product on this machine: real processes, real disk, durable. `make bench`, about a minute.

The load runs on another core than what is measured. Rates are given beside that of a bare uvicorn server in the same
run: the ratio is what holds from machine to machine.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.apps import Apps
from tests.support.polling import eventually
from tests.support.ports import free_port

HERE = Path(__file__).parent
SERVER_CORE, LOAD_CORE = "0", "1"
SECONDS, ROUNDS = 3, 3
CONNECTIONS = 64
BATCH, BATCHES = 1_000, 200


@dataclass(frozen=True)
class Load:
    """What wrk saw: requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    errors: int


def main() -> int:
    """Measure everything and print one table."""
    if shutil.which("wrk") is None:
        print("bench: the load comes from wrk; install it, for instance with 'apt-get install wrk'", file=sys.stderr)
        return 1
    print(f"{ROUNDS} rounds of {SECONDS} s, medians; {CONNECTIONS} connections; server on core {SERVER_CORE}")
    with bare_server() as url:
        bare = median_load(lambda index: wrk(url, f"bare{index}"))
    print(f"bare uvicorn, 202 to everything   {bare.rate:>10,.0f}/s   p50 {bare.p50:.2f} ms   p99 {bare.p99:.2f} ms")
    with tempfile.TemporaryDirectory() as folder, running_apps(Path(folder)) as apps:
        single = median_load(lambda index: wrk(apps.web_url, f"single{index}"))
        print(
            f"POST /trade, durable              {single.rate:>10,.0f}/s"
            f"   p50 {single.p50:.2f} ms   p99 {single.p99:.2f} ms"
            f"   {single.rate / bare.rate:.2f} × bare   errors {single.errors}"
        )
        rate = statistics.median(batches(apps, index) for index in range(ROUNDS))
        print(f"POST /trades, {BATCH} a request     {rate:>10,.0f} trades/s")
        with httpx.Client() as client:
            delays = sorted(visible_delay(client, apps, index) for index in range(200))
        print(f"POST sent to applied, idle        p50 {delays[100] * 1e3:.2f} ms   p99 {delays[197] * 1e3:.2f} ms")
        compare_totals(apps)
    return 0


def median_load(measure: Callable[[int], Load]) -> Load:
    """The round in the middle, by rate."""
    return sorted((measure(index) for index in range(ROUNDS)), key=lambda load: load.rate)[ROUNDS // 2]


def wrk(url: str, run: str) -> Load:
    """Let wrk post trades for SECONDS."""
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"]
    command += ["-s", str(HERE / "post_trade.lua"), url, "--", run]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = next(line for line in printed.splitlines() if line.startswith("RESULT"))
    requests, duration, p50, p99, errors = map(int, result.split()[1:])
    return Load(requests / duration * 1e6, p50 / 1e3, p99 / 1e3, errors)


def batches(apps: Apps, run: int) -> float:
    """Trades a second, posted in batches over one connection."""
    bodies = [batch_body(f"batch{run}-{index}") for index in range(BATCHES)]
    with httpx.Client(base_url=apps.web_url, headers={"Content-Type": "application/x-ndjson"}) as client:
        began = time.perf_counter()
        for body in bodies:
            client.post("/trades", content=body).raise_for_status()
        return BATCH * BATCHES / (time.perf_counter() - began)


def batch_body(prefix: str) -> bytes:
    """BATCH trades as NDJSON."""
    return b"".join(
        b'{"trade_id":"%b-%d","symbol":"ETH/USDT","price":%d.%02d,"qty":"0.5","side":"%b","account":"bench"}\n'
        % (prefix.encode(), index, 3000 + index % 100, index % 100, b"buy" if index % 2 else b"sell")
        for index in range(BATCH)
    )


def visible_delay(client: httpx.Client, apps: Apps, index: int) -> float:
    """Seconds from sending a trade until /metrics shows that it was applied."""
    began = time.perf_counter()
    trade = {"symbol": "SOL/USDT", "price": "150.25", "qty": "1", "side": "buy", "trade_id": f"visible-{index}"}
    sequence = client.post(f"{apps.web_url}/trade", json=trade).json()["seq"]
    applied = f"}} {sequence}\n"
    while applied not in client.get(f"{apps.sidecar_url}/metrics").text:
        pass
    return time.perf_counter() - began


def compare_totals(apps: Apps) -> None:
    """All that was accepted is in the metrics, once."""
    accepted = sum(
        float(line.split()[-1])
        for line in httpx.get(f"{apps.web_url}/metrics").text.splitlines()
        if line.startswith("trading_app_trades_accepted_total")
    )
    apps.wait_until_applied(int(accepted))
    shown = sum(float(text) for name, text in apps.samples().items() if name.startswith("trading_trades_total"))
    print(f"accepted {accepted:,.0f}, in the metrics {shown:,.0f}: {'equal' if accepted == shown else 'NOT EQUAL'}")
    assert accepted == shown


@contextmanager
def bare_server() -> Iterator[str]:
    """A bare server on the server's core; gives its address."""
    port = free_port()
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, sys.executable, str(HERE / "bare.py"), str(port)])
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: is_up(url), what=url)
        yield url
    finally:
        process.terminate()
        process.wait()


def is_up(url: str) -> bool:
    """Whether something answers."""
    try:
        return httpx.get(url).status_code == 202
    except httpx.TransportError:
        return False


@contextmanager
def running_apps(folder: Path) -> Iterator[Apps]:
    """Both apps; the web app on the server's core, the sidecar beside the load."""
    apps = Apps(folder, LOG_LEVEL="WARNING")
    try:
        apps.start_both()
        for name, core in (("trading-app", SERVER_CORE), ("metrics-sidecar", LOAD_CORE)):
            subprocess.run(["taskset", "-acp", core, str(apps.processes[name].pid)], check=True, capture_output=True)
        yield apps
    finally:
        apps.stop()


if __name__ == "__main__":
    sys.exit(main())
