"""The market feed as it runs, in front of a simulated exchange: through a socket, paced, after a loss, replaced.

`python -m benchmarks.feed_live URL FRAMES` is the yardstick: it receives that many frames with the same library, does
nothing with them, and prints the CPU time. Where OTHER_FEEDS_PYTHON names an interpreter that has cryptofeed or
python-binance, these receive the same frames (`other_feeds.py`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import uvloop
from websockets.asyncio.client import connect

from benchmarks.feed import aggregates, as_frames
from benchmarks.machine import sync_ms
from benchmarks.processes import ENVIRONMENT, ROOT, cores, cpu_seconds, pinned
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least, at_most
from market_feed.environment import FOLDER
from market_feed.simulator.exchange import Exchange
from market_feed.simulator.tape import Tick
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.wire import split
from tests.support.apps import BIN, Apps, samples_of
from tests.support.fake_exchange import FakeExchange, fake_exchange
from tests.support.polling import eventually

FEED = "market-feed"
FRAMES = 50_000
CHUNK = 200
"""Frames that are written at once."""

RATE = 10_000
MISSED_SYMBOLS, MISSED_SECONDS, MISSED_RATE = 50, 60, 20
"""What is missed: symbols, seconds, and trades a second of each symbol."""

OTHERS = ("cryptofeed", "python-binance")
NOT_MEASURED = "not measured: OTHER_FEEDS_PYTHON names no interpreter that has it"
ROTATIONS = 5
PATIENCE_SECONDS = 120


class Live:
    """A feed on the server's core; the exchange is in this process."""

    def __init__(self, folder: Path, exchange: FakeExchange, symbols: Sequence[str]) -> None:
        self.exchange = exchange
        self.apps = Apps(folder, LOG_LEVEL="WARNING", FEED_SYMBOLS=",".join(symbols), **exchange.settings)
        self.apps.start(FEED, pinned(cores()[0], [BIN / FEED]))
        eventually(lambda: exchange.connections, PATIENCE_SECONDS)

    def cpu(self) -> float:
        """CPU time so far."""
        return cpu_seconds(self.apps.processes[FEED].pid)

    def total(self, name: str) -> float:
        """A metric, over all its labels."""
        samples = samples_of(f"{self.apps.feed_url}/metrics")
        return sum(float(value) for key, value in samples.items() if key.partition("{")[0] == name)

    def wait_for(self, trades: int) -> None:
        """Wait until the journal has that many trades. The feed is not asked: its answers would cost it CPU time."""
        with closing(JournalReader(self.apps.data / FOLDER)) as reader:
            eventually(lambda: reader.head() >= trades, PATIENCE_SECONDS)

    def delay_at(self, share: float) -> float:
        """Seconds from arrival to publication that this share of the events did not exceed: a bucket's bound."""
        name = 'trading_feed_publish_delay_seconds_bucket{le="'
        samples = samples_of(f"{self.apps.feed_url}/metrics")
        found = {key[len(name) : -2]: float(value) for key, value in samples.items() if key.startswith(name)}
        return next(float(le) for le, count in found.items() if count >= share * found["+Inf"])

    def trades(self) -> list[dict[str, Any]]:
        """The journaled trades."""
        with closing(JournalReader(self.apps.data / FOLDER)) as reader:
            events = [json.loads(event) for event in split(reader.read(0, 10**6, 1 << 30))]
        return [event for event in events if event["kind"] == "trade"]


@contextmanager
def live(suite: Suite, symbols: Sequence[str] = ("BTC-USDT",)) -> Iterator[Live]:
    """The feed and its simulated exchange, ended afterwards."""
    with tempfile.TemporaryDirectory(dir=suite.folder) as folder, fake_exchange() as exchange:
        made = Live(Path(folder), exchange, symbols)
        try:
            yield made
        finally:
            made.apps.end()


def rates(suite: Suite) -> list[Row]:
    """Market data live: CPU time through a socket, delay at 10,000/s, whole after a loss, while being replaced."""
    return [*_socket(suite), *_paced(suite), _backfill(suite), *_rotation(suite)]


