"""A disk that fails or is full. `make torture PART="sync disk-errors disk-full"` does the same many more times."""

import shutil
from pathlib import Path

import pytest

from tests.support import faulty_app
from tests.support.apps import answers
from tests.support.faulty_app import Fault
from tests.support.polling import eventually
from tests.torture import disk
from tests.trading_app.running import RunningApp, running

SEED = 20_261_121


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


@pytest.mark.long
@pytest.mark.skipif(not disk.namespaces_work(), reason="no mount namespace can be made here")
def test_a_full_disk_ends_the_app_and_costs_no_trade(tmp_path: Path) -> None:
    counts = disk.full_disk(tmp_path, SEED).counts
    assert counts["accepted"] > 0
    assert (counts["exit_code"], counts["lost"], counts["doubled"]) == (1, 0, 0)
