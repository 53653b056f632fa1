"""Times that are counted together are counted as one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_kit.metrics.histogram import BOUNDS_NS, BOUNDS_SECONDS, Histogram


@given(now=st.floats(20, 1e6), lasted=st.lists(st.floats(0, 20), max_size=30))
def test_times_counted_together_are_counted_as_one_by_one(now: float, lasted: list[float]) -> None:
    began = sorted(now - seconds for seconds in lasted)
    together, singly = Histogram(BOUNDS_SECONDS), Histogram(BOUNDS_SECONDS)
    together.observe_until(now, began)
    for began_at in began:
        singly.observe(now - began_at)
    close = any(abs(now - began_at - bound) < 1e-9 for began_at in began for bound in BOUNDS_SECONDS)
    assert close or together.counts == singly.counts
    assert sum(together.counts) == len(lasted)
    assert abs(together.total - singly.total) < 1e-6
    assert min(together.counts) >= 0


@pytest.mark.parametrize(
    ("nanoseconds", "bucket"), [(0, 0), (500_000, 0), (500_001, 1), (10_000_000_000, 13), (10_000_000_001, 14)]
)
def test_an_observation_is_counted_up_to_and_including_its_bound(nanoseconds: int, bucket: int) -> None:
    histogram = Histogram(BOUNDS_NS)
    histogram.observe(nanoseconds, 3)
    assert histogram.counts == [3 if place == bucket else 0 for place in range(len(BOUNDS_NS) + 1)]
    assert (histogram.total, type(histogram.total)) == (3 * nanoseconds, int)
