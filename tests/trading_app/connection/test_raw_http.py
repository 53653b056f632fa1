"""HTTP as clients of all kinds send it, byte for byte, against the process."""

import gzip

import pytest

from tests.support.polling import eventually
from tests.trading_app.raw_http import TRADE, connected, get, post
from tests.trading_app.running import RunningApp

HALF = len(TRADE) // 2


def chunked(*parts: bytes, trailer: bytes = b"") -> bytes:
    head = b"POST /trade HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n" + trailer + b"\r\n"


def test_a_chunked_body_is_taken_whole(web: RunningApp) -> None:
    with connected(web.port) as connection:
        connection.send(chunked(TRADE[:HALF], TRADE[HALF:]))
        first = connection.answer()
        connection.send(chunked(*(TRADE[index : index + 1] for index in range(len(TRADE))), trailer=b"X-Sum: 1\r\n"))
        second = connection.answer()
    assert (first.status, second.status) == (201, 201)
    assert second.json()["seq"] == first.json()["seq"] + 1


def test_what_comes_behind_a_chunked_body_is_no_header(web: RunningApp) -> None:
    key = b"Idempotency-Key: behind-the-body\r\n"
    for path in (b"/trade ", b"/trade? "):  # the short way, and the way through the app
        with connected(web.port) as connection:
            sequences = []
            for _ in range(2):
                connection.send(chunked(TRADE, trailer=key).replace(b"/trade ", path))
                answer = connection.answer()
                assert answer.status == 201
                sequences.append(answer.json()["seq"])
        assert sequences[0] < sequences[1]


def test_empty_lines_between_requests_are_no_part_of_any(web: RunningApp) -> None:
    request = post("/trade", TRADE)
    with connected(web.port) as connection:
        for _ in range(12):
            connection.send(request)
            assert connection.answer().status == 201
            connection.send(b"\r\n" * 2_000)  # together more than a head may have


def test_a_body_may_come_slowly(web: RunningApp) -> None:
    request = post("/trade", TRADE)
    with connected(web.port) as connection:
        for index in range(len(request)):
            connection.send(request[index : index + 1])
        assert connection.answer().status == 201


def test_a_client_that_expects_a_100_gets_it(web: RunningApp) -> None:
    request = post("/trade", TRADE, "Expect: 100-continue")
    with connected(web.port) as connection:
        connection.send(request[: -len(TRADE)])
        assert connection.answer().status == 100
        connection.send(TRADE)
        assert connection.answer().status == 201


def test_a_client_that_expects_a_100_gets_413_before_it_sends_too_much(web: RunningApp) -> None:
    head = post("/trades", b"", "Expect: 100-continue").replace(b"Content-Length: 0", b"Content-Length: 999999999")
    with connected(web.port) as connection:
        connection.send(head)
        answer = connection.answer()
    assert (answer.status, answer.json()["code"]) == (413, "too_large")


