"""Clients that are slow or silent, byte for byte, against an app with little patience."""

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import cycle

import pytest

from tests.support.polling import eventually
from tests.trading_app.raw_http import TRADE, Connection, connected, get, post, send_until_cut
from tests.trading_app.running import RunningApp, running

TIMED_OUT = 'trading_app_requests_refused_total{code="request_timeout"}'
DROPPED = 'trading_app_connections_dropped_total{{reason="{}"}}'
UNREAD = DROPPED.format("unread")
RESIDENT = "process_resident_memory_bytes"
CHUNKED = post("/trade", b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
BODY_AT = -len(TRADE)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    settings = dict.fromkeys(("WEBAPP_HEADER_SECONDS", "WEBAPP_BODY_SECONDS", "WEBAPP_UNREAD_SECONDS"), "1")
    with running(tmp_path_factory.mktemp("hasty"), **settings) as app:
        yield app


UNFINISHED = {
    "half a request line": b"POST /tra",
    "half a head": post("/trade", TRADE)[:60],
    "a head after a request": get("/healthz") + b"GET /healthz HTTP/1.1\r\nHost: a",
    "no body": post("/trade", TRADE)[:BODY_AT],
    "half a body": post("/trade", TRADE)[:-10],
    "half a body, through the app": post("/trade?", TRADE)[:-10],
    "half a form": post("/trade", b"symbol=A&side=buy", content_type="application/x-www-form-urlencoded")[:-5],
    "half a body in chunks": CHUNKED + b"5\r\n" + TRADE[:5] + b"\r\n",
    "a body without a last chunk": CHUNKED + b"%x\r\n%b\r\n" % (len(TRADE), TRADE),
    "a body after a request": post("/trade", TRADE) + post("/trade", TRADE)[:-1],
    "a 100 that is not waited for": post("/trade", TRADE, "Expect: 100-continue")[:BODY_AT],
}


SILENT = {"nothing": b"", "blank lines": b"\r\n\r\n"}
TRICKLED = {
    "a head, byte by byte": (post("/trade", TRADE, f"X-Slow: {'x' * 500}"), 150),
    "a body, byte by byte": (post("/trade", TRADE + b" " * 500), 250),
}


@pytest.fixture(scope="module")
def slow(hasty: RunningApp) -> Iterator[dict[str, Connection]]:
    """A connection for each kind of slow client, all of them at once, and a client that waits for news."""
    with ExitStack() as opened:
        connections = {
            name: opened.enter_context(connected(hasty.port))
            for name in (*UNFINISHED, *SILENT, *TRICKLED, "one that waits for us")
        }
        for name, sent in {**UNFINISHED, **SILENT, "one that waits for us": get("/trades/stream")}.items():
            connections[name].send(sent)
        ending = threading.Event()
        sender = threading.Thread(target=trickle, args=(connections, ending))
        sender.start()
        yield connections
        ending.set()
        sender.join()


def trickle(connections: dict[str, Connection], ending: threading.Event) -> None:
    """Send what is to come byte by byte, until the other side has closed all of them."""
    to_come = {connections[name]: [sent[:at], *iter_bytes(sent[at:])] for name, (sent, at) in TRICKLED.items()}
    while to_come and not ending.wait(0.1):
        for connection, pieces in list(to_come.items()):
            try:
                connection.send(pieces.pop(0))
            except OSError:
                del to_come[connection]


def iter_bytes(data: bytes) -> Iterator[bytes]:
    """Each byte by itself."""
    return (data[index : index + 1] for index in range(len(data)))


@pytest.mark.parametrize("name", [*UNFINISHED, *TRICKLED])
def test_a_request_that_does_not_come_to_its_end_is_answered_408_and_cut(
    slow: dict[str, Connection], name: str
) -> None:
    answer = slow[name].answer()
    if answer.status in (100, 200, 201):
        answer = slow[name].answer()
    assert (answer.status, answer.json()["code"]) == (408, "request_timeout")
    assert answer.headers["connection"] == "close"
    assert slow[name].is_closed()


@pytest.mark.parametrize("name", SILENT)
def test_who_sends_no_request_is_let_go_without_a_word(slow: dict[str, Connection], name: str) -> None:
    assert slow[name].is_closed()


def test_who_waits_for_us_is_not_hurried(hasty: RunningApp, slow: dict[str, Connection]) -> None:
    for name in SILENT:
        assert slow[name].is_closed(), "a deadline is over"
    stream = slow["one that waits for us"]
    assert stream.answer(head_only=True).status == 200
    hasty.client.post("/trade", content=TRADE, headers={"Content-Type": "application/json"}).raise_for_status()
    received = b""
    while b'"symbol":"RAW"' not in received:
        received += stream.socket.recv(65_536)
    stream.socket.shutdown(socket.SHUT_RDWR)


@pytest.mark.usefixtures("slow")
def test_the_slow_are_counted_and_nothing_of_theirs_is_taken(hasty: RunningApp) -> None:
    eventually(lambda: hasty.metric(TIMED_OUT) == len(UNFINISHED) + len(TRICKLED))
    assert hasty.metric(DROPPED.format("silent")) == len(SILENT)
    assert hasty.stored_trades() == 2, "one before half a body, and one for the stream"


def deaf(app: RunningApp) -> socket.socket:
    """A connection of a client that has no room for an answer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", app.port))
    return client


def fill(app: RunningApp, megabytes: int) -> None:
    """Store trades that take so much room."""
    batch = [{"symbol": "A", "price": 1, "qty": 1, "side": "buy", "order_id": "o" * 128}] * 4_000
    for _ in range(megabytes):
        app.client.post("/trades", json=batch, timeout=60).raise_for_status()


def is_reset(client: socket.socket) -> bool:
    """Whether the app has cut a client. If the kernel was first to do so, only the next byte is answered by a reset."""
    error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if not error:
        try:
            client.send(b"\r")
        except OSError as failed:
            error = failed.errno or 0
    return error in (errno.ECONNRESET, errno.EPIPE)


def test_who_does_not_read_is_cut(hasty: RunningApp) -> None:
    before = hasty.metric(UNREAD)
    with ExitStack() as opened:
        fill(hasty, 8)  # more than the system holds for a client
        clients = [opened.enter_context(deaf(hasty)) for _ in range(15)]
        for client, path in zip(clients, cycle(("/trades/stream", "/page/stream", "/trades")), strict=False):
            client.sendall(get(path, "Accept: application/x-ndjson"))
        fill(hasty, 8)
        eventually(lambda: hasty.metric(UNREAD) == before + len(clients), what="all are cut")
        eventually(lambda: hasty.metric("trading_app_live_streams") == 0)
        for client in clients:
            eventually(partial(is_reset, client), what="a reset")


@pytest.mark.long
def test_who_sends_on_and_on_and_does_not_read_is_held_and_cut(hasty: RunningApp) -> None:
    before, memory = hasty.metric(UNREAD), hasty.metric(RESIDENT)
    paths = ("/trade", "/trade?", "/x")
    with ExitStack() as opened:
        for path in paths:
            client = opened.enter_context(deaf(hasty))
            client.settimeout(30)  # it ends when it is cut, and not because the app is busy for a moment
            requests = post(path, b'{"no":"%b"}' % (b"t" * 2_000), f"X-Request-ID: {'r' * 64}") * 20
            send_until_cut(client, requests, 50_000_000)
        assert hasty.metric(RESIDENT) - memory < 60e6
        eventually(lambda: hasty.metric(UNREAD) == before + len(paths), what="all are cut")


def test_the_rest_of_a_refused_body_is_not_read_for_ever(hasty: RunningApp) -> None:
    before = hasty.metric(DROPPED.format("refused_body"))
    with connected(hasty.port) as slow, connected(hasty.port) as greedy:
        for connection in (slow, greedy):
            connection.send(CHUNKED.replace(b"/trade", b"/nothing"))
            assert connection.answer().status == 404
        part = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        send_until_cut(greedy.socket, part, 100_000_000)
        assert slow.is_closed()
    assert hasty.metric(DROPPED.format("refused_body")) == before + 2
