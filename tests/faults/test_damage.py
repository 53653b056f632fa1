"""Damaged and exchanged files. `make torture PART="snapshot journal"` does the same many more times."""

from pathlib import Path

from tests.torture import damage

SEED = 20_261_121


def test_a_damaged_snapshot_costs_nothing_but_time(tmp_path: Path) -> None:
    print(damage.damage_snapshot(tmp_path, SEED, 4))


def test_an_exchanged_journal_is_noticed_and_shown(tmp_path: Path) -> None:
    print(damage.exchange_journal(tmp_path, SEED, 2))
