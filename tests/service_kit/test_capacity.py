"""A capacity admits up to its limit, and again what was released."""

import pytest

from service_kit.capacity import Capacity


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_it_admits_up_to_the_limit_and_no_more(limit: int) -> None:
    capacity = Capacity(limit)
    assert [capacity.take() for _ in range(limit + 2)] == [True] * limit + [False] * 2
    assert (capacity.used, capacity.full) == (limit, True)


def test_what_was_released_can_be_taken_again() -> None:
    capacity = Capacity(1)
    assert capacity.take()
    capacity.release()
    assert not capacity.full
    assert capacity.take()
