"""The market feed under a steady load for minutes: delay, CPU time, memory, and what is missing in the journal.

`python -m benchmarks.feed_steady --rate 8000 --seconds 300`. The simulated exchange publishes on one core, the feed is
on another. The memory at the end is compared with that after a quarter of the time.
"""

import argparse
import json
import tempfile
import time
from contextlib import closing
from pathlib import Path

import apsw

from benchmarks.feed import aggregates
from benchmarks.feed_live import FEED, Live
from benchmarks.processes import ROOT, resident_megabytes
from market_feed.environment import FOLDER
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from tests.support.fake_exchange import fake_exchange

SYMBOLS = tuple(f"{base}-USDT" for base in ("BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "AVAX", "LINK", "DOT"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feed_steady", description=__doc__)
    parser.add_argument("--rate", type=float, default=8_000, help="trades a second (default: 8000)")
    parser.add_argument("--seconds", type=float, default=300, help="(default: 300)")
    arguments = parser.parse_args()
    count = int(arguments.rate * arguments.seconds)
    (ROOT / ".run").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / ".run") as folder, fake_exchange() as exchange:
        feed = Live(Path(folder), exchange, SYMBOLS)
        try:
            process = feed.apps.processes[FEED].pid
            before, began = feed.cpu(), time.monotonic()
            playing = exchange.play(aggregates(SYMBOLS, arguments.rate, count), speed=1.0)
            memory = []
            while not playing.done():
                time.sleep(1)
                memory.append(resident_megabytes(process)[0])
            playing.result()
            seconds = time.monotonic() - began
            feed.wait_for(count)
            behind = time.monotonic() - began - seconds
            cpu = feed.cpu() - before
            delays = {f"p{share:.0%}": feed.delay_at(share) for share in (0.5, 0.9, 0.99)}
            names = ("gaps", "missing_trades", "duplicates", "reading_pauses")
            totals = {name: feed.total(f"trading_feed_{name}_total") for name in names}
        finally:
            feed.apps.end()
        print(f"{count:,} trades of {len(SYMBOLS)} markets in {seconds:.0f} s: {count / seconds:,.0f}/s")
        journaled = _journaled(Path(folder) / "data" / FOLDER)
        print(f"journaled {journaled}, the last {behind:.1f} s after it was sent; {totals}")
        print(f"arrival to publication, within: {delays} s; CPU of the feed {cpu / seconds:.0%} of a core")
        quarter = memory[len(memory) // 4]
        print(f"memory after a quarter {quarter:.1f} MB, at the end {memory[-1]:.1f} MB, max {max(memory):.1f} MB")


def _journaled(folder: Path) -> str:
    """How many events, markets and holes in their ids the journal has."""
    with closing(apsw.Connection(str(folder / JOURNAL_FILE), flags=apsw.SQLITE_OPEN_READONLY)) as journal:
        head = journal.execute("SELECT max(last) FROM batch").get
        spaces = journal.execute("SELECT space, head, gaps FROM id_space WHERE space != 'feed'").fetchall()
    holes = sum(len(json.loads(str(gaps))) for _, _, gaps in spaces)
    return f"{head:,} events, {len(spaces)} markets, {holes} holes in their ids"


if __name__ == "__main__":
    main()
