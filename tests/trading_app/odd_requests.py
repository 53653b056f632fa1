"""Requests made of odd parts: trades that are almost right, bodies that once were, headers and queries of any kind."""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.trading_app.conftest import ORIGIN

TRADE = {
    "symbol": '"FUZZ"', "price": '"1.5"', "qty": "2", "side": '"buy"', "ts": '"2026-01-31T12:00:00Z"',
    "account": '"fuzz"', "strategy": '"s"', "venue": '"v"', "order_id": '"o"', "fee": "-0.1", "fee_currency": '"USD"',
    "currency": '"USD"', "position_side": '"long"', "multiplier": "10", "tags": '["a", "b c"]',
}  # fmt: skip
"""The fields of a trade, each as JSON; the trade_id is left to the app."""

HOLDER = '{"symbol":"FUZZ","quantity":1,"account":"%s"}'
EVENTS = {
    "void": {"target": "1", "reason": '"x"'},
    "replace": {"target": "1", "price": "3", "tags": '["a"]', "reason": '"x"'},
    "cash": {"currency": '"USD"', "amount": "-0.5", "reason": '"tax"', "ts": "1570752011", "symbol": '"FUZZ"'},
    "split": {"symbol": '"FUZZ"', "n": "4", "d": '"1"', "account": '"a"', "quantity": "4", "cash": "0.5"},
    "opening": {"symbol": '"FUZZ"', "quantity": "-5", "average": "1", "position_side": '"short"'},
    "move": {"reason": '"transfer"', "from": HOLDER % "a", "to": HOLDER % "b", "price": "1", "text": '"x"'},
    "instrument": {
        "symbol": '"FUZZ"',
        "lot": "1",
        "aliases": '["FUZZ2"]',
        "negative_prices": "false",
        "mark": '"last"',
    },
    "price": {"symbol": '"FUZZ"', "price": "1", "source": '"x"'},
    "rate": {"base": '"EUR"', "quote": '"USD"', "rate": "1.1", "max_age": "60"},
    "note": {"target": "1", "text": '"x"', "tags": '["a"]', "day": '"2026-01-31"'},
}
"""The members of each kind of event, as JSON; the id is left to the app."""

ODD_VALUES = [
    # Numbers, at every edge.
    "0", "-0", "0.0", "-1", "00", "01", "1.", ".5", "+1", "1e5", "1E-38", "1e-39", "1e37", "1e38", "1e400", "1e-400",
    "1e+00000000000000000001", "1e" + "9" * 5_000, "9" * 38, "9" * 39, "0." + "0" * 37 + "1", "0." + "0" * 38 + "1",
    "9" * 10_000, "1" + "0" * 30 + "." + "1" * 8, "5e-324", "1.7976931348623157e308", "9007199254740993", "0x10",
    "1_000", "NaN", "Infinity", "-Infinity", '"NaN"', '"1,5"', '" 1"', '"1 "', '"1\\n"', '""', '"1e5"', '"\\u0031"',
    '"１２"', '"٣"',
    # Types.
    "null", "true", "false", "[]", "{}", "[1]", '{"value":1}', "[" * 5_000, "[" * 200 + "]" * 200, '{"a":' * 2_000, "",
    # Text: control characters, what looks alike, what folds oddly, what breaks out of JSON, HTML, logs or labels.
    '"\\u0000"', '"\\u001f"', '"\\u007f"', '"\\u2028"', '"\\u202e"', '"\\ufeff"', '"\\ud800"', '"\\ud83d\\ude00"',
    '"\\x"', '"a\\"b"', '"a\\\\b"', '"a\\nb"', '"\x00"', '"\n"', '"ſell"', '"BUY\u200b"', '"sell\u0307"', '"İ"', '"ß"',
    '"Α"', '" "', '"<script>alert(1)</script>"', '"{{7*7}}"', '"${jndi:ldap://x}"', "\"'; DROP TABLE batch; --\"",
    '"../../etc/passwd"', '"\\r\\nX-Evil: 1"', '"\\u001b[31m"', '"%s%n"', '"__other__"', '"default"',
    '"' + "x" * 32 + '"', '"' + "x" * 33 + '"', '"' + "x" * 64 + '"', '"' + "x" * 65 + '"', '"' + "x" * 128 + '"',
    '"' + "x" * 129 + '"', '"' + "x" * 100_000 + '"', '"' + "\u0301" * 64 + '"', '"' + "\U0001f4b0" * 64 + '"',
    # Times.
    "1570752011", "1570752011620", "1570752011620.5", "1570752011620123", "1570752011620123456", "-1570752011",
    "99999999", "1e8", "4102444800", '"1570752011"', '"2026-02-30T00:00:00Z"', '"2024-02-29T23:59:59.999999999Z"',
    '"2026-01-31T12:00:60Z"', '"2026-01-31T24:00:00Z"', '"2026-01-31T12:00:00"', '"2026-01-31 12:00:00+23:59"',
    '"2026-01-31t12:00:00z"', '"9999-12-31T23:59:59-23:59"', '"0001-01-01T00:00:00+23:59"', '"1973-03-03T09:46:39Z"',
    '"2026-01-31T12:00:00.1234567890Z"', '"２０２６-01-31T12:00:00Z"', '"-"', '"2026-W05-6T12:00:00Z"',
]  # fmt: skip
ODD_NAMES = ["more", "", "a/b~c", "price ", "Price", "\\u0070rice", "__proto__", "x" * 10_000, "\\ud800", "seq"]

