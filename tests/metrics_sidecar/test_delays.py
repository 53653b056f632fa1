"""Delays fall into the bucket whose bound they do not pass."""

import pytest

from metrics_sidecar.delays import BOUNDS_SECONDS, DelayHistogram


@pytest.mark.parametrize(
    ("delay_ns", "bucket"), [(-5, 0), (0, 0), (500_000, 0), (500_001, 1), (10_000_000_000, 13), (10_000_000_001, 14)]
)
def test_a_delay_is_counted_once_for_each_trade(delay_ns: int, bucket: int) -> None:
    delays = DelayHistogram()
    delays.observe(delay_ns, 3)
    assert delays.counts == [3 if place == bucket else 0 for place in range(len(BOUNDS_SECONDS) + 1)]
    assert delays.sum_ns == 3 * max(delay_ns, 0)
