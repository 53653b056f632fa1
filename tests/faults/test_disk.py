"""A disk that fails or is full. `make torture PART="sync disk-errors disk-full"` does the same many more times."""

import random
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from telemetry_stream.events import Event, Submission
from telemetry_stream.stores.sqlite.journal import Journal
from tests.support import faulty_app
from tests.support.apps import BIN, answers
from tests.support.faulty_app import Fault
from tests.support.polling import eventually
from tests.torture import disk
from tests.trading_app.running import RunningApp, running, settings_for
from trading_history.schema import DATABASE
from trading_history.writer import HistoryWriter

SEED = 20_261_121
needs_mounts = pytest.mark.skipif(not disk.namespaces_work(), reason="no mount namespace can be made here")


def test_a_sync_precedes_each_acknowledgement(tmp_path: Path) -> None:
    counts = disk.sync_before_acknowledgement(tmp_path, SEED, 400).counts
    assert counts["acknowledged"] >= 400
    assert 0 < counts["syncs"] <= counts["acknowledged"]


@pytest.mark.long
@pytest.mark.parametrize(
    "fault",
    [
        Fault("wal", "sync", 20, "EIO"),
        Fault("database", "sync", 3, "EIO"),  # of a checkpoint: its commit is durable, and still not acknowledged
        Fault("database", "write", 1, "ENOSPC"),  # of the start
        Fault("wal", "read", 3, "EIO"),  # of a reader, at the start
    ],
    ids=str,
)
def test_no_trade_is_acknowledged_after_an_error(tmp_path: Path, fault: Fault) -> None:
    assert disk.fail(tmp_path / "fault", SEED, fault)


def test_a_start_whose_last_read_fails_says_why_in_one_line(tmp_path: Path) -> None:
    """The last reads of a start are those of the instruments."""
    with running(tmp_path):
        pass  # it leaves a journal
    last = start(tmp_path, "without")
    for number in (last - 1, last):
        assert start(tmp_path, f"fault-{number}", Fault("database", "read", number, "EIO")) == number


def start(folder: Path, name: str, fault: Fault | None = None) -> int:
    """Start the app with a copy of the journal. Returns the number of reads until it is ready or has ended."""
    copy = folder / name
    shutil.copytree(folder / "data", copy / "data")
    app = RunningApp(copy, "faulty-app", LOG_FORMAT="json", **faulty_app.settings(copy, fault))
    try:
        eventually(lambda: app.process.poll() is not None or answers(f"{app.url}/readyz"), what="ready, or ended")
        reads = [call for call in faulty_app.recorded(copy) if (call.file, call.call) == ("database", "read")]
        failed = [number for number, call in enumerate(reads, 1) if call.failed]
        if failed:
            assert app.wait() == 1
            said = [line["event"] for line in app.log_lines()]
            assert said.count(disk.FAILED) + said.count(disk.START_FAILED) == 1, f"{fault}: {said}"
        return failed[0] if failed else len(reads)
    finally:
        app.end()


ON_A_SMALL_DISK = """
mount -t tmpfs -o size=1m tmpfs "$0" || exit 99
"$@" 2>&1; echo "exit code $?"
find "$0" -type f
"""


@needs_mounts
def test_what_does_not_fit_on_a_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    data, target = tmp_path / "data", tmp_path / "target"
    target.mkdir()
    chance = random.Random(SEED)
    with closing(Journal(data)) as journal:
        for number in range(40):
            journal.append([Submission([Event(f"e{number}", b'{"x":"%b"}' % chance.randbytes(50_000).hex().encode())])])
    HistoryWriter(data).close()
    with closing(DATABASE.open_to_write(data)) as connection:
        connection.executemany(
            "INSERT INTO checkpoints VALUES (?, '', ?)", [(number, chance.randbytes(50_000)) for number in range(40)]
        )
    for program, copy, named in (
        ("trading-app", target / "copy", "copy.unfinished"),
        ("trading-analytics", target / "copies", "history.sqlite3.part"),
    ):
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK]
        done = subprocess.run(
            [*command, target, BIN / program, "backup", copy],
            env=settings_for(tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
        said, code = done.stdout.splitlines()
        assert f"{named} can't grow, its disk is full: free some space" in said
        assert code == "exit code 1"


@pytest.mark.long
@needs_mounts
def test_a_full_disk_ends_the_app_and_costs_no_trade(tmp_path: Path) -> None:
    counts = disk.full_disk(tmp_path, SEED).counts
    assert counts["accepted"] > 0
    assert (counts["exit_code"], counts["lost"], counts["doubled"]) == (1, 0, 0)
