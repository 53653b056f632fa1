"""The history at many fills: rebuild, start, read of a key, a correction, disk a fill.

`python -m benchmarks.history [--fills 10000000] [--keys 10000] [--folder FOLDER]`, not part of `make bench`: it needs
minutes and some gigabytes. It journals the fills first. Rates are by CPU time too, which says more on a busy machine.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import overload

import msgspec

from benchmarks.machine import describe
from telemetry_stream.backend import store_of
from telemetry_stream.events import Batch, Event, Events, StreamPosition, Submission
from telemetry_stream.topics import Topic
from trading_history.reader import HistoryReader
from trading_history.rebuild import rebuild
from trading_history.schema import HISTORY_FILE
from trading_history.writer import HistoryWriter
from trading_model.accounting.fills import Fill, LineKey
from trading_model.field_rules import format_timestamp
from trading_model.topics import LEDGER

BATCH = 10_000
BEGAN_NS = 1_700_000_000_000_000_000
STEP_NS = 3_141_592_000
READS = 50


class Fills(Events[Event]):
    """Fills with these numbers: spread over the keys in no order of theirs, a few seconds apart."""

    def __init__(self, numbers: range, keys: int, step_ns: int = STEP_NS) -> None:
        self._numbers = numbers
        self._keys = keys
        self._step_ns = step_ns

    @property
    def keys(self) -> Sequence[str]:
        return [f"k{number}" for number in self._numbers]

    def numbered(self, first: int, start: int, stop: int) -> bytes:
        made = (b'{"seq":%d,%b' % (first + at - start, self._payload(at)) for at in range(start, stop))
        return b",".join(made)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> Event: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Event]: ...
    def __getitem__(self, at: int | slice) -> Event | Sequence[Event]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        return Event(f"k{self._numbers[at]}", b"{" + self._payload(at))

    def _payload(self, at: int) -> bytes:
        number = self._numbers[at]
        key = number * 7_919 % self._keys
        return (
            b'"trade_id":"%d","symbol":"S%d/USDT","price":"%d.%02d","qty":"0.%03d","side":"%b","ts":"%b",'
            b'"account":"a%d","strategy":"bench","fee":"0.0%02d","fee_currency":"USDT"}'
        ) % (
            7_000_000_000 + number, key % 1_000, 20_000 + number % 7_001, number % 100, 1 + number % 999,
            b"buy" if number % 3 else b"sell", format_timestamp(BEGAN_NS + number * self._step_ns).encode(),
            key // 1_000, number % 97,
        )  # fmt: skip


def fill_journal(folder: Path, fills: int, keys: int, step_ns: int = STEP_NS) -> None:
    """Journal the fills, `step_ns` nanoseconds apart."""
    with closing(store_of().open_writer(folder, Topic(LEDGER))) as writer:
        for first in range(0, fills, BATCH):
            writer.append([Submission(Fills(range(first, min(first + BATCH, fills)), keys, step_ns))])
            writer.checkpoint_if_due()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of it, and of CPU."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def measure(folder: Path, fills: int, keys: int) -> None:
    """Rebuild, read, correct; print a line for each figure. The folder has a journal of these fills."""
    with closing(store_of().open_reader(folder)) as journal:
        sample = journal.read(0, BATCH, 1 << 30)
        alone = [_decoding(sample.events)]
        seconds, cpu = timed(lambda: rebuild(folder, journal, until=fills))
        alone.append(_decoding(sample.events))
    print(f"{fills:,} fills, {keys:,} keys")
    print(f"rebuild: {fills / seconds:,.0f} fills/s, {fills / cpu:,.0f} a second of CPU")
    own = statistics.mean(alone)
    cost = cpu / fills
    print(f"  {cost * 1e6:.2f} µs of CPU a fill, {cost / own:.1f} × msgspec's decoding ({own * 1e6:.2f} µs)")
    print(f"  memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")
    print(f"disk: {(folder / HISTORY_FILE).stat().st_size / fills:.1f} bytes a fill")
    print(f"start from its position: {timed(lambda: _open(folder))[0]:.2f} s, with figures")
    print(f"read of a key: {_read(folder, fills, keys)}")
    print(f"void of a fill, with its commit: {_void(folder, fills, keys):.2f} ms")


def _open(folder: Path) -> None:
    with closing(HistoryWriter(folder, with_figures=True)) as writer:
        writer.advance_figures()
        assert writer.figures_are_settled


def _decoding(events: bytes) -> float:
    """Seconds of CPU that msgspec takes for a fill, into exact decimals: what the machine is worth at the moment."""
    decode, body = msgspec.json.Decoder(list[Fill]).decode, b"[" + events + b"]"
    return statistics.median(timed(lambda: decode(body))[1] / BATCH for _ in range(READS))


def _read(folder: Path, fills: int, keys: int) -> str:
    found: list[int] = []
    seconds = []
    for at in range(READS):
        key = at * 37 % keys

        def read(key: int = key) -> None:
            names = LineKey(f"a{key // 1_000}", "bench", f"S{key % 1_000}/USDT", "", "")
            with closing(HistoryReader(folder)) as reader, reader.snapshot() as snapshot:
                found.append(sum(1 for _ in snapshot.fills([names])))

        seconds.append(timed(read))
    assert sum(found) >= fills // keys
    wall, cpu = (statistics.median(one) * 1e3 for one in zip(*seconds, strict=True))
    return f"{wall:.2f} ms ({cpu:.2f} ms of CPU) for {statistics.median(found):,.0f} fills, open to end"


def _void(folder: Path, fills: int, keys: int) -> float:
    seconds = []
    with closing(HistoryWriter(folder, with_figures=True)) as writer:
        stream = writer.position.stream
        for number in range(1, READS + 1):
            target = number * 104_729 % fills + 1
            was = bytes(Fills(range(target - 1, target), keys)[0].payload)
            event = b'{"seq":%d,"kind":"void","id":"v%d","target":%d,"void":{"was":%b}}'
            sequence = fills + number
            batch = Batch(stream, sequence, sequence, event % (sequence, number, target, was))

            def void(batch: Batch = batch) -> None:
                writer.apply(batch)
                writer.commit(StreamPosition(stream, batch.last))

            seconds.append(timed(void)[0])
        assert writer.counts["unmatched"] == 0
    return statistics.median(seconds) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the history at many fills.")
    parser.add_argument("--fills", type=int, default=10_000_000)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="is kept; a journal that is there is used, and none is made")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="history-") as made:
        folder = arguments.folder or Path(made)
        if not store_of().file(folder).exists():
            fill_journal(folder, arguments.fills, arguments.keys)
        measure(folder, arguments.fills, arguments.keys)
        print(describe(folder))


if __name__ == "__main__":
    main()
