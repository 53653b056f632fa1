"""A simulated market at a pace that no day has, while its feed is killed, cut off and handed on: nothing is lost."""

import random
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import msgspec

from market_feed.environment import FOLDER
from market_feed.simulator.random_market import random_ticks
from market_feed.simulator.tape import Tick
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.tail import TAIL_BYTES
from tests.support.apps import Apps
from tests.support.fake_exchange import FakeExchange, fake_exchange
from tests.support.polling import eventually
from tests.torture.figures import Figures

FEED = "market-feed"
SYMBOLS = ("BTC-USDT", "ETH-USDT", "SOL-USDT", "BNB-USDT")
RATE = 2_000
"""Trades a second of the market's own time."""

PACE = 5
"""Its time passes this many times as fast, where the machine can."""

KILLED = 0.6
"""The part of the time in which the feed is killed; in the rest its memory is measured."""

NUDGES = 200
"""The last trades, which come once the feed is connected: they show it what it has missed."""

GROWTH = 0.05
EVENT_BYTES = 300
PAGE = 20_000


class Tape:
    """Trades of a random market, and a digest of those of each symbol that were published."""

    def __init__(self, seed: int, trades: int) -> None:
        start_ns = time.time_ns() - int(trades / RATE * 1e9)  # the market's last trade is of about now
        ticks = random_ticks(SYMBOLS, RATE, start_ns, seed)
        self._ticks = islice((tick for tick in ticks if tick.stream.endswith("@aggTrade")), trades)
        self.published = 0
        self.digests: dict[str, Digest] = defaultdict(Digest)

    def some(self, count: int) -> Iterator[Tick]:
        """The next ticks."""
        for tick in islice(self._ticks, count):
            data = tick.data
            self.digests[data["s"]].add(data["a"], data["p"], data["q"], "sell" if data["m"] else "buy")
            self.published += 1
            yield tick


