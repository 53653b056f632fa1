"""What a trade of the market feed costs: frames in memory, decoded, put in order, journaled (synced) and published.

`python -m benchmarks.feed FOLDER` measures it in one process, pinned by who starts it, and prints trades per second of
CPU time and of the clock, as JSON. The socket is not in it. The yardstick beside it is what msgspec takes to decode the
same frames into the program's structs, and nothing else.
"""

import asyncio
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import uvloop

from benchmarks.processes import ENVIRONMENT, ROOT, cores, pinned
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least
from market_feed.decisions.limits import FeedLimits
from market_feed.decisions.market_state import NOTHING, Market
from market_feed.environment import read_settings
from market_feed.intake.journal import MarketJournal
from market_feed.market import Instrument, Trade, TradeRun
from market_feed.schedule.calendar import Calendar
from market_feed.simulator.random_market import random_ticks
from market_feed.simulator.tape import Tick
from market_feed.times import Unit
from market_feed.venues.binance.frames import AGGREGATE, AggregateFrame, BinanceReader
from service_kit.settings import Environment
from telemetry_stream.backend import open_log
from telemetry_stream.durable_log import DurableLog
from telemetry_stream.group_commit import GroupCommitter

TRADES = 100_000
TURN = 500
"""Frames of one iteration of the event loop."""

GOAL = 300_000
"""Trades a second on one core."""


def measure(folder: Path) -> dict[str, float]:
    """Trades per second of CPU time and of the clock, and the frames that msgspec alone decodes per second."""
    turns = _turns()
    settings = read_settings(Environment({"DATA_DIR": str(folder), **_addresses(folder)}, folder))
    log = open_log(settings.market_data, _fail)
    began, began_cpu = time.perf_counter(), time.process_time()
    uvloop.run(_publish(turns, log))
    cpu, seconds = time.process_time() - began_cpu, time.perf_counter() - began
    return {"cpu": TRADES / cpu, "clock": TRADES / seconds, "decoding": _decoding_alone(turns)}


async def _publish(turns: Sequence[Sequence[bytes]], log: DurableLog) -> None:
    """Each turn is what one iteration of the event loop brought; commits go on meanwhile, as in the program."""
    loop = asyncio.get_running_loop()
    committer = GroupCommitter(log, loop.call_soon, loop.call_soon_threadsafe, _fail, 10**9, lambda _s, _e: None)
    journal = MarketJournal(committer, 100_000, time.time_ns)
    market = Market(
        Instrument("binance", "BTC-USDT", "BTCUSDT"), "binance:BTCUSDT:a", NOTHING, FeedLimits(), Calendar(()),
        itertools.count(1), 0.0,
    )  # fmt: skip
    reader = BinanceReader(Unit.MILLISECOND)
    for turn in turns:
        received_at_ns = time.time_ns()
        for item in reader.read(turn, received_at_ns // 1_000):
            if isinstance(item, TradeRun):
                journal.put(market.run_events(item, 0.0, received_at_ns), received_at_ns)
            elif isinstance(item, Trade):
                journal.put(market.trade_events([item], 0.0, received_at_ns), received_at_ns)
        await asyncio.sleep(0)
        await journal.room.wait()
    await journal.idle.wait()
    assert log.head() == TRADES
    committer.close()


def rates(suite: Suite) -> list[Row]:
    """Market data: frames in memory to published, and the decoding of the same frames alone."""
    server, _ = cores()
    found: list[dict[str, float]] = []
    for _ in range(suite.rounds):
        with tempfile.TemporaryDirectory(dir=suite.folder) as folder:
            command = pinned(server, [sys.executable, "-m", "benchmarks.feed", folder])
            done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
            found.append(json.loads(done.stdout))
    middle = sorted(found, key=lambda one: one["cpu"])[len(found) // 2]
    share = middle["cpu"] / middle["decoding"]
    beside = f" of CPU time; {share:.0%} of decoding alone ({middle['decoding']:,.0f}/s)"
    return [at_least("frames to published", GOAL, middle["cpu"], "/s", beside)]


def aggregates(symbols: Sequence[str], rate: float, count: int) -> Iterator[Tick]:
    """The first `count` aggregates of a random market from now on, in which `rate` trades a second come."""
    ticks = random_ticks(symbols, rate, time.time_ns(), 1)
    return itertools.islice((tick for tick in ticks if tick.data.get("e") == AGGREGATE), count)


def as_frames(ticks: Iterable[Tick]) -> list[bytes]:
    """The ticks as frames of a combined stream."""
    return [msgspec.json.encode({"stream": tick.stream, "data": tick.data}) for tick in ticks]


def _turns() -> list[list[bytes]]:
    frames = as_frames(aggregates(["BTC-USDT"], 1_000, TRADES))
    return [frames[start : start + TURN] for start in range(0, TRADES, TURN)]


def _decoding_alone(turns: Sequence[Sequence[bytes]]) -> float:
    decode = msgspec.json.Decoder(list[AggregateFrame]).decode
    began = time.process_time()
    for turn in turns:
        decode(b"[%b]" % b",".join(turn))
    return TRADES / (time.process_time() - began)


def _addresses(folder: Path) -> dict[str, str]:
    return {name: f"ipc://{folder}/{name}" for name in ("FEED_ZMQ_ADDR", "FEED_REPLAY_ADDR")}


def _fail(error: BaseException) -> None:
    raise error


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
