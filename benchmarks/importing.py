"""`trading-app import --yes` of a large CSV file: time, CPU and memory of the command, which may use both cores."""

import json
import os
import random
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from benchmarks.processes import ENVIRONMENT, cores
from benchmarks.product import Product
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least, at_most, number
from tests.support.apps import BIN

ROWS_PER_SECOND = 1_000_000 / 30
GROWTH = 1.2
SYMBOLS = ("XRP/ETH", "ETH/USDT", "BTC/USDT", "SOL/USDT")
HEADER = "trade_id,ts,symbol,side,qty,price,fee,fee_currency\n"


class _Imported(NamedTuple):
    seconds: float
    cpu_seconds: float
    megabytes: float


def cost(suite: Suite) -> list[Row]:
    """`trading-app import --yes` of a CSV file with `--trades` fills: rows a second, CPU time a row, memory."""
    rows, few = suite.trades, suite.trades // 4
    with suite.product() as product:
        small = _import(product, _file(suite.folder, few, 0), few)
        large = _import(product, _file(suite.folder, rows, 1), rows)
    said = f" ({rows:,} in {number(large.seconds)} s)"
    return [
        at_least("rows a second", ROWS_PER_SECOND, rows / large.seconds, "/s", said),
        Row("CPU a row, of the command", "", f"{number(large.cpu_seconds / rows * 1e6)} µs"),
        at_most(
            "memory of the command, four times the rows",
            GROWTH,
            large.megabytes / small.megabytes,
            " ×",
            f" ({number(small.megabytes)} MB; {number(large.megabytes)} MB)",
        ),
    ]


def _import(product: Product, file: Path, rows: int) -> _Imported:
    environment = ENVIRONMENT | product.apps.environment | {"TRADING_APP_TOKEN": product.token}
    command: list[str | Path] = [BIN / "trading-app", "import", "--yes", "--json", "--url", product.apps.web_url, file]
    began = time.perf_counter()
    process = subprocess.Popen(
        ["taskset", "--cpu-list", ",".join(map(str, cores())), *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    report = json.loads(process.stdout.read().splitlines()[-1])
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, report
    assert report["result"]["accepted"] == rows, report["result"]
    product.sent += rows
    product.other_events += 1
    file.unlink()
    return _Imported(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


def _file(folder: Path, rows: int, run: int) -> Path:
    """Fills in four symbols, in the order of time, with ids."""
    chance, moment, file = random.Random(run), datetime(2024, 1, 1, tzinfo=UTC), folder / f"import-{run}.csv"
    with file.open("w") as opened:
        opened.write(HEADER)
        for row in range(rows):
            moment += timedelta(milliseconds=chance.randrange(1, 10_000))
            ts = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            qty, price, fee = (chance.randrange(1, 10**digits) / 10**4 for digits in (7, 8, 4))
            opened.write(
                f"{run}-{row},{ts},{chance.choice(SYMBOLS)},{chance.choice(('buy', 'sell'))},{qty},{price},{fee},USDT\n"
            )
    return file
