"""Tries the promise at length: `make torture`, or `make torture PART=disk`. Each part prints its seed and its figures,
and writes them into docs/reliability.md.

The soak takes half an hour in which half of the machine has nothing to do: parts that don't mind company run beside it.
"""

import argparse
import fcntl
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hypothesis.errors import HypothesisException

from tests.torture import (
    damage,
    disk,
    ending,
    exporting,
    fuzz,
    greedy,
    history,
    hostility,
    importing,
    instruments,
    kills,
    ledger,
    link,
    locks,
    market,
    messages,
    pages,
    prometheus,
    rows,
    slow,
    soak,
    volume,
)
from tests.torture.figures import Figures, scaled

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/reliability.md"
MAX_SECONDS = 90 * 60


@dataclass(frozen=True, slots=True)
class Part:
    """A campaign: how many times at full scale, and what to run. `obstacle` says why it can't run here; `sociable`
    parts judge no times, and may run beside the soak.
    """

    count: int
    run: Callable[[Path, int, int], Figures]
    obstacle: Callable[[], str] = lambda: ""
    sociable: bool = False


def _needs_prometheus() -> str:
    return "" if prometheus.is_installed() else "prometheus is not installed (Debian: apt install prometheus)"


def _needs_mounts() -> str:
    return "" if disk.namespaces_work() else "no mount namespace can be made here"


PARTS = {
    "kill-web": Part(500, kills.kill_web_app),
    "kill-sidecar": Part(500, kills.kill_sidecar),
    "kill-both": Part(200, kills.kill_both),
    "snapshot": Part(200, damage.damage_snapshot, sociable=True),
    "journal": Part(60, damage.exchange_journal, sociable=True),
    "sync": Part(20_000, disk.sync_before_acknowledgement),
    "disk-errors": Part(100, disk.failing_calls, sociable=True),
    "disk-full": Part(50, disk.full_disk, _needs_mounts),
    "locks": Part(200, locks.locks, sociable=True),
    "files-lost": Part(40, locks.files_lost, sociable=True),
    "damaged-row": Part(20, rows.damaged_row, sociable=True),
    "mischief": Part(20_000, messages.mischief),
    "missing": Part(50, messages.missing),
    "overflow": Part(20, messages.overflow),
    "hostile-requests": Part(100_000, hostility.requests),
    "hostile-messages": Part(100_000, hostility.messages),
    "sidecar-guards": Part(40, greedy.sidecar_guards, sociable=True),
    "shares": Part(400, greedy.shares),
    "unread": Part(20, greedy.unread, sociable=True),
    "pages": Part(50, pages.beside_pages),
    "slow": Part(5_000, slow.slow_and_deaf),
    "link": Part(20, link.cut, link.obstacle),
    "prometheus": Part(20, prometheus.restarts, _needs_prometheus),
    "end": Part(50, ending.end_under_load),
    "clock": Part(100, ending.clock_set_back),
    "odd": Part(200_000, fuzz.odd, sociable=True),
    "openapi": Part(2_000, fuzz.openapi, sociable=True),
    "ledgers": Part(100_000, ledger.in_process, sociable=True),
    "ledger-kills": Part(3_000, ledger.through_processes),
    "history": Part(200, history.kills, sociable=True),
    "import": Part(300, importing.files, sociable=True),
    "export": Part(200, exporting.round_trips, sociable=True),
    "instruments": Part(200, instruments.under_load),
    "market": Part(7_200_000, market.market),
    "volume": Part(10_000_000, volume.volume),
    "soak": Part(1_800, soak.soak, soak.obstacle),
}


def main() -> int:
    """Run the parts asked for. Exit code 1 if a promise was broken, or the time was up."""
    arguments = _parse()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.alarm(MAX_SECONDS)
    names = arguments.parts or list(PARTS)
    beside = [name for name in names if PARTS[name].sociable] if "soak" in names else []
    failed = list[str]()
    try:
        if beside:
            others = _start(beside, arguments.scale, seed)
            _run_all(["soak"], arguments, seed, failed)
            if others.wait() != 0:
                failed.append("what ran beside the soak")
        _run_all([name for name in names if not beside or name not in ("soak", *beside)], arguments, seed, failed)
    except _TimeIsUp as error:
        failed.append(f"not all parts were run, {error}")
    print(f"torture ({', '.join(arguments.parts) or 'all'}): {'FAILED: ' + ', '.join(failed) if failed else 'passed'}")
    return 1 if failed else 0


def _start(parts: Sequence[str], scale: float, seed: int) -> subprocess.Popen[bytes]:
    """Those parts in a process of its own, with what others leave of the cores; its time is up when this one's is."""
    command = ["nice", "-n", "15", sys.executable, "-m", "tests.torture.main", *parts]
    return subprocess.Popen([*command, "--scale", str(scale), "--seed", str(seed)])


def _run_all(names: Sequence[str], arguments: argparse.Namespace, seed: int, failed: list[str]) -> None:
    """Run the parts one after another; those that fail are added to `failed`. Raises _TimeIsUp."""
    for name in names:
        part = PARTS[name]
        if obstacle := part.obstacle():
            print(f"{name}: skipped, {obstacle}", flush=True)
            continue
        count = arguments.seconds if name == "soak" and arguments.seconds else scaled(part.count, arguments.scale)
        print(f"{name}: {count:,} of {part.count:,}, seed {seed}", flush=True)
        began = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as folder:
                figures = part.run(Path(folder), seed, count)
            figures.assert_quick()
        except (AssertionError, OSError, TimeoutError, HypothesisException) as error:
            failed.append(name)
            print(f"{name}: FAILED, seed {seed}: {error!r}", flush=True)
            if isinstance(error, _TimeIsUp):
                raise
            continue
        seconds = time.monotonic() - began
        print(f"{name}: {figures.done}\n    {figures.seen} ({seconds:.0f} s)", flush=True)
        with DOCUMENT.open("r+") as document:
            fcntl.flock(document, fcntl.LOCK_EX)  # what runs beside the soak writes into it as well
            note(name, f"| `{name}` | {figures.done} | {figures.seen} | {seed} | {seconds:.0f} s |")


def note(name: str, row: str) -> None:
    """Put a part's row in its place in the document's table."""
    lines = DOCUMENT.read_text().splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("| part |")) + 2
    last = next((index for index in range(first, len(lines)) if not lines[index].startswith("|")), len(lines))
    rows = {line.split("`")[1]: line for line in lines[first:last]} | {name: row}
    lines[first:last] = [rows[part] for part in PARTS if part in rows]
    DOCUMENT.write_text("\n".join(lines) + "\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", type=_part, help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the full counts (default: 1)")
    parser.add_argument("--seconds", type=int, help="of the soak (default: 1800)")
    parser.add_argument("--seed", type=int, help="repeat a run")
    return parser.parse_args()


def _part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(PARTS)}")
    return name


def _time_is_up(_number: int, _frame: FrameType | None) -> None:
    raise _TimeIsUp(f"{MAX_SECONDS // 60} minutes are over")


class _TimeIsUp(TimeoutError):
    """The whole has taken as long as it may."""


if __name__ == "__main__":
    sys.exit(main())
