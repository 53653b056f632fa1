"""Never a 500, whatever comes: requests made of odd parts, against the process."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trading_app.raw_http import Answer, connected
from tests.trading_app.running import RunningApp
from trading_app.problems import STATUSES

MEANT = {200, 201, 303, *STATUSES.values()} - {500}

TRADE = {
    "symbol": "FUZZ", "price": "1.5", "qty": 2, "side": "buy", "ts": "2026-01-31T12:00:00Z", "trade_id": "f1",
    "account": "fuzz", "strategy": "s", "venue": "v", "order_id": "o", "fee": -0.1, "fee_currency": "USD",
}  # fmt: skip
BODIES = [
    json.dumps(TRADE).encode(),
    json.dumps([TRADE, {**TRADE, "trade_id": "f2"}]).encode(),
    b"\n".join([json.dumps(TRADE).encode()] * 2),
    b"symbol=FUZZ&price=1&qty=1&side=buy&account=fuzz",
    b'--x\r\nContent-Disposition: form-data; name="symbol"\r\n\r\nFUZZ\r\n--x--\r\n',
    b"",
]
CONTENT_TYPES = [
    "application/json", "application/x-ndjson", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "multipart/form-data", "text/plain", "application/json; charset=latin-1", "",
]  # fmt: skip
PATHS = [
    "/trade", "/trades", "/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/static/app.css", "/static",
    "/trades/", "/nothing",
]  # fmt: skip
header_text = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40)
values = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["0", "1e400", "-1", "9" * 50, "\x00", "ß", "2026-02-30T00:00:00Z", "3000-01-01T00:00:00Z"])
)  # fmt: skip
nested = st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A body that was right, with bytes put in, taken out or changed."""
    body = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 6))] = draw(
            st.binary(max_size=6) | st.sampled_from([b'"', b"{", b"]", b"\\"])
        )
    return bytes(body)


trades = st.dictionaries(st.sampled_from([*TRADE, "more"]), nested, max_size=5).map(lambda odd: {**TRADE, **odd})
odd_json = (trades | st.lists(trades, max_size=3) | nested).map(lambda value: json.dumps(value).encode())


def ask(web: RunningApp, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"{method} {target} HTTP/1.1", "Host: app", "Connection: close", *lines])
    with connected(web.port) as connection:
        connection.send(f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode("latin-1") + body)
        return connection.answer(head_only=method == "HEAD")


def check(answer: Answer) -> None:
    assert answer.status in MEANT, answer
    if answer.status >= 400 and answer.body.startswith(b"{"):
        document: dict[str, Any] = answer.json()
        assert answer.status == STATUSES[document["code"]]
        assert answer.headers["content-type"] == "application/problem+json"
        assert document["request_id"] == answer.headers["x-request-id"]


fuzz = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzz
@given(path=st.sampled_from(["/trade", "/trades"]), kind=st.sampled_from(CONTENT_TYPES[:3]), body=mutated() | odd_json)
def test_no_body_is_too_odd(web: RunningApp, path: str, kind: str, body: bytes) -> None:
    check(ask(web, "POST", path, {"Content-Type": kind}, body))


@fuzz
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]),
    path=st.sampled_from(PATHS),
    query=st.text(st.sampled_from("abcdef=&%0123456789+;?/.limtsyo"), max_size=30),
    headers=st.dictionaries(
        st.sampled_from(
            ["Accept", "Content-Type", "Idempotency-Key", "Origin", "X-Request-ID", "Authorization", "Cookie", "Range",
             "Access-Control-Request-Method", "If-None-Match", "If-Modified-Since", "Content-Encoding", "Last-Event-ID",
             "X-Forwarded-For", "Forwarded"]
        ),
        header_text
        | st.sampled_from(["text/html", *CONTENT_TYPES, "application/openmetrics-text", "http://[", "bytes=0-"]),
    ),
    body=mutated(),
)  # fmt: skip
def test_no_request_is_too_odd(
    web: RunningApp, method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    check(ask(web, method, f"{path}?{query}" if query else path, headers, body))


@fuzz
@given(
    parameters=st.dictionaries(
        st.sampled_from(["after", "limit", "symbol", "account", "strategy", "seq"]),
        st.text(st.sampled_from("0123456789-+.eE%ABCdef/\u00e9"), max_size=25).map(
            lambda text: text.replace("\u00e9", "%C3")
        ),
    ),
    lines=st.booleans(),
)
def test_no_parameter_is_too_odd(web: RunningApp, parameters: dict[str, str], lines: bool) -> None:
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    accept = {"Accept": "application/x-ndjson"} if lines else {}
    with connected(web.port) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in accept.items())
        connection.send(f"GET /trades?{query} HTTP/1.1\r\nHost: app\r\nConnection: close\r\n{head}\r\n".encode())
        status = int(connection.socket.recv(12).split()[1])
    assert status in (200, 422)
