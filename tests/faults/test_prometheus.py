"""A real Prometheus over restarts of the sidecar. `make torture PART=prometheus` does it more often."""

from pathlib import Path

from tests.infra.prometheus import needs_prometheus
from tests.torture import prometheus

SEED = 20_261_121


@needs_prometheus
def test_restarts_are_no_resets_and_increase_tells_what_came(tmp_path: Path) -> None:
    counts = prometheus.restarts(tmp_path, SEED, 2).counts
    assert (counts["restarts"], counts["resets"]) == (2, 0)
    assert counts["rise"] == counts["accepted"] > 0
