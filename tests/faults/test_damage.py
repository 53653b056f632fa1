"""Damaged and exchanged files. `make torture PART="snapshot journal"` does the same many more times."""

from pathlib import Path

import pytest

from tests.torture import damage

SEED = 20_261_121


@pytest.mark.long
def test_a_damaged_snapshot_costs_nothing_but_time(tmp_path: Path) -> None:
    counts = damage.damage_snapshot(tmp_path, SEED, 4).counts
    assert counts == {"rounds": 4, "unusable": 2}, "of the others one is of another stream, one deleted"


@pytest.mark.long
def test_an_exchanged_journal_is_noticed_and_shown(tmp_path: Path) -> None:
    assert damage.exchange_journal(tmp_path, SEED, 2).counts == {"rounds": 2, "new_beginnings": 2}
