"""What a simulated Binance publishes, frame by frame. No I/O but reading a recording.

A recording is a gzip file with a line for each frame: the local receipt time in nanoseconds, a space, the frame of a
combined stream. `market-feed record` writes the same.
"""

import gzip
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from market_feed.times import Unit, as_text

FIRST_AGGREGATE = 3_150_099_001
"""The id of the first aggregate made from single trades; any would do."""


class Tick(msgspec.Struct, frozen=True):
    """An event that is published at a time (Unix, nanoseconds) on a stream."""

    at_ns: int
    stream: str
    data: dict[str, Any]


class _Frame(msgspec.Struct):
    stream: str
    data: dict[str, Any]


_decode = msgspec.json.Decoder(_Frame).decode


def read_frames(file: Path) -> Iterator[tuple[int, bytes]]:
    """The receipt time and the bytes of each frame of a recording. Raises OSError, ValueError."""
    with gzip.open(file, "rb") as lines:
        for line in lines:
            at_ns, _, frame = line.rstrip(b"\n").partition(b" ")
            yield int(at_ns), frame


def read_recording(file: Path) -> Iterator[Tick]:
    """The frames of a recording, in order. Raises OSError, ValueError."""
    for at_ns, frame in read_frames(file):
        decoded = _decode(frame)
        yield Tick(at_ns, decoded.stream, decoded.data)


def as_matches(ticks: Iterable[Tick], product: str) -> Iterator[Tick]:
    """The single trades of a recording as Coinbase would publish them, under ids of its own."""
    trades = (tick for tick in ticks if tick.data.get("e") == "trade")
    for number, tick in enumerate(trades, 1):
        data = tick.data
        yield Tick(
            tick.at_ns,
            f"{product}@matches",
            {
                "type": "match", "trade_id": number, "sequence": 2 * number, "product_id": product,
                "size": data["q"], "price": data["p"], "side": "buy" if data["m"] else "sell",
                "time": as_text(data["T"], Unit.MILLISECOND),
            },
        )  # fmt: skip


def with_aggregates(ticks: Iterable[Tick]) -> Iterator[Tick]:
    """The ticks, with an aggTrade for each run of consecutive trades of one time, price and side, after its last."""
    makers: dict[str, _Aggregator] = {}
    for tick in ticks:
        if tick.data.get("e") == "trade":
            maker = makers.setdefault(tick.data["s"], _Aggregator())
            yield from maker.add(tick)
        yield tick
    for maker in makers.values():
        yield from maker.end()


class _Aggregator:
    """The aggregates of one symbol."""

    def __init__(self) -> None:
        self._number = FIRST_AGGREGATE
        self._run: list[Tick] = []

    def add(self, tick: Tick) -> Iterator[Tick]:
        """The aggregate that ends before this trade, if one does."""
        if self._run and any(self._run[-1].data[key] != tick.data[key] for key in "Tpm"):
            yield from self.end()
        self._run.append(tick)

    def end(self) -> Iterator[Tick]:
        """The aggregate of the trades so far."""
        if not self._run:
            return
        first, last = self._run[0].data, self._run[-1].data
        qty = sum((Decimal(tick.data["q"]) for tick in self._run), Decimal(0))
        data = {
            "e": "aggTrade", "E": last["E"], "s": last["s"], "a": self._number, "p": last["p"], "q": str(qty),
            "f": first["t"], "l": last["t"], "T": last["T"], "m": last["m"], "M": True,
        }  # fmt: skip
        yield Tick(self._run[-1].at_ns, f"{last['s'].lower()}@aggTrade", data)
        self._number += 1
        self._run = []
