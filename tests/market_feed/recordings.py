"""Recorded trades of BTC/USDT: a cut of 4,000 that is part of the project, and whole recordings where there are some.

MARKET_RECORDINGS names a folder with recordings, gzip files as `simulator/tape.py` describes; the cut has the facts of
4,000 trades of Binance Spot, 735 of them of one millisecond.
"""

import csv
import gzip
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from market_feed.simulator.tape import Tick, read_recording, with_aggregates

CUT = Path(__file__).parent / "data" / "btcusdt-trades.csv.gz"
FOLDER = os.environ.get("MARKET_RECORDINGS", "")
LARGEST_BURST = 735
"""Trades of one millisecond."""


@cache
def cut() -> Sequence[Tick]:
    """The cut, with its aggregates."""
    with gzip.open(CUT, "rt") as lines:
        ticks = [_tick(row) for row in csv.DictReader(lines)]
    return tuple(with_aggregates(ticks))


def whole(*names: str) -> Sequence[Tick]:
    """Whole recordings one after the other, with their aggregates. Raises OSError."""
    ticks = [tick for name in names for tick in read_recording(Path(FOLDER) / name)]
    return tuple(with_aggregates(ticks))


def only(ticks: Sequence[Tick], kind: str) -> list[dict[str, Any]]:
    """The events of one kind: `trade` or `aggTrade`."""
    return [tick.data for tick in ticks if tick.data.get("e") == kind]


def _tick(row: dict[str, str]) -> Tick:
    data = {
        "e": "trade", "E": int(row["E"]), "s": "BTCUSDT", "t": int(row["t"]), "p": row["p"], "q": row["q"],
        "T": int(row["T"]), "m": row["m"] == "1", "M": True,
    }  # fmt: skip
    return Tick(int(row["received_ns"]), "btcusdt@trade", data)
