"""Measures the product on this machine and prints one table: `make bench`, or `python -m benchmarks.run FIGURE ...`.

What is measured runs on one core, the load and everything else on another. A missed goal is printed and fails
nothing; totals that differ from what was sent fail the run.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    batches,
    disks,
    feed,
    feed_live,
    history,
    importing,
    machine,
    memory,
    recording,
    report,
    scrape,
    sidecar,
    single,
    starting,
    steps,
    threads,
    visible,
    windows,
)
from benchmarks.processes import ROOT, cores, obstacle
from benchmarks.suite import Suite
from benchmarks.table import HEADER, Row, as_text

FIGURES: dict[str, Callable[[Suite], list[Row]]] = {
    "single": single.against_bare,
    "single-256": single.against_bare_256,
    "naive": single.against_naive,
    "pushgateway": single.against_pushgateway,
    "batches": batches.rates,
    "mixed": batches.singles_meanwhile,
    "sidecar": sidecar.cost,
    "sidecar-behind": sidecar.keeping_up,
    "threads": threads.shares,
    "visible-idle": visible.idle,
    "visible-loaded": visible.at_half_rate,
    "scrape": scrape.cost,
    "scrape-delay": scrape.delays_meanwhile,
    "restart": starting.restarts,
    "start": starting.starts,
    "memory": memory.held,
    "client": recording.waits,
    "import": importing.cost,
    "slow-disk": disks.slow,
    "steps": steps.of_a_post,
    "parts": steps.of_a_batch,
    "feed": feed.rates,
    "feed-live": feed_live.rates,
    "windows": windows.cost,
    "history": history.cost,
}


def main() -> int:
    """Measure the figures asked for. Exit code 1 where one could not be measured, or a total was not what was sent."""
    arguments = _parse()
    if arguments.list:
        print("\n".join(f"{name:15} {measure.__doc__}" for name, measure in FIGURES.items()))
        return 0
    if why := obstacle():
        print(f"bench: {why}", file=sys.stderr)
        return 1
    _, load = cores()
    os.sched_setaffinity(0, {load})
    (ROOT / ".run").mkdir(exist_ok=True)  # on the disk of the project, as the journal; /tmp may be in memory
    with tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / ".run", ignore_cleanup_errors=True) as folder:
        suite = Suite(Path(folder), arguments.seconds, arguments.rounds, arguments.trades)
        names = arguments.figures or list(FIGURES)
        found = _measure(suite, names)
        measured_on = machine.describe(Path(folder))
    print(as_text([HEADER, *(row.cells(name) for name, rows in found.items() for row in rows)]))
    print(f"\n{measured_on}\n{_describe_totals(suite)}")
    if arguments.write:
        report.write(found, FIGURES, measured_on, shlex.join(["python", "-m", "benchmarks.run", *sys.argv[1:]]))
    failed = [name for name in names if name not in found]
    print(f"bench: FAILED: {', '.join(failed)}" if failed else "bench: done")
    return 1 if failed else 0


def _measure(suite: Suite, names: list[str]) -> dict[str, list[Row]]:
    """The figures that could be measured; prints what went wrong with the others."""
    found = {}
    for name in names:
        began = time.monotonic()
        try:
            found[name] = FIGURES[name](suite)
        except (AssertionError, EOFError, OSError, subprocess.SubprocessError) as error:
            print(f"bench: {name} FAILED: {error!r}", file=sys.stderr, flush=True)
            continue
        print(f"bench: {name}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def _describe_totals(suite: Suite) -> str:
    sent, journaled, shown = (
        sum(getattr(one, what) for one in suite.totals) for what in ("sent", "journaled", "shown")
    )
    return f"Trades sent {sent:,}, in the journals {journaled:,}, in the metrics {shown:,}: equal."


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", type=_figure, help="see --list (default: all)")
    parser.add_argument("--list", action="store_true", help="say what each figure is, and end")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    parser.add_argument("--seconds", type=float, default=2, help="of a round (default: 2)")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds; a figure is their median (default: 5)")
    parser.add_argument(
        "--trades",
        type=int,
        default=1_000_000,
        help="journaled before a restart, or imported (default: 1000000; the goal: 10000000)",
    )
    parser.add_argument("--quick", action="store_true", help="one round of 1 s, 300,000 trades: only whether it runs")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds, arguments.rounds, arguments.trades = 1, 1, 300_000
    return arguments


def _figure(name: str) -> str:
    if name not in FIGURES:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(FIGURES)}")
    return name


if __name__ == "__main__":
    sys.exit(main())
