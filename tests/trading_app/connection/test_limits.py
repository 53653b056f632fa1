"""Limits that are set, against an app where they are narrow."""

import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from service_kit.connection.guarded_http import MAX_HEAD_BYTES, MAX_HEADERS, MAX_LINGERING, MAX_URL_BYTES
from service_kit.connection.limits import MAX_WAITING
from service_kit.lifecycle.descriptors import OTHER_FILES
from telemetry_stream.tail import TAIL_BYTES
from tests.support.polling import eventually
from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import TRADE, Connection, connected, get, post, send_until_cut
from tests.trading_app.running import CONSOLE_SCRIPT, RunningApp, running, stopped

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    settings = {"WEBAPP_MAX_BODY_BYTES": "1024", "WEBAPP_MAX_PENDING_TRADES": "1", "WEBAPP_MAX_LIVE_STREAMS": "0"}
    with running(tmp_path_factory.mktemp("narrow"), **settings) as app:
        yield app


def test_the_size_of_a_body_is_a_setting(client: httpx.Client) -> None:
    answer = client.post("/trade", content=b" " * 1025, headers=JSON)
    assert "at most 1024 bytes" in problem(answer, "too_large")["detail"]
    problem(client.post("/trade", content=b" " * 1024, headers=JSON), "not_json")


def test_the_number_of_live_streams_is_a_setting(client: httpx.Client) -> None:
    problem(client.get("/trades/stream"), "too_many_streams")


