"""Which connections stay when there are too many."""

import random

import pytest

from service_kit.connection.admission import MIN_SHARE, SHARE, Admission

LIMIT = 100
STRANGERS = LIMIT // SHARE


def filled(*networks: str, trusted: bool = False) -> Admission[str]:
    """The connections `NETWORK-0`, `NETWORK-1` … of each network, as many as there are networks named."""
    admission: Admission[str] = Admission(LIMIT)
    for number, network in enumerate(networks):
        connection = f"{network}-{number}"
        assert admission.enter(connection, network).admitted
        if trusted:
            admission.trust(connection)
    return admission


def test_an_address_has_a_share_before_a_credential_and_its_oldest_makes_room() -> None:
    admission = filled(*["a"] * STRANGERS)
    assert admission.enter("next", "a") == (True, "a-0", "address_share")
    assert admission.open == STRANGERS
    assert admission.enter("other", "b") == (True, None, "")


def test_one_with_a_credential_counts_in_no_share_and_makes_no_room() -> None:
    admission = filled(*["a"] * STRANGERS, trusted=True)
    assert admission.enter("next", "a") == (True, None, "")


def test_without_room_the_oldest_stranger_of_the_address_with_the_most_makes_room() -> None:
    admission = filled(*["few"] * 5, *(f"n{number}" for number in range(LIMIT - 15)), *["many"] * 10)
    assert admission.open == LIMIT
    assert admission.enter("next", "new") == (True, f"many-{LIMIT - 10}", "no_room")
    assert admission.open == LIMIT


def test_strangers_of_an_address_that_showed_a_credential_make_room_last() -> None:
    admission = filled(*["desk"] * 20, *(f"n{number}" for number in range(LIMIT - 20)))
    admission.trust("desk-0")
    decision = admission.enter("next", "new")
    assert decision.reason == "no_room"
    assert not str(decision.evicted).startswith("desk")


def test_without_a_stranger_a_new_connection_is_refused() -> None:
    admission = filled(*["a"] * (LIMIT // 2), trusted=True)
    for number in range(LIMIT // 2):
        admission.enter(f"b-{number}", "b")
        admission.trust(f"b-{number}")
    assert admission.enter("next", "c") == (False, None, "")
    admission.leave("b-0")
    assert admission.enter("next", "c").admitted


def test_leaving_twice_and_trusting_one_that_left_change_nothing() -> None:
    admission = filled("a", "b")
    admission.leave("a-0")
    admission.leave("a-0")
    admission.trust("a-0")
    assert admission.open == 1


@pytest.mark.parametrize(("limit", "share"), [(1, 1), (10, 10), (32, MIN_SHARE), (1_000, 250)])
def test_a_share_is_a_quarter_but_enough_for_a_browser(limit: int, share: int) -> None:
    assert Admission[str](limit).max_strangers == share


def test_whatever_comes_and_goes_the_limits_hold_and_nothing_is_left_over() -> None:
    chance, admission, connections = random.Random(7), Admission[int](LIMIT), set[int]()
    for number in range(20_000):
        step = chance.random()
        if step < 0.6:
            decision = admission.enter(number, f"n{chance.randrange(30)}")
            connections.discard(decision.evicted if decision.evicted is not None else -1)
            if decision.admitted:
                connections.add(number)
        elif connections:
            one = chance.choice(sorted(connections))
            if step < 0.7:
                admission.trust(one)
            else:
                admission.leave(one)
                connections.remove(one)
        assert admission.open == len(connections) <= LIMIT
    for one in connections:
        admission.leave(one)
    assert admission.open == 0
    assert admission._strangers == {}
