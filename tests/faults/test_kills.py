"""kill -9 under load. `make torture PART="kill-web kill-sidecar kill-both"` does the same many more times."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.torture import kills
from tests.torture.figures import Figures

SEED = 20_261_121


# Both in random order: tests/system/test_promise.py.
@pytest.mark.long
@pytest.mark.parametrize(("campaign", "count"), [(kills.kill_web_app, 2), (kills.kill_sidecar, 3)])
def test_nothing_is_lost_or_counted_twice(
    tmp_path: Path, campaign: Callable[[Path, int, int], Figures], count: int
) -> None:
    counts = campaign(tmp_path, SEED, count).counts
    assert counts["kills"] == count
    assert counts["acknowledged"] > 0
    assert (counts["lost"], counts["doubled"], counts["went_back"]) == (0, 0, 0)
