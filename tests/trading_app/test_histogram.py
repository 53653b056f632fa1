"""Times that are counted together are counted as one by one."""

from hypothesis import given
from hypothesis import strategies as st

from trading_app.metrics import SECONDS_BUCKETS, Histogram


@given(now=st.floats(20, 1e6), lasted=st.lists(st.floats(0, 20), max_size=30))
def test_times_counted_together_are_counted_as_one_by_one(now: float, lasted: list[float]) -> None:
    began = sorted(now - seconds for seconds in lasted)
    together, singly = Histogram(SECONDS_BUCKETS), Histogram(SECONDS_BUCKETS)
    together.observe_until(now, began)
    for began_at in began:
        singly.observe(now - began_at)
    close = any(abs(now - began_at - bound) < 1e-9 for began_at in began for bound in SECONDS_BUCKETS)
    assert close or together.counts == singly.counts
    assert sum(together.counts) == len(lasted)
    assert abs(together.total - singly.total) < 1e-6
    assert min(together.counts) >= 0
