"""How many connections a limit of open files allows."""

import pytest

from service_kit.lifecycle.descriptors import MIN_OTHER_FILES, connections_within


@pytest.mark.parametrize(
    ("descriptors", "wanted", "served"),
    [(1_256, 1_000, 1_000), (1_024, 1_000, 828), (256, 1_000, 80), (128, 1_000, 16), (96, 1_000, 0), (20, 10, 0)],
)
def test_connections_leave_descriptors_for_files_and_refused_clients(
    descriptors: int, wanted: int, served: int
) -> None:
    assert connections_within(descriptors, wanted) == served


def test_more_descriptors_never_allow_fewer_connections_and_there_are_always_enough() -> None:
    before = 0
    for descriptors in range(2_000):
        served = connections_within(descriptors, 1_000)
        assert before <= served <= 1_000
        assert not served or served + min(served, 100) + MIN_OTHER_FILES <= descriptors + 1
        before = served
