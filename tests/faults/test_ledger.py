"""All kinds of events through the real programs, while both are killed."""

from pathlib import Path

import pytest

from tests.torture import instruments, ledger


def test_all_figures_equal_the_oracles_whatever_is_killed(tmp_path: Path) -> None:
    figures = ledger.through_processes(tmp_path, seed=7, count=150)
    assert figures.counts["kills"] == 2
    assert figures.counts["refused"] < 15


@pytest.mark.long
def test_what_symbols_are_changes_under_load_whatever_is_killed(tmp_path: Path) -> None:
    figures = instruments.under_load(tmp_path, seed=7, count=15)
    assert figures.counts["kills"] == 3
    assert figures.counts["changes"] > 8
