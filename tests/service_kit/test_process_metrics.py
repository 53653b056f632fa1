"""The process as the system sees it."""

import os
import sys
import time
from pathlib import Path

import pytest

from service_kit.metrics.process import PYTHON, process_families


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_figures_are_those_of_this_process() -> None:
    before = sum(os.times()[:2]) - 0.01  # both are sums of hundredths, of which binary floats round some
    values = {family.metric.name: float(value) for family in process_families() for _, value in family.samples}
    assert before <= values["process_cpu_seconds_total"] <= sum(os.times()[:2]) + 0.01
    assert 1_000_000 < values["process_resident_memory_bytes"] < values["process_virtual_memory_bytes"]
    assert 0 < time.time() - values["process_start_time_seconds"] < 3600
    assert 3 <= values["process_open_fds"] <= values["process_max_fds"]


def test_without_proc_there_are_none(tmp_path: Path) -> None:
    assert [family.metric for family in process_families(tmp_path)] == [PYTHON]