def test_more_than_can_wait_is_refused_for_a_second_and_nothing_of_it_taken(app: RunningApp) -> None:
    before = app.stored_trades()
    with ExitStack() as opened:
        waiting = [opened.enter_context(connected(app.port)) for _ in range(16)]
        with stopped(app):
            for connection in waiting:
                connection.send(post("/trade", TRADE))
        answers = [connection.answer() for connection in waiting]
    taken = [answer for answer in answers if answer.status == 201]
    refused = [answer for answer in answers if answer.status != 201]
    assert taken
    assert refused
    for answer in refused:
        assert (answer.status, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"
    assert app.stored_trades() == before + len(taken)


REFUSED = 'trading_app_requests_refused_total{{code="{}"}}'
TOO_MANY = REFUSED.format("too_many_connections")
OPEN = "trading_app_connections"
CHUNKED = "Transfer-Encoding: chunked"


def with_head_of(size: int, path: str) -> bytes:
    """A trade whose names and values of header fields, and its address, have so many bytes."""
    head = post(path, b"", "X-Long: ").split(b"\r\n")[1:-2]
    used = len(path) + sum(len(line.replace(b": ", b"")) for line in head) + len("42") - len("0")
    assert len(TRADE) < 100
    return post(path, TRADE, f"X-Long: {'x' * (size - used)}")


@pytest.mark.parametrize("path", ["/trade", "/trade?"])
def test_a_head_has_so_many_bytes_and_fields_and_no_more(app: RunningApp, path: str) -> None:
    fields = [f"X-{number}: v" for number in range(MAX_HEADERS - 3)]
    for request, status in (
        (with_head_of(MAX_HEAD_BYTES, path), 201),
        (with_head_of(MAX_HEAD_BYTES + 1, path), 431),
        (post(path, TRADE, *fields), 201),
        (post(path, TRADE, *fields, "X-More: v"), 431),
    ):
        with connected(app.port) as connection:
            connection.send(request)
            assert connection.answer().status == status


ENDLESS = {
    "a field": post("/trade", TRADE)[: -len(TRADE) - 4] + b"\r\nX-Long: ",
    "fields": post("/trade", TRADE)[: -len(TRADE) - 2],
    "an address": b"GET /",
    "a trailer": post("/trade", b"", CHUNKED).replace(b"Content-Length: 0\r\n", b"") + b"1\r\n{\r\n0\r\nX-Long: ",
    "a trailer, through the app": post("/trade?", b"", CHUNKED).replace(b"Content-Length: 0\r\n", b"")
    + b"1\r\n{\r\n0\r\nX-Long: ",
    "blank lines": b"",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_and_no_use_is_not_read_for_ever(app: RunningApp, name: str) -> None:
    piece = {"fields": b"X-More: v\r\n", "blank lines": b"\r\n"}.get(name, b"x") * 2_000
    with connected(app.port) as connection:
        connection.send(ENDLESS[name])
        send_until_cut(connection.socket, piece, 50_000_000)


def test_the_refusal_of_a_head_reaches_a_client_that_still_sends(app: RunningApp) -> None:
    before = app.metric(REFUSED.format("headers_too_large"))
    with connected(app.port) as connection:
        connection.send(ENDLESS["a field"] + b"x" * 500_000)
        answer = connection.answer()
        assert (answer.status, answer.json()["code"]) == (431, "headers_too_large")
        assert answer.headers["connection"] == "close"
        assert connection.is_closed()
    assert app.metric(REFUSED.format("headers_too_large")) == before + 1


def test_an_address_has_so_many_bytes_and_no_more(app: RunningApp) -> None:
    for size, status in ((MAX_URL_BYTES, 404), (MAX_URL_BYTES + 1, 414)):
        with connected(app.port) as connection:
            connection.send(get("/" + "x" * (size - 1)))
            assert connection.answer().status == status


def test_no_more_requests_wait_on_one_connection_than_may_and_those_are_answered(app: RunningApp) -> None:
    with connected(app.port) as connection:
        connection.send(get("/healthz") * (MAX_WAITING + 100))
        for _ in range(MAX_WAITING):
            assert connection.answer().status == 200
        assert connection.rest().count(b"HTTP/1.1 200") == 1, "the one that did not wait"


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running(tmp_path_factory.mktemp("crowded"), WEBAPP_MAX_CONNECTIONS="32", WEBAPP_BODY_SECONDS="600") as app:
        yield app


@contextmanager
def connections(app: RunningApp, count: int) -> Iterator[list[Connection]]:
    """So many on which a request was admitted, beside the client's own."""
    eventually(lambda: app.metric(OPEN) == 1)
    with ExitStack() as opened:
        yield [opened.enter_context(admitted(app)) for _ in range(count)]


@contextmanager
def admitted(app: RunningApp, *headers: str) -> Iterator[Connection]:
    """A connection whose request passed the access control; the request's body is still to come."""
    with connected(app.port) as connection:
        connection.send(post("/trade", TRADE, "Expect: 100-continue", *headers)[: -len(TRADE)])
        assert connection.answer().status == 100
        yield connection


def test_no_more_connections_than_set_are_served_and_each_that_ends_makes_room(crowded: RunningApp) -> None:
    before = crowded.metric(TOO_MANY)
    with connections(crowded, 31) as opened:
        eventually(lambda: crowded.metric(OPEN) == 32)
        with connected(crowded.port) as refused:
            refused.send(post("/trade", TRADE))
            answer = refused.answer()
            assert (answer.status, answer.json()["code"]) == (503, "too_many_connections")
            assert answer.headers["retry-after"] == "1"
            assert refused.is_closed()
        assert crowded.metric(TOO_MANY) == before + 1
        opened[-1].close()
        opened[-1].socket.close()
        eventually(lambda: crowded.metric(OPEN) == 31)
        with connected(crowded.port) as served:
            served.send(get("/healthz"))
            assert served.answer().status == 200


def test_a_flood_of_connections_is_not_kept(crowded: RunningApp) -> None:
    before = crowded.metric(TOO_MANY)
    with connections(crowded, 31), ExitStack() as flood:
        for _ in range(MAX_LINGERING + 50):
            flood.enter_context(connected(crowded.port))
        eventually(lambda: crowded.metric(TOO_MANY) == before + MAX_LINGERING + 50)
        assert crowded.metric("process_open_fds") < 32 + MAX_LINGERING + 50


def test_the_app_makes_room_for_as_many_files_as_it_may_have_connections(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    try:
        app = RunningApp(tmp_path, program=CONSOLE_SCRIPT, WEBAPP_MAX_CONNECTIONS="1500")  # has this process's limits
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    try:
        app.wait_until_ready()
        assert app.metric("process_max_fds") == 1_500 + OTHER_FILES
    finally:
        app.end()


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    settings = {"WEBAPP_RATE_LIMIT": "4/hour;100/day", "WEBAPP_API_TOKENS": "token-of-the-first,token-of-the-second"}
    with running(tmp_path_factory.mktemp("limited"), **settings) as app:
        yield app


@pytest.mark.parametrize("token", ["token-of-the-first", "token-of-the-second"])
def test_each_caller_may_send_so_many_requests_whichever_way_they_take(limited: RunningApp, token: str) -> None:
    shown = {"Authorization": f"Bearer {token}"}
    send = limited.client.post
    answers = [send(path, content=TRADE, headers=JSON | shown) for path in ("/trade", "/trade?", "/trade", "/trade?")]
    assert [answer.status_code for answer in answers] == [201] * 4
    for path in ("/trade", "/trade?"):
        for spaces in (" ", "   "):
            headers = JSON | {"Authorization": f"Bearer{spaces}{token}"}
            answer = send(path, content=TRADE, headers=headers)
            problem(answer, "rate_limited")
            assert 3_500 < int(answer.headers["retry-after"]) <= 3_600
    assert limited.client.get("/trades", headers=shown).status_code == 429
    assert limited.client.get("/healthz", headers=shown).status_code == 200


def test_without_tokens_a_caller_is_an_address_and_may_continue_after_retry_after(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running(tmp_path_factory.mktemp("paced"), WEBAPP_RATE_LIMIT="2 per 2 seconds") as app:

        def send(number: int) -> httpx.Response:
            headers = JSON | {"Authorization": f"Bearer {number}"}
            return app.client.post("/trade", content=TRADE, headers=headers)

        refused = eventually(lambda: next((sent for sent in map(send, range(3)) if sent.status_code == 429), None))
        assert refused is not None
        assert refused.headers["retry-after"] in ("1", "2")
        eventually(lambda: send(0).status_code == 201)
        assert app.metric(REFUSED.format("rate_limited")) > 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of memory from /proc")
def test_connections_that_rest_hold_none_of_the_trades_they_brought(tmp_path: Path) -> None:
    """A client keeps its connection for the next batch; the last one's trades are not kept with it."""
    trade = b'{"symbol":"RAW","price":1,"qty":1,"side":"buy","venue":"%b"}' % (b"v" * 60)
    batch = post("/trades", b"[%b]" % b",".join([trade] * 5_000))
    with running(tmp_path) as app, ExitStack() as resting:
        with connected(
            app.port
        ) as first:  # until the latest rows, which the app keeps in memory, are as many as it keeps
            for _ in range(TAIL_BYTES // len(batch) + 5):
                first.send(batch)
                assert first.answer().status == 201
        before = app.max_resident_bytes()
        for _ in range(15):
            connection = resting.enter_context(connected(app.port))
            connection.send(batch)
            assert connection.answer().status == 201
        assert app.max_resident_bytes() - before < 15 * len(batch)
