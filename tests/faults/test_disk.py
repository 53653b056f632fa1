"""A disk that fails or is full. `make torture PART="sync disk-errors disk-full"` does the same many more times."""

from pathlib import Path

import pytest

from tests.support.faulty_app import Fault
from tests.torture import disk

SEED = 20_261_121


def test_a_sync_precedes_each_acknowledgement(tmp_path: Path) -> None:
    counts = disk.sync_before_acknowledgement(tmp_path, SEED, 400).counts
    assert counts["acknowledged"] >= 400
    assert 0 < counts["syncs"] <= counts["acknowledged"]


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


@pytest.mark.skipif(not disk.namespaces_work(), reason="no mount namespace can be made here")
def test_a_full_disk_ends_the_app_and_costs_no_trade(tmp_path: Path) -> None:
    counts = disk.full_disk(tmp_path, SEED).counts
    assert counts["accepted"] > 0
    assert (counts["exit_code"], counts["lost"], counts["doubled"]) == (1, 0, 0)
