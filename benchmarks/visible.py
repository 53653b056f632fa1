"""How long after a POST its trade is visible in `/metrics`: one client posts, and then scrapes until it is."""

import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks import trades
from benchmarks.baselines import TOKEN, bare
from benchmarks.http_client import Connection
from benchmarks.paced import percentile
from benchmarks.processes import cores
from benchmarks.product import Product, shown_sequence
from benchmarks.suite import Suite
from benchmarks.table import Row, at_most, number
from benchmarks.wrk import new_run

PAUSE_SECONDS = 0.01
THINK_MS = 8
"""Each of wrk's connections waits half of that between two requests, on average."""


def idle(suite: Suite) -> list[Row]:
    """POST to visible, with nothing else to do: p50 and p99."""
    with suite.product() as product:
        _delays(product, seconds=1)
        rounds = suite.repeated(lambda: _delays(product, suite.seconds))
    p50, p99 = (statistics.median(percentile(delays, at) for delays in rounds) * 1e3 for at in (50, 99))
    minimum = statistics.median(percentile(delays, 50) for delays in _least(suite)) * 1e3
    return [
        at_most("idle, p50", 1, p50, " ms"),
        at_most("idle, p99", 3, p99, " ms"),
        Row("idle, bare uvicorn's answer to a POST, a sync, and its answer to a GET, p50", "", f"{number(minimum)} ms"),
    ]


def at_half_rate(suite: Suite) -> list[Row]:
    """POST to visible, while single POSTs arrive at half of what the web app takes at most."""
    with suite.product() as product:
        top = statistics.median(product.singles(64, suite.seconds).rate for _ in range(suite.rounds))
        connections = _connections_for(top / 2, product, suite.seconds)

        def measure() -> tuple[list[float], float]:
            with ThreadPoolExecutor(1) as beside:
                loading = beside.submit(product.singles, connections, suite.seconds + 1, THINK_MS)
                delays = _delays(product, suite.seconds)
                return delays, loading.result().rate

        rounds = suite.repeated(measure)
    p99 = statistics.median(percentile(delays, 99) for delays, _ in rounds) * 1e3
    rate = statistics.median(rate for _, rate in rounds)
    return [at_most("at half of the top rate, p99", 20, p99, " ms", f" (at {rate:,.0f}/s; the top is {top:,.0f}/s)")]


def _least(suite: Suite) -> list[list[float]]:
    """Seconds that the way takes where nothing is done on it: what of the delay is this machine waking up."""
    server, load = cores()
    with (
        bare(server) as first,
        bare(load) as second,
        Connection(first.port, TOKEN) as web,
        Connection(second.port, TOKEN) as sidecar,
        (suite.folder / "synced").open("wb", buffering=0) as file,
    ):

        def measure() -> list[float]:
            delays, end = list[float](), time.perf_counter() + suite.seconds
            while (began := time.perf_counter()) < end:
                web.post("/trade", trades.single("least", len(delays)))
                os.pwrite(file.fileno(), bytes(4_096), 0)
                os.fdatasync(file.fileno())
                sidecar.get("/metrics")
                delays.append(time.perf_counter() - began)
                time.sleep(max(PAUSE_SECONDS - delays[-1], 0))
            return delays

        return suite.repeated(measure)


def _connections_for(rate: float, product: Product, seconds: float) -> int:
    """How many of wrk's connections together send at about that rate, by one trial."""
    guess = round(rate * THINK_MS / 2 / 1e3)
    return round(guess * rate / product.singles(guess, seconds, THINK_MS).rate)


def _delays(product: Product, seconds: float) -> list[float]:
    """Seconds from the sending of a trade until it is visible; one is due every PAUSE_SECONDS.

    A delay that is longer than that counts for those too that were due meanwhile (HdrHistogram's correction for
    coordinated omission).
    """
    run, delays, sent = new_run(), list[float](), 0
    with product.web() as web, product.sidecar() as sidecar:
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            sent += 1
            sequence: int = json.loads(web.post("/trade", trades.single(run, sent)).body)["seq"]
            while shown_sequence(sidecar.get("/metrics").body) < sequence:
                pass
            delay = time.perf_counter() - began
            delays += (delay - missed * PAUSE_SECONDS for missed in range(int(delay / PAUSE_SECONDS) + 1))
            time.sleep(max(PAUSE_SECONDS - delay, 0))
    product.sent += sent
    return delays
