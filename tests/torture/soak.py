"""A steady load for long: memory, file descriptors, threads and the write-ahead log stay where they are."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.apps import Apps, running_apps
from tests.support.audit import audit
from tests.support.load import Bots, Scraper
from tests.torture.figures import Figures

RATE = 500.0
WARM_UP = 0.4
"""The part of the time after which nothing may grow any more."""

GROWTH = 0.05
MOST_WAL_BYTES = 24 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process holds."""

    resident_bytes: int
    descriptors: int
    threads: int


def soak(folder: Path, seed: int, seconds: float) -> Figures:
    """Post at a steady rate and scrape five times a second."""
    samples: dict[str, list[Sample]] = {"trading-app": [], "metrics-sidecar": []}
    largest_wal = 0
    with running_apps(folder, SIDECAR_SNAPSHOT_SECONDS="1") as apps:
        bots, scraper = Bots(apps.web_port, 4, seed, rate=RATE), Scraper(apps.sidecar_port, pause=0.2)
        try:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                for name, taken in samples.items():
                    taken.append(sample(apps, name))
                largest_wal = max(largest_wal, (apps.data / "journal.sqlite3-wal").stat().st_size)
                time.sleep(min(seconds / 100, 1))  # the time between samples, nothing is waited for
        finally:
            bots.end(give_up=True)
            scraper.end()
        passed = audit(apps, bots, seconds=60)
    assert not scraper.went_back
    assert largest_wal < MOST_WAL_BYTES, f"the write-ahead log grew to {largest_wal:,} bytes"
    told = [_judge(name, taken) for name, taken in samples.items()]
    return Figures(
        f"{seconds:,.0f} s at {RATE:,.0f} trades/s",
        f"{'; '.join(told)}; write-ahead log at most {largest_wal / 2**20:.1f} MiB; {passed}",
    )


def sample(apps: Apps, name: str) -> Sample:
    """What it holds now."""
    process = Path(f"/proc/{apps.processes[name].pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    resident = int(status["VmRSS"].split()[0]) * 1024
    return Sample(resident, len(list((process / "fd").iterdir())), int(status["Threads"]))


def _judge(name: str, taken: list[Sample]) -> str:
    warm = taken[int(len(taken) * WARM_UP) :]
    early, late = warm[: len(warm) // 3], warm[-(len(warm) // 3) :]
    before = statistics.median(one.resident_bytes for one in early)
    after = statistics.median(one.resident_bytes for one in late)
    assert after <= before * (1 + GROWTH), f"{name} grew from {before:,} to {after:,} bytes"
    for what in ("descriptors", "threads"):
        # The median: a snapshot being written has a file open.
        counts = [statistics.median(getattr(one, what) for one in part) for part in (early, late)]
        assert counts[0] == counts[1], f"{name}: {what} went from {counts[0]} to {counts[1]}"
    return f"{name} {before / 2**20:.1f} to {after / 2**20:.1f} MiB, {late[-1].threads} threads"
