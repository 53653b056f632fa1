"""Files that are imported while the app is killed. `make torture PART=import` does the same many more times."""

from pathlib import Path

import pytest

from tests.torture import importing


@pytest.mark.long
def test_each_row_of_a_file_is_taken_once_whenever_the_app_is_killed(tmp_path: Path) -> None:
    figures = importing.files(tmp_path, seed=3, count=1)
    assert figures.counts["kills"] == 1
