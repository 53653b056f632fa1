"""A steady load for long: memory, file descriptors, threads and the write-ahead log stay where they are."""

import re
import shutil
import statistics
import subprocess
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path

from telemetry_stream.tail import TAIL_BYTES
from tests.support.apps import BIN, Apps, running_apps
from tests.support.http import HTTP
from tests.support.load import TOTALS, Scraper
from tests.support.polling import eventually
from tests.torture.figures import Figures

RATE = 15_000
"""Single posts a second: about half of the most that two cores take."""

BURST_SECONDS, BURST_RATE = 1, 1_000_000
"""Before it, as many as can be: on a machine that has other things to do a steady load comes in bursts as well, and the
most that one takes should have been taken before anything is measured.
"""

CONNECTIONS = 64
DRAIN_SECONDS = 2
WARM_UP = 0.4
"""The part of the time after which nothing may grow any more."""

GROWTH = 0.05
MAX_WAL_BYTES = 24 * 1024 * 1024
BATCH_TRADES = 5_000
BYTES_A_TRADE = 300
"""Of the journal, with room to spare."""

CYCLE = 49_500
"""Trades after which those that soak.lua makes have the same side, price and quantity again."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process holds."""

    resident_bytes: int
    files: int
    """Open files but the tables of keys. Sockets apart: their number changes with the clients."""
    sockets: int
    threads: int


def obstacle() -> str:
    """Why it can't run here; empty if it can."""
    return "" if shutil.which("wrk") else "wrk is not installed (Debian: apt install wrk)"


def soak(folder: Path, seed: int, seconds: int, rate: int = RATE) -> Figures:
    """Post single trades at a steady rate, and scrape every second. AssertionError where a disk has not the room."""
    needed = seconds * rate * BYTES_A_TRADE + 2**30
    free = shutil.disk_usage(folder).free
    assert free > needed, f"{needed / 2**30:.1f} GiB are needed in {folder}, {free / 2**30:.1f} are free"
    samples: dict[str, list[Sample]] = {"trading-app": [], "metrics-sidecar": []}
    largest_wal = 0
    with running_apps(folder, SIDECAR_SNAPSHOT_SECONDS="1") as apps, Scraper(apps.sidecar_port, pause=1) as scraper:
        filled = _fill_ring(apps.web_url, f"fill{seed}")
        eventually(lambda: scraper.scrapes, what="a scrape")  # its connection stays, and is one of the sockets
        sockets = {name: sample(apps, name).sockets for name in samples}
        burst, _ = _start_load(apps.web_url, f"burst{seed}", BURST_SECONDS, BURST_RATE).communicate()
        load = _start_load(apps.web_url, f"soak{seed}", seconds, rate)
        try:
            while load.poll() is None:
                for name, taken in samples.items():
                    taken.append(sample(apps, name))
                largest_wal = max(largest_wal, (apps.data / "journal.sqlite3-wal").stat().st_size)
                time.sleep(min(seconds / 100, 1))  # the time between samples, nothing is waited for
        finally:
            load.kill()
            results, _ = load.communicate()
        for name, before in sockets.items():
            eventually(partial(_has_at_most, apps, name, before), what=f"as few sockets as before in {name}")
        *_, steady = counts = assert_all_is_there(apps, [burst, results], filled)
        scraper.end()
    assert not scraper.went_back
    assert largest_wal < MAX_WAL_BYTES, f"the write-ahead log grew to {largest_wal:,} bytes"
    held = [
        _judge(name, taken[: -int(len(taken) * DRAIN_SECONDS / (seconds + DRAIN_SECONDS)) or None])
        for name, taken in samples.items()
    ]
    return Figures(
        f"{seconds:,} s at {steady / seconds:,.0f} single trades/s over {CONNECTIONS} connections, 1,000 symbols",
        f"{'; '.join(held)}; write-ahead log at most {largest_wal / 2**20:.1f} MiB; {sum(counts):,} acknowledged,"
        " as many in the journal and in the metrics, volume and notional exact; integrity ok",
        {"acknowledged": sum(counts), "largest_wal_bytes": largest_wal, "went_back": len(scraper.went_back)},
    )


def _fill_ring(url: str, run: str) -> int:
    """Post batches until the web app's ring of recent rows is full: it is bounded, but grows until then. How many."""
    count = size = 0
    while size < TAIL_BYTES:
        numbers = range(count + 1, count + BATCH_TRADES + 1)
        batch = [trade(run, number) for number in numbers]
        answer = HTTP.post(f"{url}/trades", json=batch, timeout=60)
        assert answer.status_code == 201, answer.text
        count += BATCH_TRADES
        size += sum(len(one) for one in map(str, batch))
    return count


