"""`market-feed simulate`: a simulated exchange on this machine, for people without internet."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from market_feed.simulator.exchange import Exchange
from market_feed.simulator.random_market import random_ticks
from market_feed.simulator.tape import Tick, read_recording, with_aggregates

SEED = 1


def simulate(port: int, symbols: Sequence[str], rate: float, recordings: Sequence[Path], speed: float) -> int:
    """Publish recordings, or without any a random market, until Ctrl-C. Gives the exit code."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(port, _ticks(symbols, rate, recordings), speed if recordings else 1.0))
    return 0


async def _run(port: int, ticks: Iterator[Tick], speed: float) -> None:
    exchange = Exchange()
    await exchange.start(port)
    print(
        f"A simulated exchange runs; Ctrl-C ends it. Follow it with these settings:\n"
        f"  FEED_BINANCE_STREAM_URL=ws://127.0.0.1:{exchange.port}\n"
        f"  FEED_BINANCE_REST_URL=http://127.0.0.1:{exchange.port}\n"
        f"  FEED_COINBASE_STREAM_URL=ws://127.0.0.1:{exchange.port}\n"
        f"  FEED_COINBASE_REST_URL=http://127.0.0.1:{exchange.port}",
        flush=True,
    )
    try:
        await exchange.play(ticks, speed)
        print("the recordings are over; Ctrl-C ends the exchange", flush=True)
        await asyncio.Event().wait()
    finally:
        await exchange.close()


def _ticks(symbols: Sequence[str], rate: float, recordings: Sequence[Path]) -> Iterator[Tick]:
    if not recordings:
        return random_ticks(symbols, rate, time.time_ns(), SEED)
    return with_aggregates(itertools.chain.from_iterable(map(read_recording, recordings)))
