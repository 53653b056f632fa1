"""A steady load for some seconds. `make torture PART=soak` does it for half an hour, at half of the top rate."""

from pathlib import Path

import pytest

from tests.torture import soak

SEED = 20_261_121


@pytest.mark.long
@pytest.mark.skipif(bool(soak.obstacle()), reason=soak.obstacle())
def test_nothing_grows_under_a_steady_load(tmp_path: Path) -> None:
    counts = soak.soak(tmp_path, SEED, 5, rate=2_000).counts
    assert counts["acknowledged"] > 0
    assert counts["largest_wal_bytes"] < soak.MAX_WAL_BYTES
    assert counts["went_back"] == 0