def trade(run: str, number: int) -> dict[str, str]:
    """The trade of that number that soak.lua makes."""
    return {
        "trade_id": f"{run}-{number}",
        "symbol": f"S{number % 1000:03}",
        "price": f"{100 + number % 500}.{number % 100:02}",
        "qty": f"0.{1 + number % 99:02}",
        "side": "sell" if number % 3 == 0 else "buy",
        "account": "soak",
    }


def _start_load(url: str, run: str, seconds: int, rate: int) -> subprocess.Popen[str]:
    script = Path(__file__).with_suffix(".lua")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds + DRAIN_SECONDS}s", "--timeout", "60s", "-s", str(script)]
    return subprocess.Popen([*command, url, "--", run, str(rate), str(seconds)], stdout=subprocess.PIPE, text=True)


def assert_all_is_there(apps: Apps, results: Sequence[str], filled: int) -> list[int]:
    """All that was acknowledged, each wrk's and the `filled` before, is in the journal and in the metrics, once, to the
    last digit. How many: `filled`, then by wrk.
    """
    runs = [tuple(map(int, one.partition("RESULT ")[2].split())) for one in results]
    assert all(acknowledged and not errors for acknowledged, errors in runs), results
    counts = [filled, *(count for count, _ in runs)]
    acknowledged = sum(counts)
    apps.wait_until_applied(acknowledged, seconds=60)
    own = HTTP.get(f"{apps.web_url}/metrics").text
    [accepted] = re.findall(r"^trading_app_trades_accepted_total (\S+)$", own, re.MULTILINE)
    assert float(accepted) == acknowledged, f"{accepted} accepted, {acknowledged} acknowledged"
    assert apps.state()["head"] == acknowledged
    shown: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for name, figure in apps.samples().items():
        if name.startswith(TOTALS):
            shown[name.partition("{")[0], "sell" if 'side="sell"' in name else "buy"] += Decimal(figure)
    totals = [expected_totals(count) for count in counts]
    assert shown == {key: sum((one[key] for one in totals), Decimal(0)) for key in totals[0]}
    doctor = subprocess.run(
        [BIN / "trading-app", "doctor"], env=apps.environment, capture_output=True, text=True, check=False
    )
    assert f"sound: {acknowledged:,} events, each exactly once" in doctor.stdout, doctor.stdout + doctor.stderr
    return counts


def expected_totals(trades: int) -> dict[tuple[str, str], Decimal]:
    """The three totals by side of the first trades that soak.lua makes, this number of them."""
    totals = {(name, side): Decimal(0) for name in TOTALS for side in ("buy", "sell")}
    for count in range(1, min(trades, CYCLE) + 1):
        times = (trades - count) // CYCLE + 1
        side = "sell" if count % 3 == 0 else "buy"
        price = 100 + count % 500 + Decimal(count % 100) / 100
        quantity = Decimal(1 + count % 99) / 100
        for name, figure in zip(TOTALS, (Decimal(1), quantity, price * quantity), strict=True):
            totals[name, side] += times * figure
    return totals


def sample(apps: Apps, name: str) -> Sample:
    """What it holds now, without the tables of keys: those are mapped, the disk's cache, and one more every few million
    trades.
    """
    process = Path(f"/proc/{apps.processes[name].pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    resident = int(status["RssAnon"].split()[0]) * 1024
    targets = []
    for link in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed since it was listed, and is not held
            targets.append(str(link.readlink()))
    sockets = sum(target.startswith("socket:") for target in targets)
    tables = sum("/keys-" in target for target in targets)
    return Sample(resident, len(targets) - sockets - tables, sockets, int(status["Threads"]))


def _has_at_most(apps: Apps, name: str, sockets: int) -> bool:
    return sample(apps, name).sockets <= sockets


def _judge(name: str, taken: list[Sample]) -> str:
    warm = taken[int(len(taken) * WARM_UP) :]
    early, late = warm[: len(warm) // 3], warm[-(len(warm) // 3) :]
    before = statistics.median(one.resident_bytes for one in early)
    after = statistics.median(one.resident_bytes for one in late)
    assert after <= before * (1 + GROWTH), f"{name} grew from {before:,} to {after:,} bytes"
    for what in ("files", "threads"):
        # The median: a snapshot being written has a file open.
        counts = [statistics.median(getattr(one, what) for one in part) for part in (early, late)]
        assert counts[0] == counts[1], f"{name}: {what} went from {counts[0]} to {counts[1]}"
    return f"{name} {before / 2**20:.1f} to {after / 2**20:.1f} MiB, {late[-1].threads} threads"
