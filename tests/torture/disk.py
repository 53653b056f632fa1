"""A disk that fails: errors at every kind of call that a commit makes, a disk that is full, and what is synced when."""

import http.client
import itertools
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support import faulty_app
from tests.support.apps import BIN, Apps, answers
from tests.support.audit import assert_journal_is_sound, audit, journaled
from tests.support.faulty_app import DiskCall, Fault
from tests.support.load import Acknowledgement, Bots, make_trade, post_batch
from tests.support.polling import eventually
from tests.torture.figures import Figures

BOTS = 6
FAILED = "the stream failed; exiting, the next start recovers"
START_FAILED = "can't start"


def sync_before_acknowledgement(folder: Path, seed: int, trades: int) -> Figures:
    """Record what goes to the disk, and when each answer is here: before it the trade was written and synced."""
    apps = Apps(folder)
    try:
        apps.start("trading-app", "faulty-app", **faulty_app.settings(folder))
        apps.wait_for("trading-app")
        with Bots(apps.web_port, BOTS, seed) as bots:
            bots.wait_for_more(trades, seconds=60 + trades / 10)
            bots.end()
        apps.stop_one("trading-app")
    finally:
        apps.end()
    calls = faulty_app.recorded(folder)
    assert_synced_before(calls, bots.acknowledged)
    syncs = sum((call.file, call.call) == ("wal", "sync") for call in calls)
    checkpoints = sum((call.file, call.call) == ("database", "sync") for call in calls)
    return Figures(
        f"{len(bots.acknowledged):,} trades of {BOTS} bots, {syncs:,} syncs, {checkpoints:,} checkpoints",
        "each trade was written and synced before its acknowledgement",
        {"acknowledged": len(bots.acknowledged), "syncs": syncs, "checkpoints": checkpoints},
    )


def assert_synced_before(calls: list[DiskCall], acknowledged: Mapping[str, Acknowledgement]) -> None:
    """Each acknowledged trade was first written to the log, then synced, then acknowledged; none after an error."""
    synced: dict[str, int] = {}
    written: list[str] = []
    for call in calls:
        if call.failed and call.call != "read":  # who only reads, as replays do, may fail without a commit's failing
            break
        if (call.file, call.call) == ("wal", "write"):
            written += call.trade_ids
        elif (call.file, call.call) == ("wal", "sync"):
            for trade_id in written:
                synced.setdefault(trade_id, call.ended_ns)
            written.clear()
    for trade_id, acknowledgement in acknowledged.items():
        assert trade_id in synced, f"{trade_id} was acknowledged, and not synced before the error"
        assert synced[trade_id] < acknowledgement.at_ns, f"{trade_id} was acknowledged before it was synced"


def failing_calls(folder: Path, seed: int, rounds: int) -> Figures:
    """Let one call fail, another each time; the app ends with 1 and says why, and is right after its restart."""
    chance = random.Random(seed)
    calls = _calls_without_fault(folder / "none", seed)
    faults = list(itertools.islice(_faults(calls, chance), rounds))
    reached: Counter[str] = Counter()
    for number, fault in enumerate(faults):
        if fail(folder / f"fault-{number}", seed + number, fault):
            reached[f"{fault.file} {fault.call}"] += 1
        shutil.rmtree(folder / f"fault-{number}")
    listed = ", ".join(f"{kind} {count}" for kind, count in sorted(reached.items()))
    return Figures(
        f"{reached.total()} errors (ENOSPC, EIO) at calls of a commit or a start: {listed}",
        "exit code 1 and one clear line each time, no acknowledgement after the error, all right after the restart",
    )


def _calls_without_fault(folder: Path, seed: int) -> Counter[tuple[str, str]]:
    folder.mkdir()
    apps = Apps(folder)
    try:
        apps.start("trading-app", "faulty-app", **faulty_app.settings(folder))
        apps.wait_for("trading-app")
        with Bots(apps.web_port, BOTS, seed) as bots:
            bots.wait_for_more(300)
            bots.end()
        calls = faulty_app.recorded(folder)  # those of a clean end are no commit's
    finally:
        apps.end()
    return Counter((call.file, call.call) for call in calls)