def test_the_rest_of_a_body_that_was_refused_is_not_taken_for_a_request(web: RunningApp) -> None:
    smuggled = post("/trade", TRADE)
    body = (smuggled * (9_000_000 // len(smuggled) + 1))[:9_000_000]
    before = web.metric("trading_app_trades_accepted_total")
    with connected(web.port) as connection:
        connection.send(post("/nothing", body))
        assert connection.answer().status == 404
        connection.send(get("/healthz"))
        assert connection.answer().json() == {"status": "ok"}
    assert web.metric("trading_app_trades_accepted_total") == before


def test_pipelined_requests_are_answered_in_order(web: RunningApp) -> None:
    with connected(web.port) as connection:
        connection.send(post("/trade", TRADE) * 3 + post("/trade", b"{") + get("/healthz") + post("/trade", TRADE))
        answers = [connection.answer() for _ in range(6)]
    assert [answer.status for answer in answers] == [201, 201, 201, 400, 200, 201]
    sequences = [answer.json()["seq"] for answer in answers if answer.status == 201]
    assert sequences == sorted(sequences)


def test_a_connection_is_kept_or_closed_as_asked(web: RunningApp) -> None:
    with connected(web.port) as connection:
        connection.send(post("/trade", TRADE))
        connection.answer()
        connection.send(post("/trade", TRADE, "Connection: close"))
        assert connection.answer().headers["connection"] == "close"
        assert connection.is_closed()
    with connected(web.port) as connection:
        connection.send(get("/healthz").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert connection.answer().status == 200
        assert connection.is_closed()


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/trades", "/trades?limit=x", "/trades/stream", "/", "/docs", "/static/app.css", "/trade", "/x"],
)
def test_head_is_answered_as_get_without_the_body(web: RunningApp, path: str) -> None:
    with connected(web.port) as connection, connected(web.port) as other:
        connection.send(get(path, "X-Request-ID: same", method="HEAD"))
        other.send(get(path, "X-Request-ID: same"))
        answer, whole = connection.answer(head_only=True), other.answer(head_only=True)
        assert answer.status == whole.status
        untold = ("date", "transfer-encoding", "content-length")
        found, expected = (
            {name: text for name, text in a.headers.items() if name not in untold} for a in (answer, whole)
        )
        assert found == expected
        connection.send(get("/healthz"))
        assert connection.answer().json() == {"status": "ok"}, "the next answer begins where it should"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/trade", "POST"), ("DELETE", "/trades", "GET, HEAD, POST"), ("POST", "/healthz", "GET, HEAD"),
     ("PUT", "/", "GET, HEAD"), ("OPTIONS", "/trades", "GET, HEAD, POST"), ("CONNECT", "/trades", "GET, HEAD, POST")],
)  # fmt: skip
def test_another_method_gets_the_allowed_ones(web: RunningApp, method: str, path: str, allowed: str) -> None:
    with connected(web.port) as connection:
        connection.send(get(path, method=method))
        answer = connection.answer()
    assert (answer.status, answer.json()["code"], answer.headers["allow"]) == (405, "method_not_allowed", allowed)


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/trade/", "/trades/", "/Trade", "//trade", "/trade%00", "/%ff%fe", "/static/%00",
     "/static/..%2fui.py", "/static/../ui.py", "/static/" + "a" * 5_000, "/static", "/static/", "*",
     "/swagger/../../etc/passwd"],
)  # fmt: skip
def test_a_path_that_is_none_is_a_404_and_never_a_redirect(web: RunningApp, path: str) -> None:
    for method in ("GET", "POST"):
        if path == "*" and method == "POST":
            continue
        with connected(web.port) as connection:
            connection.send(get(path, "Content-Length: 0", method=method if path != "*" else "OPTIONS"))
            answer = connection.answer()
        assert answer.status in (404, 405)
        assert answer.json()["code"] in ("not_found", "method_not_allowed")
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    "host", ["", "[", '"><script>alert(1)</script>', "a b", "evil.example", "x" * 2_000, "a:99999999", "\xff"]
)
def test_an_odd_host_is_no_trouble(web: RunningApp, host: str) -> None:
    for path in ("/", "/nothing", "/docs", "/trades"):
        with connected(web.port) as connection:
            connection.send(get(path).replace(b"Host: localhost", b"Host: " + host.encode("latin-1")))
            answer = connection.answer()
        assert answer.status in ((403,) if host else (200, 404))
        assert b"<script>alert" not in answer.body


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET /trades HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n",
        post("/trade", TRADE, "Content-Type: application/json"),
        post("/trade", TRADE, "Idempotency-Key: one", "Idempotency-Key: two"),
        b"GET / HTTP/1.1\r\nHost app\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
        b"POST /trade HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /trade HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1e3\r\n\r\n",
        b"POST /trade HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /trade HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /trade HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /trade HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=lambda request: repr(request[-40:]),
)
def test_what_is_not_http_is_refused_and_the_connection_closed(web: RunningApp, request_bytes: bytes) -> None:
    with connected(web.port) as connection:
        connection.send(request_bytes)
        assert connection.answer().status == 400
        assert connection.is_closed()


@pytest.mark.parametrize("sent", [b"", b"GET", post("/trade", TRADE)[:40], post("/trade", TRADE)[:-1]])
def test_half_a_request_is_not_taken(web: RunningApp, sent: bytes) -> None:
    before = web.metric("trading_app_trades_accepted_total")
    with connected(web.port) as connection:
        connection.send(sent)
        connection.end_sending()
        assert connection.is_closed()
    assert web.metric("trading_app_trades_accepted_total") == before


def test_a_trade_whose_sender_left_is_taken_all_the_same(web: RunningApp) -> None:
    before = web.metric("trading_app_trades_accepted_total")
    for _ in range(20):
        with connected(web.port) as connection:
            connection.send(post("/trade", TRADE))
    eventually(lambda: web.metric("trading_app_trades_accepted_total") == before + 20)


def test_an_offer_to_upgrade_is_not_taken_up(web: RunningApp) -> None:
    headers = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: QUJD")
    with connected(web.port) as connection:
        connection.send(get("/healthz", *headers))
        assert connection.answer().status == 200


H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAB")


@pytest.mark.parametrize("piece", [1, 150, 10_000])
@pytest.mark.parametrize("path", ["/trade", "/trades", "/trade?"])
def test_a_request_that_offers_an_upgrade_keeps_its_body(web: RunningApp, path: str, piece: int) -> None:
    """As Java's client sends its first one."""
    body = TRADE if path == "/trade" else b"[" + TRADE + b"]" if path == "/trades" else TRADE
    requests = post(path, body, *H2C) + get("/healthz")
    with connected(web.port) as connection:
        for start in range(0, len(requests), piece):
            connection.send(requests[start : start + piece])
        assert connection.answer().status == 201
        assert connection.answer().json() == {"status": "ok"}


