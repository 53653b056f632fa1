"""Files that are imported while the app is killed. `make torture PART="import export"` does it many more times."""

from pathlib import Path

import pytest

from tests.torture import exporting, importing


@pytest.mark.long
def test_each_row_of_a_file_is_taken_once_whenever_the_app_is_killed(tmp_path: Path) -> None:
    figures = importing.files(tmp_path, seed=3, count=1)
    assert figures.counts["kills"] == 1


@pytest.mark.long
def test_an_export_gives_another_app_the_same_figures_whatever_is_killed(tmp_path: Path) -> None:
    figures = exporting.round_trips(tmp_path, seed=3, count=2)
    assert figures.counts["kills"] == 4
