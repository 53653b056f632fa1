"""Ids of a venue are recognised by their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_stream.id_spaces import MAX_GAPS, IdSpace, split_key


@given(st.integers(0, 50), st.lists(st.integers(0, 60)))
def test_it_knows_what_a_set_of_all_ids_since_the_first_knows(first: int, numbers: list[int]) -> None:
    space, seen = IdSpace(first), set(range(first + 1))
    for number in numbers:
        assert space.claim(number) is (number not in seen)
        seen.add(number)
        missing = {missing for a, b in space.gaps for missing in range(a, b + 1)}
        assert missing == set(range(space.head + 1)) - seen
        assert space.gaps == sorted(space.gaps)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 9))))
def test_a_run_is_taken_as_its_ids_are_or_not_at_all(runs: list[tuple[int, int]]) -> None:
    space, one_by_one = IdSpace(5), IdSpace(5)
    for first, count in runs:
        if space.claim_run(first, first + count - 1):
            assert all(one_by_one.claim(number) for number in range(first, first + count))
        assert space == one_by_one


def test_missing_ids_are_named_as_ranges() -> None:
    space = IdSpace(10)
    for number in (15, 20, 13):
        assert space.claim(number)
    assert space.gaps == [(11, 12), (14, 14), (16, 19)]
    assert space.missing_between(12, 17) == [(12, 12), (14, 14), (16, 17)]
    assert space.missing_between(21, 30) == []


def test_of_too_many_gaps_the_oldest_is_given_up() -> None:
    space = IdSpace(0)
    for number in range(2, 2 * MAX_GAPS + 4, 2):
        assert space.claim(number)
    assert len(space.gaps) == MAX_GAPS
    assert not space.claim(1)
    assert space.claim(2 * MAX_GAPS + 1)


def test_a_key_is_a_space_and_an_id() -> None:
    assert split_key("binance/trade/BTC#USDT#0042") == ("binance/trade/BTC#USDT", 42)


@pytest.mark.parametrize("key", ["", "5", "#5", "a#", "a#-1", "a#1.5", "a#٣", "a#9999999999999999999"])
def test_another_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="does not end in #ID"):
        split_key(key)


def test_ids_that_are_skipped_are_missing_until_they_are_claimed() -> None:
    space = IdSpace(5)
    space.skip(8)
    assert (space.head, space.gaps) == (8, [(6, 8)])
    assert [space.claim(number) for number in (7, 7, 8, 9)] == [True, False, True, True]
    assert space.missing_between(1, 9) == [(6, 6)]
