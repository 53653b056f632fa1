"""What a fill costs the sidecar in CPU time, decoded and folded in one process: `python -m benchmarks.fold`.

A line for each load. For another version, run the same file there; only the imports differ.
"""

import random
import time

from telemetry_stream.events import Batch
from trading_model.accounting.state import TradingState

LOADS = ((1, 1_000, 20_000), (10, 1_000, 20_000), (1_000, 1_000, 20_000), (10, 64, 6_400), (10, 1, 5_000))
"""Symbols, fills in a message, fills in a round."""

ROUNDS = 6
FIRST_MS = 1_763_721_600_000


def messages(fills: int, size: int, symbols: int, first: int) -> list[Batch]:
    """Messages of `size` fills each, a millisecond apart, numbered from `first`."""
    chance = random.Random(1)
    return [
        Batch(
            "s",
            start,
            start + size - 1,
            ",".join(_fill(seq, symbols, chance) for seq in range(start, start + size)).encode(),
        )
        for start in range(first, first + fills, size)
    ]


def _fill(seq: int, symbols: int, chance: random.Random) -> str:
    second, millisecond = divmod(FIRST_MS + seq, 1_000)
    decimals = f".{millisecond:03}" if millisecond else ""
    return (
        f'{{"seq":{seq},"trade_id":"t{seq:x}-fold","symbol":"S{chance.randrange(symbols)}/USDT",'
        f'"price":"{chance.randrange(1, 10**6) / 100}","qty":"{chance.randrange(1, 10**4) / 1_000}",'
        f'"side":"{chance.choice(("buy", "sell"))}",'
        f'"ts":"{time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))}{decimals}Z",'
        '"account":"default","strategy":"default"}'
    )


def microseconds_a_fill(symbols: int, size: int, fills: int) -> float:
    """The least of all rounds but the first, in which the positions are opened."""
    state, seconds = TradingState(10_000, "s"), []
    for number in range(ROUNDS):
        given = messages(fills, size, symbols, 1 + number * fills)
        began = time.process_time()
        for message in given:
            state.apply(message)
        seconds.append(time.process_time() - began)
    return min(seconds[1:]) / fills * 1e6


if __name__ == "__main__":
    for load in LOADS:
        print(f"{load[0]:>5,} symbols, {load[1]:>5,} a message: {microseconds_a_fill(*load):6.2f} µs a fill")
