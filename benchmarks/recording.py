"""What a bot waits for a trade: `record` of trading-client, beside a POST /trade over a connection that is open."""

import statistics
import tempfile
import time
from collections.abc import Callable

from benchmarks import trades
from benchmarks.paced import percentile
from benchmarks.product import Product
from benchmarks.suite import Suite
from benchmarks.table import Row, at_most, number
from benchmarks.wrk import new_run
from trading_client import TradingClient

PAUSE_SECONDS = 0.001
"""A busy bot: a thousand trades a second."""

RECORD, POST, WRITE, BURST = "record", "post", "write", "burst"


def waits(suite: Suite) -> list[Row]:
    """`record` of trading-client beside POST /trade: what a bot waits, at 1,000 trades/s and in a burst."""
    with (
        suite.product() as product,
        tempfile.TemporaryDirectory(dir=suite.folder) as spool,
        (suite.folder / "written").open("ab", buffering=0) as file,
        TradingClient(product.apps.web_url, product.token, spool=spool) as client,
    ):
        measures = {
            RECORD: lambda: _waits(suite.seconds, lambda _count: _record(client), PAUSE_SECONDS),
            POST: lambda: _posts(product, suite.seconds),
            WRITE: lambda: _waits(suite.seconds, lambda count: file.write(trades.single("raw", count)), PAUSE_SECONDS),
            BURST: lambda: _waits(suite.seconds / 10, lambda _count: _record(client), 0),
        }
        found = suite.interleaved(measures, lambda name: measures[name]())
        assert client.flush(120), client.status()
        assert client.status().refused == 0
        product.sent += client.status().recorded
    p50 = {name: statistics.median(percentile(each, 50) for each in rounds) for name, rounds in found.items()}
    p99 = {name: statistics.median(percentile(each, 99) for each in rounds) for name, rounds in found.items()}
    return [
        at_most("record in a burst, p50", 20, p50[BURST], " µs", f" (p99 {number(p99[BURST])} µs)"),
        at_most("record, p50", 20, p50[RECORD], " µs", f" (p99 {number(p99[RECORD])} µs)"),
        Row("write() of such a line alone, p50", "", f"{number(p50[WRITE])} µs"),
        Row("POST /trade, p50", "", f"{number(p50[POST])} µs (p99 {number(p99[POST])} µs)"),
    ]


def _record(client: TradingClient) -> object:
    return client.record("BTC/USDT", "buy", "64250.10", "0.25", fee="0.0160", fee_currency="USDT", order_id="8389765")


def _posts(product: Product, seconds: float) -> list[float]:
    run = new_run()
    with product.web() as web:
        found = _waits(seconds, lambda count: web.post("/trade", trades.single(run, count)), PAUSE_SECONDS)
    product.sent += len(found)
    return found


def _waits(seconds: float, call: Callable[[int], object], pause: float) -> list[float]:
    """Microseconds of each call within `seconds`."""
    found, end = list[float](), time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        call(len(found) + 1)
        found.append((time.perf_counter() - began) * 1e6)
        if pause:
            time.sleep(pause)
    return found