CONTENT_TYPES = [
    "application/json", "application/x-ndjson", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "multipart/form-data", "multipart/form-data; boundary=", "text/plain", "application/json; charset=latin-1",
    "APPLICATION/JSON", "application/json, text/html", ";", "",
]  # fmt: skip
PATHS = [
    "/trade", "/trades", "/trades/1", "/events", "/", "/health", "/healthz", "/readyz", "/metrics",
    "/openapi.json", "/docs", "/static/app.css",
    "/static", "/trades/", "/nothing", "/trades/stream", "/page/stream", "/page/history", "/static/%2e%2e/ui.py",
    "/static//etc/passwd", "/%00", "/\\..\\", "/trade;x", "/trade%2f", "//evil.example/trade",
    "http://evil.example/trade", "/swagger-ui.css",
]  # fmt: skip
METHODS = [*["GET"] * 6, *["POST"] * 4, "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"]
HEADERS = [
    "Accept", "Accept-Encoding", "Access-Control-Request-Headers", "Access-Control-Request-Method", "Authorization",
    "Content-Encoding", "Cookie", "Expect", "Forwarded", "Host", "Idempotency-Key", "If-Modified-Since",
    "If-None-Match", "Last-Event-ID", "Origin", "Range", "Referer", "TE", "Traceparent", "X-Forwarded-For",
    "X-HTTP-Method-Override", "X-Request-ID",
]  # fmt: skip
HEADER_VALUES = [
    "text/html", "application/x-ndjson", "application/openmetrics-text", "http://[", "bytes=0-", "bytes=-1,0-0,5-1",
    "*", "gzip", "GET", "POST", "null", ORIGIN, "Bearer x", "Basic eDp4", "a=b; a=c", "-1", "9" * 30, "0", "x" * 128,
    "x" * 129, "x" * 5_000, "%0d%0aX-Evil: 1", '"><script>', "\x80\xff", "Thu, 01 Jan 1970 00:00:00 GMT", "",
]  # fmt: skip
PARAMETERS = ["after", "limit", "kind", "symbol", "account", "strategy", "seq", "charted", "token", ""]
PARAMETER_VALUES = [
    "0", "1", "-1", "+1", "1.0", "1e3", "1_0", "0x1", "%201", "9" * 18, "4611686018427387904", "4611686018427387905",
    "9" * 400, "9" * 5_000, "%00", "%ff", "%C3%A9", "%", "%zz", "BTC/USDT", "btc", "%22", "%5C", "null", "true", "[]",
    "a;b", "x" * 64, "x" * 65, "x" * 20_000, "", "%F0%9F%92%B0", "%E2%80%AE", "FUZZ", "fuzz",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class OddRequest:
    """A request whose framing is right, whatever else is odd."""

    method: str
    target: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def message(self) -> bytes:
        """As it is sent."""
        named = {name.lower() for name, _ in self.headers}
        host = [] if "host" in named else [("Host", "localhost")]
        lines = [f"{name}: {value}" for name, value in [*host, *self.headers, ("Content-Length", f"{len(self.body)}")]]
        head = "\r\n".join([f"{self.method} {self.target} HTTP/1.1", *lines])
        return head.encode("latin-1") + b"\r\n\r\n" + self.body


names_to_change = [*list(TRADE) * 2, "trade_id", "trade_id", *ODD_NAMES]


@st.composite
def almost_trades(draw: st.DrawFn) -> str:
    """A trade, as JSON, with up to three values that are odd, left out or made up."""
    names = draw(st.lists(st.sampled_from(names_to_change), max_size=draw(st.sampled_from([0, 1, 1, 1, 2, 3]))))
    odd = {name: draw(st.sampled_from(ODD_VALUES) | text_values) for name in names}
    gone = draw(st.sampled_from([""] * 100 + list(TRADE)))
    members = (f'"{name}":{value}' for name, value in {**TRADE, **odd}.items() if name != gone)
    return "{" + ",".join(members) + "}"


@st.composite
def almost_events(draw: st.DrawFn) -> str:
    """An event that is not a trade, as JSON, with up to three values that are odd, left out or made up."""
    kind = draw(st.sampled_from(list(EVENTS)))
    known = EVENTS[kind]
    names = draw(st.lists(st.sampled_from([*list(known) * 2, "id", "target", "kind", *ODD_NAMES]), max_size=3))
    odd = {name: draw(st.sampled_from(ODD_VALUES) | text_values) for name in names}
    gone = draw(st.sampled_from([""] * 20 + list(known)))
    members = (f'"{name}":{value}' for name, value in {"kind": f'"{kind}"', **known, **odd}.items() if name != gone)
    return "{" + ",".join(members) + "}"


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A body that was right, with bytes put in, taken out or changed."""
    body = bytearray(draw(st.sampled_from(RIGHT_BODIES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        body[at : at + draw(st.integers(0, 6))] = draw(
            st.binary(max_size=6) | st.sampled_from([b'"', b"{", b"]", b"\\"])
        )
    return bytes(body)


_TRADE = "{" + ",".join(f'"{name}":{value}' for name, value in TRADE.items()) + "}"
RIGHT_BODIES = [
    _TRADE.encode(),
    f"[{_TRADE},{_TRADE}]".encode(),
    f"{_TRADE}\n\n{_TRADE}\r\n".encode(),
    b"symbol=FUZZ&price=1&qty=1&side=buy&account=fuzz",
    b'--x\r\nContent-Disposition: form-data; name="symbol"\r\n\r\nFUZZ\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="../f"\r\nContent-Type: a/b\r\n\r\nFUZZ\r\n--x--\r\n',
    b'{"kind":"void","target":1}',
    b'[{"kind":"move","reason":"transfer","from":{"symbol":"A","quantity":1},"to":{"symbol":"B","quantity":2}}]',
    b"",
]
text_values = st.text(max_size=20).map(lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')
lists = st.lists(almost_trades(), max_size=3)
arrays = lists.map(lambda batch: f"[{','.join(batch)}]")
lines = lists.map("\n".join)
event_arrays = st.lists(almost_events(), max_size=3).map(lambda batch: f"[{','.join(batch)}]")
header_values = st.sampled_from(HEADER_VALUES) | st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
)
headers = st.lists(st.tuples(st.sampled_from(HEADERS), header_values), max_size=4)
queries = st.lists(st.tuples(st.sampled_from(PARAMETERS), st.sampled_from(PARAMETER_VALUES)), max_size=4).map(
    lambda parameters: "&".join(f"{name}={value}" for name, value in parameters)
)
ways = st.sampled_from([[], [("Origin", ORIGIN)]])
"""Straight from the connection, or through the app, which all requests take that name an origin."""


def _posts(path: str, kinds: list[str], texts: st.SearchStrategy[str]) -> st.SearchStrategy[OddRequest]:
    bodies = texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
    return st.builds(
        lambda kind, way, body: OddRequest("POST", path, [("Content-Type", kind), *way], body),
        st.sampled_from(kinds), ways, bodies,
    )  # fmt: skip


posts = st.one_of(
    _posts("/trade", ["application/json"], almost_trades()),
    _posts("/trades", ["application/json"], arrays),
    _posts("/trades", ["application/x-ndjson"], lines),
    _posts("/events", ["application/json"], almost_events() | event_arrays),
    st.builds(
        lambda path, kind, way, body: OddRequest("POST", path, [("Content-Type", kind), *way], body),
        st.sampled_from(["/trade", "/trades", "/events"]), st.sampled_from(CONTENT_TYPES[:4]), ways, mutated(),
    ),
)  # fmt: skip
requests = st.builds(
    lambda method, path, query, kind, more, body: OddRequest(
        method, f"{path}?{query}" if query else path, [("Content-Type", kind), *more], body
    ),
    st.sampled_from(METHODS), st.sampled_from(PATHS), queries, st.sampled_from(CONTENT_TYPES), headers, mutated(),
)  # fmt: skip
reads = st.builds(
    lambda path, query, accept: OddRequest("GET", f"{path}?{query}", [("Accept", accept)]),
    st.sampled_from(["/trades", "/trades/1", "/events", "/page/history", "/"]),
    queries, st.sampled_from(["*/*", "application/x-ndjson"]),
)  # fmt: skip


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """The bytes of a request or two, with some put in, taken out or changed anywhere."""
    message = bytearray(
        b"".join(request.message() for request in draw(st.lists(requests | posts, min_size=1, max_size=2)))
    )
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, min(len(message), 600)))
        odd = st.binary(max_size=4) | st.sampled_from(
            [
                b"\r\n",
                b"\n",
                b"\x00",
                b" ",
                b":",
                b"Transfer-Encoding: chunked\r\n",
                b"Content-Length: 5\r\n",
                b"\r\n 0",
            ]
        )
        message[at : at + draw(st.integers(0, 4))] = draw(odd)
    return bytes(message)