def _socket(suite: Suite) -> list[Row]:
    ticks = list(aggregates(["BTC-USDT"], 1_000, FRAMES))
    found: dict[str, list[float]] = {}
    for _ in range(suite.rounds):
        with live(suite) as feed:
            before = feed.cpu()
            feed.exchange.run(_blast(feed.exchange.exchange, ticks))
            feed.wait_for(FRAMES)
            spent = feed.cpu() - before
        found.setdefault("bare", []).append(_bare(ticks) / spent)
        found.setdefault("rate", []).append(FRAMES / spent)
        for name in OTHERS:
            if (other := _other(name, ticks)) is not None:
                found.setdefault(name, []).append(other / spent)
    middle = {name: sorted(values)[len(values) // 2] for name, values in found.items()}
    beside = f" ({middle['rate']:,.0f}/s of CPU time)"
    rows = [at_least("through a socket, of a bare receive loop's rate", 0.7, middle["bare"], "", beside)]
    for name in OTHERS:
        label = f"the same, to the rate of {name}, which decodes, and stores nothing"
        rows.append(Row(label, "", f"{middle[name]:.1f} ×" if name in middle else NOT_MEASURED))
    return rows


def _bare(ticks: Sequence[Tick]) -> float:
    """CPU time, seconds, of a loop that only receives the ticks."""
    found = _received(
        ticks,
        lambda port: [
            *(sys.executable, "-m", "benchmarks.feed_live"),
            *(f"ws://127.0.0.1:{port}/stream?streams=btcusdt@aggTrade", str(len(ticks))),
        ],
    )
    assert found is not None
    return found


def _other(name: str, ticks: Sequence[Tick]) -> float | None:
    """CPU time, seconds, of another library that receives the ticks; None if it is not installed or fails."""
    python = os.environ.get("OTHER_FEEDS_PYTHON")
    if not python:
        return None
    return _received(ticks, lambda port: [python, "benchmarks/other_feeds.py", name, str(port), str(len(ticks))])


def _received(ticks: Sequence[Tick], command: Callable[[int], list[str]]) -> float | None:
    """Run a program that receives the ticks from a port and prints its CPU time, seconds; None if it fails."""
    with (
        fake_exchange() as exchange,
        subprocess.Popen(
            pinned(cores()[0], command(exchange.port)), cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE
        ) as receiver,
    ):
        eventually(lambda: receiver.poll() is not None or exchange.connections, PATIENCE_SECONDS)
        if receiver.poll() is None:
            exchange.run(_blast(exchange.exchange, ticks))
        found, _ = receiver.communicate(timeout=PATIENCE_SECONDS)
    return float(found) if receiver.returncode == 0 else None


async def _blast(exchange: Exchange, ticks: Sequence[Tick]) -> None:
    """Send as fast as the other side reads: the frames' bytes are made before."""
    [subscriber] = exchange.subscribers
    frames = as_frames(ticks)
    assert all(126 <= len(frame) < 65_536 for frame in frames)
    framed = [b"\x81\x7e" + len(frame).to_bytes(2, "big") + frame for frame in frames]  # RFC 6455, 5.2
    for start in range(0, len(framed), CHUNK):
        subscriber.connection.transport.write(b"".join(framed[start : start + CHUNK]))
        await exchange.drained()


async def _receive(url: str, count: int) -> float:
    async with connect(url, compression=None, proxy=None, ping_interval=None, max_queue=4_096) as connection:
        began = time.process_time()
        for _ in range(count):
            await connection.recv(decode=False)
        return time.process_time() - began


def _paced(suite: Suite) -> list[Row]:
    ticks = list(aggregates(["BTC-USDT"], RATE, int(RATE * suite.seconds)))
    with live(suite) as feed:
        before, began = feed.cpu(), time.perf_counter()
        feed.exchange.play(ticks, speed=1.0).result(PATIENCE_SECONDS)
        seconds = time.perf_counter() - began
        feed.wait_for(len(ticks))
        share = (feed.cpu() - before) / seconds
        delay = feed.delay_at(0.99)
        label = f"{len(ticks) / seconds:,.0f}/s paced: arrival to publication, p99"
        # An event may wait for the sync that is under way when it arrives, and waits for its own.
        beside = f", the bucket's bound (a sync alone: p99 {sync_ms(suite.folder, 0.99, 500):.1f} ms)"
        return [
            at_most(label, 5, delay * 1_000, " ms", beside),
            at_most("the same: share of a core", 10, share * 100, " %"),
        ]


def _backfill(suite: Suite) -> Row:
    symbols = [f"C{number}-USDT" for number in range(MISSED_SYMBOLS)]
    count = MISSED_SYMBOLS * MISSED_SECONDS * MISSED_RATE
    ticks = list(aggregates(symbols, MISSED_SYMBOLS * MISSED_RATE, count))
    firsts = list({tick.stream: tick for tick in reversed(ticks)}.values())
    lasts = list({tick.stream: tick for tick in ticks}.values())
    edges = {id(tick) for tick in (*firsts, *lasts)}
    with live(suite, symbols) as feed:
        feed.exchange.play(firsts).result(PATIENCE_SECONDS)
        feed.wait_for(len(firsts))
        feed.exchange.exchange.faults.rest_seconds = 0.05
        feed.exchange.do(lambda one: _miss(one, [tick for tick in ticks if id(tick) not in edges]))
        began = time.perf_counter()
        feed.exchange.play(lasts).result(PATIENCE_SECONDS)
        feed.wait_for(count)
        seconds = time.perf_counter() - began
    label = f"{MISSED_SECONDS} s of {MISSED_SYMBOLS} symbols missed ({count:,} trades), REST at 50 ms: whole again"
    return at_most(label, 5, seconds, " s")


def _miss(exchange: Exchange, ticks: Sequence[Tick]) -> None:
    for tick in ticks:
        exchange.database.add(tick.data)


def _rotation(suite: Suite) -> list[Row]:
    ticks = list(aggregates(["BTC-USDT"], 1_000, int(1_000 * 3 * ROTATIONS)))
    with live(suite) as feed:
        playing = feed.exchange.play(ticks, speed=1.0)
        for number in range(ROTATIONS):
            feed.exchange.announce_shutdown()
            feed.exchange.wait_for_connects(number + 2)
            eventually(lambda: feed.exchange.connections == 1, PATIENCE_SECONDS)
        playing.result(PATIENCE_SECONDS)
        feed.wait_for(len(ticks))
        fetched = sum(one["origin"] == "backfill" for one in feed.trades())
        label = f"{ROTATIONS} rotations at 1,000/s: trades that had to be fetched, gaps"
        return [
            Row(label, "0, 0", f"{fetched}, {feed.total('trading_feed_gaps_total'):.0f}", 1.0 if not fetched else 0.0)
        ]


if __name__ == "__main__":
    print(uvloop.run(_receive(sys.argv[1], int(sys.argv[2]))))