class Digest:
    """What was said of the trades of one symbol, in order."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self.count = 0
        self.last = 0

    def add(self, number: int, price: str, qty: str, side: str) -> None:
        """Add a trade."""
        self._hash.update(f"{number} {price} {qty} {side}\n".encode())
        self.count += 1
        self.last = number

    @property
    def value(self) -> tuple[int, int, str]:
        """How many, the last id, and a digest of all."""
        return self.count, self.last, self._hash.hexdigest()


class _Event(msgspec.Struct):
    kind: str
    symbol: str
    trade_id: str = "0"
    price: str = ""
    qty: str = ""
    side: str = ""
    origin: str = ""
    reason: str = ""


_decode = msgspec.json.Decoder(list[_Event]).decode


def market(folder: Path, seed: int, trades: int) -> Figures:
    """So many trades; the feed is killed, its connection cut and handed on meanwhile, frames come twice."""
    chance = random.Random(seed)
    counts = {
        "kills": min(max(trades // 360_000, 2), 20),
        "cuts": min(max(trades // 60_000, 3), 120),
        "rotations": min(max(trades // 240_000, 2), 30),
    }
    settings = {"FEED_SYMBOLS": ",".join(SYMBOLS), "FEED_FILL_SECONDS": "60"}
    with fake_exchange() as exchange:
        apps = Apps(folder, **settings, **exchange.settings)
        try:
            start(apps, exchange)
            exchange.exchange.faults.doubled = 0.01
            tape = Tape(seed, trades)
            playing = exchange.play(tape.some(trades - NUDGES), PACE)
            memory: list[int] = []
            for fraction, action in plan(chance, counts):
                while tape.published < fraction * trades and not playing.done():
                    if fraction > KILLED:
                        memory.append(resident_bytes(apps))
                    time.sleep(0.05)  # between two looks: the market goes on by itself
                action(apps, exchange)
            playing.result(3_600)
            eventually(lambda: exchange.exchange.subscribers, what="the feed connected for the last trades")
            exchange.play(tape.some(NUDGES), PACE).result(60)
            seconds = wait_until_whole(apps.data / FOLDER, trades)
            apps.stop_one(FEED)
        finally:
            apps.end()
        sockets = exchange.exchange.max_subscribers
    journaled, backfilled = read(apps.data / FOLDER)
    published = {symbol: digest.value for symbol, digest in tape.digests.items()}
    assert journaled == published, f"published {published}, journaled {journaled}"
    assert sockets <= 2, f"{sockets} connections at once"
    return Figures(
        f"{trades:,} trades of four markets at {RATE * PACE:,}/s: {counts['kills']} kills −9 of the feed,"
        f" {counts['cuts']} cuts, {counts['rotations']} rotations, one frame in a hundred twice",
        f"lost 0, double 0, in order, to the digit; {backfilled:,} fetched by id, no gap; at most {sockets}"
        f" connections;"
        f" {judge(memory, trades)}; whole {seconds:.1f} s after the last trade",
        {"trades": trades, "backfilled": backfilled, **counts},
    )


def plan(chance: random.Random, counts: dict[str, int]) -> list[tuple[float, Callable[[Apps, FakeExchange], None]]]:
    """What happens at which part of the way, in order."""
    ways = ["abort", "mid_frame", "1001", "1008"]
    happenings: list[tuple[float, Callable[[Apps, FakeExchange], None]]] = [
        *((chance.uniform(0.02, KILLED), kill) for _ in range(counts["kills"])),
        *((chance.uniform(0.02, 0.98), cut(chance.choice(ways))) for _ in range(counts["cuts"])),
        *((chance.uniform(0.02, 0.98), rotate(chance.choice(["raw", "stream"]))) for _ in range(counts["rotations"])),
        (0.99, lambda _apps, _exchange: None),
    ]
    return sorted(happenings, key=lambda one: one[0])


def start(apps: Apps, exchange: FakeExchange) -> None:
    """Start the feed and wait until it is connected."""
    connects = exchange.exchange.connects
    apps.start(FEED)
    eventually(lambda: exchange.exchange.connects > connects, what="the feed connected")


def kill(apps: Apps, exchange: FakeExchange) -> None:
    """End the feed as a power cut would, and start it again. The market does not wait."""
    apps.processes[FEED].send_signal(signal.SIGKILL)
    apps.processes[FEED].wait()
    start(apps, exchange)


def cut(how: str) -> Callable[[Apps, FakeExchange], None]:
    """End every connection."""

    def do_it(_apps: Apps, exchange: FakeExchange) -> None:
        exchange.cut(how)

    return do_it


def rotate(shape: str) -> Callable[[Apps, FakeExchange], None]:
    """Announce a shutdown: the feed opens another connection before this one ends."""

    def do_it(_apps: Apps, exchange: FakeExchange) -> None:
        exchange.announce_shutdown(shape)

    return do_it


def resident_bytes(apps: Apps) -> int:
    """The feed's own memory."""
    status = Path(f"/proc/{apps.processes[FEED].pid}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


def judge(memory: list[int], trades: int) -> str:
    """Its memory once the ring of recent events is full. AssertionError if it grew."""
    third = len(memory) // 3
    is_long = (1 - KILLED) * trades * EVENT_BYTES > 6 * TAIL_BYTES
    if not (third and is_long):
        return "memory not judged, too short"
    early, late = statistics.median(memory[third : 2 * third]), statistics.median(memory[-third:])
    assert late <= early * (1 + GROWTH), f"the feed grew from {early:,} to {late:,} bytes"
    return f"memory {early / 2**20:.1f} to {late / 2**20:.1f} MiB"


def wait_until_whole(folder: Path, trades: int) -> float:
    """Wait until as many events are journaled as trades were published; how long that took, in seconds."""
    began = time.monotonic()

    def is_whole() -> bool:
        with closing(JournalReader(folder)) as reader:
            return reader.head() >= trades

    eventually(is_whole, seconds=600, what="all trades journaled")
    return time.monotonic() - began


def read(folder: Path) -> tuple[dict[str, tuple[int, int, str]], int]:
    """The trades in a journal by the venue's symbol, and how many were fetched. AssertionError where one is missing,
    comes twice or out of order, or a gap was told.
    """
    digests: dict[str, Digest] = defaultdict(Digest)
    backfilled = 0
    for event in events_of(folder):
        assert event.kind == "trade", event
        digest, number = digests[event.symbol.replace("-", "")], int(event.trade_id)
        assert digest.last in (0, number - 1), f"{event.symbol}: {number} follows {digest.last}"
        digest.add(number, event.price, event.qty, event.side)
        backfilled += event.origin == "backfill"
    return {symbol: digest.value for symbol, digest in digests.items()}, backfilled


def events_of(folder: Path) -> Iterable[_Event]:
    """Every event of a journal, in order."""
    with closing(JournalReader(folder)) as reader:
        after = 0
        while (batch := reader.read(after, PAGE, 1 << 28)).count:
            yield from _decode(b"[%b]" % batch.events)
            after = batch.last
