"""A real Prometheus over restarts of the sidecar. `make torture PART=prometheus` does it more often."""

from pathlib import Path

import pytest

from tests.infra.prometheus import needs_prometheus
from tests.torture import prometheus

SEED = 20_261_121


@pytest.mark.long
@needs_prometheus
def test_a_restart_is_not_a_reset_and_increase_counts_the_trades(tmp_path: Path) -> None:
    counts = prometheus.restarts(tmp_path, SEED, 2).counts
    assert (counts["restarts"], counts["resets"]) == (2, 0)
    assert counts["rise"] == counts["accepted"] > 0
