"""The history with its figures: rebuild, disk a fill, memory, the start after a kill, a fill until a reader sees it.

Each is measured in a process of its own, on the measured core. Rates are by CPU time too, which says more on a busy
machine.
"""

import os
import resource
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.daily_pnl import beside_others
from benchmarks.history_api import GROUP_CALLS, KEY_CALLS, p95_of, serving
from benchmarks.ledger import BATCH, YEAR_NS, Content, Fills, Orders, Turns, fill_journal
from benchmarks.processes import cores
from benchmarks.suite import Suite
from benchmarks.table import Row, at_least, at_most
from service_kit.lifecycle.server import spare_the_garbage_collector
from telemetry_stream.backend import store_of
from telemetry_stream.events import Batch, StreamPosition
from trading_history.reader import HistoryReader
from trading_history.rebuild import rebuild
from trading_history.schema import HISTORY_FILE
from trading_history.writer import HistoryWriter
from trading_model.accounting.fills import Fill

READS = 50
LIVE = 2_000
"""Fills that come one by one before the kill."""

GOAL_RATE, GOAL_START_SECONDS, GOAL_VISIBLE_MS, GOAL_MEMORY_MB = 150_000, 2, 250, 250
"""Fills a second of a rebuild, and the maximum of the others."""

GOAL_KEY_MS, GOAL_GROUP_MS = 100, 500
"""Max p95 of an answer: about a year of one key, and about all of any group."""


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """The time and the CPU time of the work, seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


class Rebuilt(NamedTuple):
    """A rebuild: its time and its CPU time in seconds, its memory in MB. `decoding` is the CPU time, in seconds, that
    msgspec takes to decode one fill.
    """

    seconds: float
    cpu: float
    megabytes: float
    decoding: float


def cost(suite: Suite) -> list[Row]:
    """The history: rebuild of three ledgers, a start after a kill, live fills, size, answers over HTTP."""
    few = suite.trades // 4
    return [
        *_measure(suite, "100 keys, a fill in 3 s", suite.trades, Turns(100)),
        *_measure(suite, "1,000 keys, over a year", few, Turns(1_000, YEAR_NS // few)),
        *_measure(suite, "300 keys, orders of 3 years", suite.trades, Orders(suite.trades)),
    ]


def _measure(suite: Suite, what: str, fills: int, content: Content) -> list[Row]:
    with tempfile.TemporaryDirectory(dir=suite.folder) as made:
        folder = Path(made)
        fill_journal(folder, fills, content)
        with _process() as measured:
            rebuilt = measured.submit(_rebuild, folder).result()
            size = (folder / HISTORY_FILE).stat().st_size / fills
        answers = _answers(what, folder, fills, content, rebuilt.seconds) if isinstance(content, Orders) else []
        delays = _killed(folder, fills, content)
        with _process() as measured:
            start = measured.submit(_start, folder).result()
            read = measured.submit(_read, folder, content).result()
            void = measured.submit(_void, folder, fills, content).result()
    per_fill = rebuilt.cpu / fills
    beside = (
        f"; {fills / rebuilt.cpu:,.0f} a second of CPU: {per_fill * 1e6:.1f} µs a fill,"
        f" {per_fill / rebuilt.decoding:.0f} × its decoding alone"
    )
    return [
        at_least(f"{what}: {fills:,} fills, rebuilt", GOAL_RATE, fills / rebuilt.seconds, " fills/s", beside),
        Row(f"{what}: disk, journal not included", "", f"{size:,.0f} B a fill"),
        at_most(f"{what}: memory of the rebuild", GOAL_MEMORY_MB, rebuilt.megabytes, " MB"),
        at_most(f"{what}: {fills:,} fills, start after a kill", GOAL_START_SECONDS, start, " s"),
        at_most(f"{what}: a live fill until a reader sees it, p99", GOAL_VISIBLE_MS, _p99(delays) * 1e3, " ms"),
        Row(f"{what}: read of a key", "", read),
        Row(f"{what}: void of a fill, with its commit", "", f"{void * 1e3:.2f} ms"),
        *answers,
    ]


def _answers(what: str, folder: Path, fills: int, content: Content, rebuilt: float) -> list[Row]:
    """The slowest calls of a web app over this history, and P&L by day beside other programs."""
    with serving(folder) as client:
        slowest = [
            (goal, max((p95_of(client, call) for call in calls), key=itemgetter(1)))
            for goal, calls in ((GOAL_KEY_MS, KEY_CALLS), (GOAL_GROUP_MS, GROUP_CALLS))
        ]
        others = beside_others(what, folder, fills, content, client, rebuilt)
    return [*(at_most(f"{what}: p95 of /api/{call}", goal, p95 * 1e3, " ms") for goal, (call, p95) in slowest), *others]


@contextmanager
def _process() -> Iterator[ProcessPoolExecutor]:
    """A fresh process on the measured core."""
    with ProcessPoolExecutor(1, get_context("spawn"), os.sched_setaffinity, (0, {cores()[0]})) as one:
        yield one


def _rebuild(folder: Path) -> Rebuilt:
    spare_the_garbage_collector()
    with closing(store_of().open_reader(folder)) as journal:
        alone = [_decoding()]
        seconds, cpu = timed(lambda: rebuild(folder, journal))
        alone.append(_decoding())
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return Rebuilt(seconds, cpu, megabytes, statistics.mean(alone))


def _killed(folder: Path, fills: int, content: Content) -> list[float]:
    """Send live fills one by one, then kill the process; the seconds of each fill until a reader saw it."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_live, args=(folder, fills, content, cores()[0], theirs.send))
    process.start()
    theirs.close()  # so that a process that fails ends the wait
    delays: list[float] = ours.recv()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return delays