def test_a_body_behind_an_offer_to_upgrade_is_not_taken_for_a_request(web: RunningApp) -> None:
    before = web.metric("trading_app_trades_accepted_total")
    with connected(web.port) as connection:
        connection.send(post("/nothing", post("/trade", TRADE), *H2C))
        assert connection.answer().status == 404
        connection.send(get("/healthz"))
        assert connection.answer().json() == {"status": "ok"}
    assert web.metric("trading_app_trades_accepted_total") == before


@pytest.mark.parametrize("body", [TRADE, b"{"])
def test_what_follows_the_last_request_is_passed_over(web: RunningApp, body: bytes) -> None:
    before = web.count_errors()
    with connected(web.port) as connection:
        connection.send(post("/trade", body, "Connection: close") + b"\x00\x01\r\n\r\n")
        assert connection.answer().status == (201 if body == TRADE else 400)
        assert connection.is_closed()
    assert web.count_errors() == before


def test_what_follows_a_request_is_refused_after_that_is_answered(web: RunningApp) -> None:
    with connected(web.port) as connection:
        connection.send(post("/trade", TRADE) + get("/healthz") + b"\x00\x01\r\n\r\n")
        assert [connection.answer().status for _ in range(3)] == [201, 200, 400]
        assert connection.is_closed()


@pytest.mark.parametrize("path", ["/trade", "/trade?"])
def test_a_large_head_after_a_pending_request_gets_its_own_answer(web: RunningApp, path: str) -> None:
    with connected(web.port) as connection:
        connection.send(post(path, TRADE) + get("/healthz", f"X-Long: {'x' * 40_000}"))
        assert [connection.answer().status for _ in range(2)] == [201, 431]
        assert connection.is_closed()


@pytest.mark.parametrize("count", [2, 3])
def test_each_of_several_upgrade_offers_in_a_segment_is_answered(web: RunningApp, count: int) -> None:
    offer = get("/healthz", *H2C)
    with connected(web.port) as connection:
        connection.send(post("/trade", TRADE, *H2C) + offer * count + get("/healthz"))
        assert connection.answer().status == 201
        for _ in range(count + 1):
            assert connection.answer().json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/trades", "/healthz", "/static/app.css"])
def test_an_http_1_0_client_gets_no_chunks(web: RunningApp, path: str) -> None:
    web.client.post("/trade", content=TRADE, headers={"Content-Type": "application/json"}).raise_for_status()
    accept = "Accept: application/x-ndjson"
    with connected(web.port) as old, connected(web.port) as new:
        old.send(get(path, accept, "X-Request-ID: same").replace(b"HTTP/1.1", b"HTTP/1.0"))
        new.send(get(path, accept, "X-Request-ID: same"))
        answer = old.answer()
        assert "transfer-encoding" not in answer.headers
        assert answer.headers["connection"] == "close"
        assert answer.body == new.answer().body != b""
        assert old.is_closed()


def test_an_http_1_0_client_gets_live_events_until_it_leaves(web: RunningApp) -> None:
    with connected(web.port) as connection:
        connection.send(get("/trades/stream").replace(b"HTTP/1.1", b"HTTP/1.0"))
        came = b""
        while b"\r\n\r\n" not in came:  # from here on it gets what follows
            came += connection.socket.recv(65_536)
        web.client.post("/trade", content=TRADE, headers={"Content-Type": "application/json"}).raise_for_status()
        while b'"symbol":"RAW"' not in came:
            came += connection.socket.recv(65_536)
        head, _, body = came.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert body.startswith((b"retry:", b"id:", b":"))


@pytest.mark.parametrize("path", ["/trade", "/trade?", "/trades"])
def test_a_gzip_body_is_taken(web: RunningApp, path: str) -> None:
    body = gzip.compress(TRADE if path != "/trades" else b"[" + TRADE + b"]")
    with connected(web.port) as connection:
        for _ in range(2):
            connection.send(post(path, body, "Content-Encoding: gzip"))
            assert connection.answer().status == 201


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", gzip.compress(b" " * 100_000_000, 1, mtime=0), 413),
        ("gzip", TRADE, 400),
        ("gzip", gzip.compress(TRADE, mtime=0)[:-4], 400),
        ("br", TRADE, 415),
    ],
    ids=["too large", "not compressed", "cut off", "another encoding"],
)
def test_a_compressed_body_that_is_none_or_too_large_is_refused(
    web: RunningApp, encoding: str, body: bytes, status: int
) -> None:
    with connected(web.port) as connection:
        connection.send(post("/trade", body, f"Content-Encoding: {encoding}"))
        answer = connection.answer()
        assert answer.status == status
        assert status != 415 or answer.headers["accept-encoding"] == "gzip"
        connection.send(post("/trade", TRADE))
        assert connection.answer().status == 201
