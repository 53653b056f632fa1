"""Those who guess tokens are slowed, and nobody else."""

import pytest

from service_kit.access.token_throttle import (
    MAX_NETWORKS,
    MAX_RIGHT,
    MAX_WRONG,
    WINDOW_SECONDS,
    TokenThrottle,
    network_of,
)
from tests.support.clock import ManualClock

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def guesser(clock: ManualClock) -> TokenThrottle:
    """One that HERE has made as many wrong guesses as it may, a second apart."""
    throttle = TokenThrottle(clock)
    for number in range(MAX_WRONG):
        assert throttle.wait(HERE, b"next") == 0
        assert throttle.note_wrong(HERE, b"%d" % number)
        clock.now += 1
    return throttle


def test_after_a_few_wrong_tokens_an_address_waits_and_no_other(guesser: TokenThrottle) -> None:
    assert guesser.wait(HERE, b"next") == WINDOW_SECONDS - MAX_WRONG
    assert guesser.wait(THERE, b"next") == 0


def test_one_more_guess_is_free_each_time_one_is_a_minute_old(guesser: TokenThrottle, clock: ManualClock) -> None:
    clock.now += guesser.wait(HERE, b"next")
    assert guesser.wait(HERE, b"next") == 0
    guesser.note_wrong(HERE, b"next")
    assert guesser.wait(HERE, b"another") == 1
    clock.now += WINDOW_SECONDS
    assert guesser.wait(HERE, b"another") == 0


def test_a_repeated_wrong_token_is_not_a_new_guess() -> None:
    throttle = TokenThrottle(ManualClock())
    assert [throttle.note_wrong(HERE, b"old") for _ in range(20)] == [True] + 19 * [False]
    assert throttle.wait(HERE, b"next") == 0


def test_a_token_that_was_right_before_from_the_address_is_accepted_while_it_waits(guesser: TokenThrottle) -> None:
    guesser.note_right(HERE, b"right")
    guesser.note_right(THERE, b"right there")
    assert guesser.wait(HERE, b"right") == 0
    assert guesser.wait(HERE, b"right there") > 0


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_caller_is_its_64_bit_network(host: str, network: str) -> None:
    assert network_of(host) == network


def test_remembered_tokens_and_networks_are_bounded(guesser: TokenThrottle) -> None:
    for number in range(MAX_NETWORKS):
        guesser.note_wrong(f"host-{number}", b"wrong")
    assert len(guesser._wrong) == MAX_NETWORKS
    assert guesser.wait(HERE, b"next") == 0  # the oldest gave way
    for number in range(MAX_RIGHT + 10):
        guesser.note_right(HERE, b"%d" % number)
    assert len(guesser._right) == MAX_RIGHT


def test_a_minute_without_a_guess_leaves_nothing_behind(guesser: TokenThrottle, clock: ManualClock) -> None:
    clock.now += WINDOW_SECONDS
    assert guesser.wait(HERE, b"next") == 0
    assert not guesser._wrong