def _faults(calls: Counter[tuple[str, str]], chance: random.Random) -> Iterator[Fault]:
    """Faults without end: round after round one at each kind of call."""
    while True:
        for file, call in sorted(calls):
            number = chance.randint(1, max(calls[file, call] // 2, 1))
            yield Fault(file, call, number, chance.choice(("ENOSPC", "EIO") if call == "write" else ("EIO",)))


def fail(folder: Path, seed: int, fault: Fault) -> bool:
    """Whether the fault was met. Fails where anything is not as promised."""
    folder.mkdir()
    apps = Apps(folder, LOG_FORMAT="json")
    try:
        apps.start("metrics-sidecar")
        apps.start("trading-app", "faulty-app", **faulty_app.settings(folder, fault))
        web = apps.processes["trading-app"]
        eventually(lambda: answers(f"{apps.web_url}/readyz") or web.poll() is not None, what="ready, or ended")
        with Bots(apps.web_port, BOTS, seed) as bots:
            eventually(lambda: len(bots.acknowledged) > 1_000 or web.poll() is not None, 60, f"an end by {fault}")
            met = web.poll() is not None
            if met:
                assert web.poll() == 1, f"{fault}: exit code {web.poll()}"
                said = apps.log("trading-app").read_text()
                assert said.count(FAILED) + said.count(START_FAILED) == 1, f"{fault}: {said}"
                assert "Traceback" not in said, f"{fault}: {said}"
            else:
                apps.stop_one("trading-app")
            restarted_ns = time.monotonic_ns()
            apps.start("trading-app")
            bots.wait_for_more(BOTS)
            bots.end(give_up=True)
        before = {name: listed for name, listed in bots.acknowledged.items() if listed.at_ns < restarted_ns}
        assert_synced_before(faulty_app.recorded(folder), before)
        audit(apps, bots)
        return met
    finally:
        apps.end()


MIN_MEGABYTES = 10
"""Eight are for the first table of keys, and the disk shall be full when a commit needs room, not before the first."""


def full_disk(folder: Path, seed: int, megabytes: int = MIN_MEGABYTES) -> Figures:
    """Fill a small file system of its own until a commit fails; then make it larger, and start again.

    It is mounted in a mount namespace, which ends with the shell that made it.
    """
    megabytes = max(megabytes, MIN_MEGABYTES)
    apps = Apps(folder)
    apps.data.mkdir()
    script = f"""
    mount -t tmpfs -o size={megabytes}m tmpfs "$DATA_DIR" || exit 99
    "{BIN}/trading-app"; echo "$?" > exit-code
    mount -o remount,size={megabytes + 200}m "$DATA_DIR"
    exec "{BIN}/trading-app"
    """
    # With a process namespace too, the app ends when this command is killed.
    namespace = ["unshare", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child"]
    chance = random.Random(seed)
    accepted = 0
    try:
        apps.start("trading-app", [*namespace, "sh", "-c", script])
        eventually(lambda: answers(f"{apps.web_url}/healthz"), what="the web app up")
        with Bots(apps.web_port, 2, seed) as bots:
            for number in itertools.count():
                try:
                    batch = [make_trade(f"fill{seed}-{number}-{index}", chance) for index in range(1_000)]
                    accepted += post_batch(apps.web_port, batch)["accepted"]
                except (AssertionError, OSError, http.client.HTTPException):
                    break
            eventually((folder / "exit-code").exists, what="an end")
            eventually(lambda: answers(f"{apps.web_url}/readyz"), what="the web app up again")
            bots.wait_for_more(10)
            bots.end()
        apps.start("metrics-sidecar", DATA_DIR=str(folder / "sidecar"))
        head = max(acknowledgement.sequence for acknowledgement in bots.acknowledged.values())
        apps.wait_until_applied(head)
        assert (folder / "exit-code").read_text().strip() == "1"
        assert apps.log("trading-app").read_text().count(FAILED) == 1
        inside = Path(f"/proc/{apps.processes['trading-app'].pid}/root") / apps.data.relative_to("/")
        shutil.copytree(inside, folder / "copy")  # nobody writes now
    finally:
        apps.end()
    assert_journal_is_sound(folder / "copy")
    ids = [trade["trade_id"] for trade in journaled(folder / "copy")]
    assert len(set(ids)) == len(ids)
    assert bots.acknowledged.keys() <= set(ids)
    filled = sum(trade_id.startswith("fill") for trade_id in ids)
    assert 0 < accepted <= filled <= accepted + 1_000
    return Figures(
        f"a file system of {megabytes} MiB, filled by {accepted:,} trades",
        "exit code 1 and one clear line, nothing lost or double after it was made larger",
        {
            "accepted": accepted,
            "lost": len(bots.acknowledged.keys() - set(ids)),
            "doubled": len(ids) - len(set(ids)),
            "exit_code": int((folder / "exit-code").read_text()),
        },
    )


def namespaces_work() -> bool:
    """Whether a mount namespace can be made here."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
