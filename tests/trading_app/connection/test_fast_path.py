"""The short way and the way through the app: the same request, the same answer.

The app under test shares with one origin, and a request that names an origin takes the way through the app.
"""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from service_kit.settings import Environment
from trading_app.connection.fast_path import fast_connection
from trading_app.environment import read_settings
from trading_app.ui import WebApp

MAX_ATTRIBUTES = 30
"""SHARED_KEYS_MAX_SIZE of CPython: each look-up of an object with more attributes than these searches a dict."""

GOOD = b'{"symbol":"btc/usdt","price":"1.10","qty":2,"side":"BUY","trade_id":"%b"}'
JSON = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}

REQUESTS: dict[str, tuple[str, dict[str, str], bytes]] = {
    "a trade": ("/trade", JSON, GOOD % b"ID"),
    "a trade with a charset": ("/trade", {"Content-Type": "Application/JSON; charset=utf-8"}, GOOD % b"ID"),
    "a trade and what came with it is repeated": ("/trade", {**JSON, "Idempotency-Key": "ID"}, GOOD % b"ID"),
    "an Idempotency-Key of no use": ("/trade", {**JSON, "Idempotency-Key": "x" * 200}, GOOD % b"ID"),
    "a batch": ("/trades", JSON, b"[" + GOOD % b"ID1" + b"," + GOOD % b"ID2" + b"]"),
    "a batch of lines": ("/trades", LINES, GOOD % b"ID1" + b"\n\n" + GOOD % b"ID2" + b"\n"),
    "a batch that conflicts with itself": (
        "/trades",
        JSON,
        b"[" + GOOD % b"ID" + b"," + (GOOD % b"ID").replace(b"1.10", b"1.11") + b"]",
    ),
    "a batch with two bad items": ("/trades", LINES, b'{"symbol":"A"}\n' + GOOD % b"ID" + b"\n[]\n"),
    "an empty batch": ("/trades", JSON, b"[]"),
    "no JSON": ("/trade", JSON, b"nope"),
    "no body": ("/trade", JSON, b""),
    "several bad fields": ("/trade", JSON, b'{"symbol":"\xce\xb1","price":"NaN","qty":-1,"side":"up","more":1}'),
    "a wrong type": ("/trade", {"Content-Type": "text/plain"}, GOOD % b"ID"),
    "no type": ("/trade", {}, GOOD % b"ID"),
    "lines for a trade": ("/trade", LINES, GOOD % b"ID"),
    "JSON sent as a form": ("/trade", {"Content-Type": "application/x-www-form-urlencoded"}, GOOD % b"ID"),
    "a body that is too large": ("/trade", JSON, b" " * 9_000_000),
    "a request id of the caller's": ("/trade", {**JSON, "X-Request-ID": "mine-1"}, GOOD % b"ID"),
    "a request id of no use": ("/trade", {**JSON, "X-Request-ID": "no spaces"}, GOOD % b"ID"),
    "another path": ("/trade/", JSON, GOOD % b"ID"),
    "a query": ("/trade?x=1", JSON, GOOD % b"ID"),
    "a name of loopback's": ("/trade", {**JSON, "Host": "app.localhost"}, GOOD % b"ID"),
    "a foreign name": ("/trade", {**JSON, "Host": "evil.example"}, GOOD % b"ID"),
    "a foreign name and a batch": ("/trades", JSON | {"Host": "evil.example:8000"}, b"[" + GOOD % b"ID" + b"]"),
}


def ask(client: httpx.Client, way: str, number: int, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """The answer to one request, and to the same once more, without what is new in every answer."""
    shown = {}
    for attempt in ("first", "again"):
        named = {name: value.replace("ID", f"{way}-{number}") for name, value in headers.items()}
        # Of the app's own page: what another site makes a browser send is refused, unless it is JSON.
        origin = {"Origin": f"http://{client.base_url.netloc.decode()}"} if way == "app" else {}
        content = body.replace(b"ID", f"{way}-{number}".encode())
        answer = client.post(path, headers=named | origin, content=content)
        shown[attempt] = {
            "status": answer.status_code,
            "body": normal(answer.text.replace(f"{way}-{number}", "ID")),
            "headers": {
                name: value
                for name, value in answer.headers.items()
                if name not in ("date", "content-length", "vary") and not name.startswith("access-control")
            }
            | {"x-request-id": re.sub(r"[0-9a-f]{8}-[0-9a-f]+", "made", answer.headers["x-request-id"])},
        }
    return shown


def normal(text: str) -> Any:
    """A body without sequences and request ids."""
    document = json.loads(text)
    assert isinstance(document, dict)
    numbers = [document[name] for name in ("first_seq", "last_seq") if name in document]
    if numbers:
        document["span"] = max(numbers) - min(numbers)
    return {
        name: value for name, value in document.items() if name not in ("seq", "first_seq", "last_seq", "request_id")
    }


@pytest.mark.parametrize("name", REQUESTS)
def test_both_ways_give_the_same_answer(client: httpx.Client, name: str) -> None:
    path, headers, body = REQUESTS[name]
    number = list(REQUESTS).index(name)
    short, through_the_app = (ask(client, way, number, path, headers, body) for way in ("short", "app"))
    assert short == through_the_app


def test_a_connection_has_no_more_attributes_than_cpython_keeps_in_an_array(tmp_path: Path) -> None:
    app = WebApp(read_settings(Environment({}, tmp_path)), print)
    config = uvicorn.Config(app, log_config=None, ws="none")
    config.load()
    loop = asyncio.new_event_loop()
    connection = fast_connection(app)(config, ServerState(), {}, loop)
    loop.close()
    connection.on_message_begin()  # a request's own
    assert len(vars(connection)) <= MAX_ATTRIBUTES, "keep new ones in `__slots__`"
