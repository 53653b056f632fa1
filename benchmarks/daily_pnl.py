"""P&L by day as a client gets it, beside pandas and DuckDB that work it out of a CSV file of the same fills.

Where OTHER_HISTORY_PYTHON names an interpreter that has them (pandas 3.1 or newer, duckdb), they run on the measured
core. Each day that they give is compared with the app's. They fold a file from its beginning; the app answers from the
history, whose rebuild is beside the figures.
"""

import csv
import os
import statistics
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from benchmarks.ledger import Content, Fills
from benchmarks.processes import ENVIRONMENT, ROOT, cores, pinned
from benchmarks.table import Row, number

ROUNDS = 20
COLUMNS = ("ts", "account", "strategy", "symbol", "side", "price", "qty", "fee")
NOT_MEASURED = "not measured: OTHER_HISTORY_PYTHON names no interpreter that has it"
LIBRARIES = {"pandas": ("net", "realized"), "duckdb": ("net",)}
WHAT = {"net": "net P&L by day", "realized": "realised P&L by day, average cost"}
MEMBERS = {"net": "marked", "realized": "realized"}
NEARLY = 0.01
"""Of the P&L of a day, for sums of binary floats."""


class _Found(msgspec.Struct):
    """What a library found: the time from the file on, and the P&L of each day."""

    seconds: float
    days: dict[str, float]


_decode = msgspec.json.Decoder(dict[str, _Found]).decode


def beside_others(
    what: str, folder: Path, fills: int, content: Content, client: httpx.Client, rebuilt: float
) -> list[Row]:
    """A row for each figure of each library; `rebuilt` is the time of the rebuild in seconds."""
    python = os.environ.get("OTHER_HISTORY_PYTHON")
    file = folder / "fills.csv"
    if python:
        _write(file, fills, content)
    seconds, days = _asked(client)
    rows = []
    for library, figures in LIBRARIES.items():
        found = _measured(python, library, file) if python else None
        for figure in figures:
            measured = NOT_MEASURED
            if found is not None:
                other = found[figure]
                _compare(other.days, {day: row[MEMBERS[figure]] for day, row in days.items()})
                measured = (
                    f"{number(other.seconds / seconds)} × GET /api/pnl ({number(other.seconds)} s;"
                    f" {seconds * 1e3:.0f} ms); {number(other.seconds / rebuilt)} × the rebuild"
                )
            rows.append(Row(f"{what}: {WHAT[figure]}, by {library} from a CSV file", "", measured))
    return rows


def _write(file: Path, fills: int, content: Content) -> None:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with file.open("w", newline="") as opened:
        table = csv.writer(opened)
        table.writerow(COLUMNS)
        for event in Fills(range(fills), content):
            fill = decode(event.payload)
            table.writerow([fill[name] for name in COLUMNS])


def _asked(client: httpx.Client) -> tuple[float, dict[str, dict[str, str]]]:
    """The median time of an answer, seconds, and its rows by day."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        answer = client.get("/api/pnl?zone=UTC").raise_for_status()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), {row["period"]: row for row in answer.json()["pnl"]}


def _measured(python: str, library: str, file: Path) -> dict[str, _Found] | None:
    """What a library found; None if it is not installed or fails."""
    command = pinned(cores()[0], [python, "benchmarks/other_history.py", library, str(file)])
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, check=False)
    return _decode(done.stdout) if done.returncode == 0 else None


def _compare(found: Mapping[str, float], own: Mapping[str, str]) -> None:
    """Raises AssertionError where a day differs."""
    for day in found.keys() | own.keys():
        assert abs(found.get(day, 0.0) - float(own.get(day, "0"))) < NEARLY, f"{day}: {found.get(day)}, {own.get(day)}"
