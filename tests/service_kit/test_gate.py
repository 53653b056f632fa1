"""The access sequence that all programs share: foreign host, missing, wrong and right tokens, missing scope."""

import pytest

from service_kit.access.gate import Gate
from service_kit.access.hosts import HOST_OF_A_CONTAINER
from service_kit.access.token_throttle import MAX_WRONG, WINDOW_SECONDS
from service_kit.access.tokens import EVERY_SCOPE, entry_text, mint
from service_kit.problems import Problem
from tests.support.clock import ManualClock

HERE, THERE = "192.0.2.1", "192.0.2.2"
STRONG, PLAIN, SHORT = mint(), "a plain token of twenty-two and more", "twenty-one-characters"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def gate(clock: ManualClock) -> Gate:
    entries = [entry_text(STRONG, frozenset({"read"})), PLAIN, entry_text(SHORT, frozenset({"read"}))]
    return Gate("a-program", "A_PROGRAM_TOKENS", entries, clock, ("desk.example",))


def refused(gate: Gate, token: str, address: str = HERE) -> Problem:
    with pytest.raises(Problem) as problem:
        gate.identify(token.encode(), address)
    return problem.value


def guess(gate: Gate, address: str = HERE) -> None:
    for number in range(MAX_WRONG):
        assert refused(gate, f"guess-{number}", address).code == "unauthorized"


def test_a_right_token_opens_what_its_entry_says(gate: Gate) -> None:
    assert gate.identify(STRONG.encode(), HERE) == {"read"}
    assert gate.identify(PLAIN.encode(), HERE) == EVERY_SCOPE


def test_without_a_token_the_answer_names_the_header_and_the_setting(gate: Gate) -> None:
    problem = refused(gate, "")
    assert (problem.code, problem.headers["WWW-Authenticate"]) == ("unauthorized", 'Bearer realm="a-program"')
    assert "Authorization: Bearer" in problem.detail
    assert "A_PROGRAM_TOKENS" in problem.detail
    for _ in range(2 * MAX_WRONG):
        assert refused(gate, "").code == "unauthorized", "no token is not a guess"


def test_a_strong_token_is_recognised_whatever_others_guessed(gate: Gate) -> None:
    guess(gate)
    assert gate.identify(STRONG.encode(), HERE) == {"read"}
    problem = refused(gate, STRONG[:-1] + "~")
    assert (problem.code, problem.retry_after) == ("too_many_attempts", WINDOW_SECONDS)


@pytest.mark.parametrize("weak", [PLAIN, SHORT], ids=["plain", "hashed, under 128 bits"])
def test_a_weak_token_and_a_wrong_one_get_the_same_answer_while_their_network_waits(gate: Gate, weak: str) -> None:
    guess(gate)
    right, wrong = refused(gate, weak), refused(gate, weak[:-1] + "~")
    assert (right.code, right.detail, right.retry_after, right.headers) == (
        wrong.code, wrong.detail, wrong.retry_after, wrong.headers,
    )  # fmt: skip
    assert gate.identify(weak.encode(), THERE)


def test_a_weak_token_known_from_an_address_is_accepted_there(gate: Gate, clock: ManualClock) -> None:
    assert gate.identify(PLAIN.encode(), HERE)
    guess(gate)
    assert gate.identify(PLAIN.encode(), HERE)
    assert refused(gate, SHORT).code == "too_many_attempts"
    clock.now += WINDOW_SECONDS
    assert gate.identify(SHORT.encode(), HERE)


def test_a_token_that_stands_plain_and_hashed_counts_as_weak(clock: ManualClock) -> None:
    gate = Gate("a-program", "KEY", [entry_text(PLAIN, frozenset({"read"})), PLAIN], clock)
    guess(gate)
    assert refused(gate, PLAIN).code == "too_many_attempts"


def test_a_refused_attempt_slows_the_next_and_keeps_its_reason(gate: Gate) -> None:
    problem = gate.refusal(gate.attempt(b"an.id.token", HERE), "it has expired")
    assert problem.detail == "it has expired"
    assert 'error="invalid_token"' in problem.headers["WWW-Authenticate"]


def test_a_missing_scope_is_named(gate: Gate) -> None:
    gate.require_scope("read", frozenset({"read"}))
    with pytest.raises(Problem) as missing:
        gate.require_scope("admin", frozenset({"ingest", "read"}))
    assert missing.value.code == "forbidden"
    assert missing.value.detail == "the scope admin is needed; this token has ingest, read"
    assert 'error="insufficient_scope", scope="admin"' in missing.value.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", ["/metrics", "/state"])
def test_a_foreign_host_is_refused_and_the_container_name_is_for_scrapes_only(gate: Gate, path: str) -> None:
    for own in (b"localhost:8001", b"", b"desk.example:443"):
        gate.require_own_host(path, own, "A_PROGRAM_TOKENS")
    with pytest.raises(Problem, match="A_PROGRAM_TOKENS") as foreign:
        gate.require_own_host(path, b"evil.example", "A_PROGRAM_TOKENS")
    assert foreign.value.code == "foreign_host"
    container = HOST_OF_A_CONTAINER.encode()
    if path == "/metrics":
        gate.require_own_host(path, container, "A_PROGRAM_TOKENS")
    else:
        with pytest.raises(Problem):
            gate.require_own_host(path, container, "A_PROGRAM_TOKENS")