def _live(folder: Path, fills: int, content: Content, core: int, send: Callable[[list[float]], object]) -> None:
    os.sched_setaffinity(0, {core})
    writer = HistoryWriter(folder, with_figures=True)
    stream = writer.position.stream
    writer.advance_figures()
    delays = []
    with closing(HistoryReader(folder)) as reader:
        for sequence in range(fills + 1, fills + LIVE + 1):
            payload = Fills(range(sequence - 1, sequence), content).numbered(sequence, 0, 1)
            began = time.perf_counter()
            writer.apply(Batch(stream, sequence, sequence, payload))
            writer.commit(StreamPosition(stream, sequence))
            with reader.snapshot() as snapshot:
                assert snapshot.position.sequence == sequence
                assert snapshot.figures_are_settled
            delays.append(time.perf_counter() - began)
    send(delays)
    os.kill(os.getpid(), signal.SIGKILL)


def _p99(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100)[-1]


def _start(folder: Path) -> float:
    def start() -> None:
        with closing(HistoryWriter(folder, with_figures=True)) as writer:
            writer.advance_figures()
            assert writer.figures_are_settled

    return timed(start)[0]


def _decoding() -> float:
    """Seconds of CPU that msgspec takes for a fill, into exact decimals: what the machine is worth at the moment."""
    events = Fills(range(BATCH), Turns(100)).numbered(1, 0, BATCH)
    decode, body = msgspec.json.Decoder(list[Fill]).decode, b"[" + events + b"]"
    return statistics.median(timed(lambda: decode(body))[1] / BATCH for _ in range(READS))


def _read(folder: Path, content: Content) -> str:
    found: list[int] = []
    seconds = []
    for at in range(READS):
        key = at * 37 % content.keys

        def read(key: int = key) -> None:
            with closing(HistoryReader(folder)) as reader, reader.snapshot() as snapshot:
                found.append(sum(1 for _ in snapshot.fills([content.names(key)])))

        seconds.append(timed(read))
    wall, cpu = (statistics.median(one) * 1e3 for one in zip(*seconds, strict=True))
    return f"{wall:.2f} ms ({cpu:.2f} ms of CPU) for {statistics.median(found):,.0f} fills, open to end"


def _void(folder: Path, fills: int, content: Content) -> float:
    """The median time of a void, seconds; the figures after it are folded again later, in pieces."""
    seconds = []
    with closing(HistoryWriter(folder, with_figures=True)) as writer:
        stream, head = writer.position.stream, writer.position.sequence
        for number in range(1, READS + 1):
            target = number * 104_729 % fills + 1
            was = bytes(Fills(range(target - 1, target), content)[0].payload)
            event = b'{"seq":%d,"kind":"void","id":"v%d","target":%d,"void":{"was":%b}}'
            sequence = head + number
            batch = Batch(stream, sequence, sequence, event % (sequence, number, target, was))

            def void(batch: Batch = batch) -> None:
                writer.apply(batch)
                writer.commit(StreamPosition(stream, batch.last))

            seconds.append(timed(void)[0])
        assert writer.counts["unmatched"] == 0
    return statistics.median(seconds)
