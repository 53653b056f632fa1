"""What clients send and leave behind costs no memory: bodies broken off, in crumbs, or larger than is taken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.polling import eventually
from tests.trading_app.raw_http import TRADE, Answer, connected, post
from tests.trading_app.running import RunningApp, running

LARGE = 4_000_000

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[RunningApp]:
    with running(tmp_path) as app:
        yield app


def test_bodies_that_were_broken_off_are_let_go(app: RunningApp) -> None:
    request = post("/trade", TRADE + b" " * LARGE)[:-1]
    before = app.max_resident_bytes()
    for _ in range(30):
        with connected(app.port) as connection:
            connection.send(request)
    with connected(app.port) as connection:
        connection.send(post("/trade", TRADE))
        assert connection.answer().status == 201
    assert app.max_resident_bytes() - before < 10 * LARGE


def test_a_body_in_crumbs_takes_no_more_memory_than_in_one(app: RunningApp) -> None:
    crumbs = b"1\r\n \r\n" * 500_000
    lines = ("POST /trade HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked")
    head = "".join(f"{line}\r\n" for line in (*lines, ""))
    before = app.max_resident_bytes()
    with connected(app.port) as connection:
        connection.send(head.encode() + crumbs + b"%x\r\n%b\r\n0\r\n\r\n" % (len(TRADE), TRADE))
        assert connection.answer().status == 201
    assert app.max_resident_bytes() - before < 20_000_000


def test_a_body_larger_than_is_taken_is_refused_every_time(tmp_path: Path) -> None:
    large = post("/trade", TRADE + b" " * 1_024)
    with running(tmp_path, WEBAPP_MAX_BODY_BYTES="1024") as app, connected(app.port) as connection:
        for _ in range(4):
            connection.send(large)
            assert connection.answer().status == 413
            connection.send(post("/trade", TRADE))
            assert connection.answer().status == 201


def test_large_bodies_together_have_a_bound_and_small_ones_and_a_lone_one_do_not(tmp_path: Path) -> None:
    lone, large = post("/trade", TRADE + b" " * LARGE), post("/trade", TRADE + b" " * 600_000)
    with running(tmp_path, WEBAPP_MAX_BODIES_BYTES="1000000") as app:
        with connected(app.port) as holding:
            holding.send(lone[:900_000])
            refused = eventually(lambda: refusal_of(app, large), what="a refusal, once the other body is there")
            assert refused is not None
            assert refused.status == 503
            assert refused.headers["retry-after"] == "1"
            assert "WEBAPP_MAX_BODIES_BYTES" in refused.json()["detail"]
            assert app.metric('trading_app_requests_refused_total{code="too_many_bodies"}') == 1
            with connected(app.port) as connection:
                connection.send(post("/trade", TRADE)[:-5])
                connection.send(post("/trade", TRADE)[-5:])
                assert connection.answer().status == 201
            holding.send(lone[900_000:])
            assert holding.answer().status == 201
        assert refusal_of(app, large) is None


@pytest.mark.parametrize("refused", [False, True])
def test_a_large_body_without_an_end_makes_room(tmp_path: Path, refused: bool) -> None:
    large = post("/trade", TRADE + b" " * 600_000)
    with running(tmp_path, WEBAPP_MAX_BODIES_BYTES="1000000", WEBAPP_BODY_SECONDS="2" if refused else "30") as app:
        with connected(app.port) as holding:
            holding.send(post("/trade", TRADE + b" " * LARGE)[:900_000])
            eventually(lambda: refusal_of(app, large), what="a refusal, once the other body is there")
            if refused:
                assert holding.answer().status == 408
        eventually(lambda: refusal_of(app, large) is None, what="the room back")


def refusal_of(app: RunningApp, request: bytes) -> Answer | None:
    """The answer to a request by a connection of its own, unless it was taken."""
    with connected(app.port) as connection:
        connection.send(request)
        answer = connection.answer()
    return None if answer.status == 201 else answer
