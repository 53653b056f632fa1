"""GET /trades/stream: server-sent events against the app as a process."""

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.polling import eventually
from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import connected, get
from tests.trading_app.running import RunningApp, running

Make = Callable[..., dict[str, Any]]
OPEN = "trading_app_live_streams"


@contextmanager
def listening(client: httpx.Client, **request: Any) -> Iterator[Iterator[dict[str, Any]]]:
    """The trades of a live stream."""
    with listening_to_all(client, **request) as stream:
        yield (trade for name, trade in stream if name == "trade")


@contextmanager
def listening_to_all(client: httpx.Client, **request: Any) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
    """The events of a live stream, each with its name."""
    with client.stream("GET", "/trades/stream", timeout=60, **request) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield events(answer.iter_lines())


def events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Parse as a browser's EventSource does, and check that an event is what it has to be."""
    event: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if line:
            event[name] = value.removeprefix(" ")
        elif "data" in event:
            data = json.loads(event["data"])
            assert event["event"] in ("trade", "position")
            assert event.get("id") == (str(data["seq"]) if event["event"] == "trade" else None)
            yield event["event"], data
            event = {}


def take(stream: Iterator[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return [next(stream) for _ in range(count)]


def take_any(stream: Iterator[tuple[str, dict[str, Any]]], count: int) -> list[tuple[str, dict[str, Any]]]:
    return [next(stream) for _ in range(count)]


def test_new_trades_arrive_as_they_are_stored(client: httpx.Client, trade: Make, account: str) -> None:
    client.post("/trade", json=trade(trade_id="before")).raise_for_status()
    with listening(client, params={"account": account}) as stream:
        client.post("/trade", json=trade(trade_id="t1", price="1.50")).raise_for_status()
        client.post("/trades", json=[trade(trade_id="t2"), trade(trade_id="t3")]).raise_for_status()
        arrived = take(stream, 3)
    assert [row["trade_id"] for row in arrived] == ["t1", "t2", "t3"]
    assert arrived[0]["price"] == "1.50"
    stored = client.get("/trades", params={"account": account, "after": arrived[0]["seq"] - 1}).json()["trades"]
    assert arrived == stored


def test_a_stream_goes_on_after_the_last_event_without_a_hole(client: httpx.Client, trade: Make) -> None:
    rows = [trade(trade_id=f"t{index}") for index in range(30)]
    first = client.post("/trades", json=rows[:10]).json()["first_seq"]
    with listening(client, headers={"Last-Event-ID": str(first + 3)}) as stream:
        begun = take(stream, 3)
        client.post("/trades", json=rows[10:20]).raise_for_status()
        begun += take(stream, 9)
    client.post("/trades", json=rows[20:]).raise_for_status()  # while nobody listens
    with listening(client, headers={"Last-Event-ID": str(begun[-1]["seq"])}) as stream:
        continued = take(stream, 14)
    assert [row["trade_id"] for row in begun + continued] == [f"t{index}" for index in range(4, 30)]


def test_the_position_stands_first_and_after_the_trades(client: httpx.Client, trade: Make) -> None:
    """So a client that was brought back by itself sees whether the history is the one it knows."""
    client.post("/trade", json=trade()).raise_for_status()
    with listening_to_all(client) as stream:
        name, first = next(stream)
        assert name == "position"
        assert set(first) == {"stream", "seq", "hash"}
        client.post("/trades", json=[trade(), trade()]).raise_for_status()
        assert [name for name, _ in take_any(stream, 3)] == ["trade", "trade", "position"]
    with listening_to_all(client, headers={"Last-Event-ID": str(first["seq"])}) as stream:
        assert next(stream) == ("position", first)
        last = take_any(stream, 3)[-1]
    assert last[1]["seq"] == first["seq"] + 2
    inside = {"Last-Event-ID": str(first["seq"] + 1)}
    with listening_to_all(client, headers=inside) as stream:  # both trades are one row
        assert next(stream) == ("position", first | {"seq": first["seq"] + 1})


def test_a_client_that_names_what_it_follows_learns_that_it_is_another_history(
    client: httpx.Client, trade: Make
) -> None:
    client.post("/trade", json=trade()).raise_for_status()
    with listening_to_all(client, params={"after": 0}) as stream:
        known = next(data for name, data in stream if name == "position" and data["seq"])
    right = {"after": known["seq"], "stream": known["stream"], "hash": known["hash"]}
    with listening_to_all(client, params=right) as stream:
        assert next(stream) == ("position", known)
    wrong: list[dict[str, Any]] = [
        {"stream": "another"},
        {"hash": "0" * 32},
        {"after": 10**9},
        {"after": 10**9, "hash": None},
    ]
    for change in wrong:
        parameters = {name: value for name, value in (right | change).items() if value is not None}
        document = problem(client.get("/trades/stream", params=parameters), "history_forked")
        assert known["stream"] in document["detail"]
    came_back = client.get("/trades/stream", params=right, headers={"Last-Event-ID": "999999999"})
    problem(came_back, "history_forked")
    for query in (f"hash={'0' * 32}", "after=1&hash=x"):
        problem(client.get(f"/trades/stream?{query}"), "invalid_parameter")


def test_a_stream_can_start_after_a_sequence_and_the_header_wins(client: httpx.Client, trade: Make) -> None:
    first = client.post("/trades", json=[trade(), trade(), trade()]).json()["first_seq"]
    with listening(client, params={"after": first}) as stream:
        assert next(stream)["seq"] == first + 1
    with listening(client, params={"after": 0}, headers={"Last-Event-ID": str(first + 1)}) as stream:
        assert next(stream)["seq"] == first + 2


def test_a_position_past_the_head_means_from_now(client: httpx.Client, trade: Make) -> None:
    """As after the journal was replaced by another: its clients come back with ids of the old one."""
    with listening(client, headers={"Last-Event-ID": "999999999"}) as stream:
        sequence = client.post("/trade", json=trade()).json()["seq"]
        assert next(stream)["seq"] == sequence


def test_a_stream_is_filtered(client: httpx.Client, trade: Make, account: str) -> None:
    wanted = {"account": account, "symbol": "eth/usdt", "strategy": "maker"}
    with listening(client, params=wanted) as stream:
        rows = [
            trade(trade_id="t1", symbol="ETH/USDT"),
            trade(trade_id="t2", symbol="ETH/USDT", strategy="maker"),
            trade(trade_id="t3", strategy="maker"),
            trade(trade_id="t4", symbol="ETH/USDT", strategy="maker", account=f"{account}-b"),
            trade(trade_id="t5", symbol="ETH/USDT", strategy="maker"),
        ]
        client.post("/trades", json=rows).raise_for_status()
        assert [row["trade_id"] for row in take(stream, 2)] == ["t2", "t5"]


@pytest.mark.parametrize("given", ["", "-1", "x", "1.5", "1" * 19, "²"])
def test_a_last_event_id_that_is_none_is_refused(client: httpx.Client, given: str) -> None:
    headers = {b"Last-Event-ID": given.encode()}
    document = problem(client.get("/trades/stream", headers=headers), "invalid_parameter")
    assert document["detail"] == "Last-Event-ID must be the id of an event, a whole number"


def test_bad_parameters_are_refused(client: httpx.Client) -> None:
    for parameters in ({"after": "-1"}, {"symbol": "A  B"}, {"account": "x" * 65}):
        problem(client.get("/trades/stream", params=parameters), "invalid_parameter")


def test_a_client_that_goes_away_is_not_counted_any_more(web: RunningApp, client: httpx.Client) -> None:
    eventually(lambda: web.metric(OPEN) == 0)
    with listening(client):
        assert web.metric(OPEN) == 1
    eventually(lambda: web.metric(OPEN) == 0)


@pytest.mark.parametrize("path", ["/trades/stream", "/page/stream"])
def test_a_client_that_goes_away_with_another_request_behind_is_not_counted_any_more(
    web: RunningApp, path: str
) -> None:
    eventually(lambda: web.metric(OPEN) == 0, what="no stream of another test")
    with connected(web.port) as connection:
        connection.send(get(path) + get("/healthz"))
        assert connection.answer(head_only=True).status == 200
        assert web.metric(OPEN) == 1
    eventually(lambda: web.metric(OPEN) == 0, what="the stream is no longer counted")


def test_no_more_streams_than_set_however_many_ask_at_once(web: RunningApp, client: httpx.Client) -> None:
    eventually(lambda: web.metric(OPEN) == 0)

    def status(connection: socket.socket) -> bytes:
        return connection.recv(4_096).split(b" ")[1]

    connections = [socket.create_connection(("127.0.0.1", web.port), timeout=60) for _ in range(12)]
    try:
        for connection in connections:
            connection.sendall(get("/trades/stream"))
        with ThreadPoolExecutor(12) as threads:
            statuses = sorted(threads.map(status, connections))
        assert statuses == [b"200"] * 4 + [b"429"] * 8
        refused = client.get("/trades/stream")
        problem(refused, "too_many_streams")
        assert refused.headers["retry-after"] == "10"
        assert web.metric(OPEN) == 4
    finally:
        for connection in connections:
            connection.close()
    eventually(lambda: web.metric(OPEN) == 0)


def test_streams_end_when_the_app_ends(tmp_path: Path) -> None:
    with running(tmp_path) as app, connected(app.port) as first, connected(app.port) as second:
        for connection in (first, second):
            connection.send(get("/trades/stream"))
            assert connection.socket.recv(4_096).startswith(b"HTTP/1.1 200")
        eventually(lambda: app.metric(OPEN) == 2)
        assert app.stop() == 0
        for connection in (first, second):
            rest = connection.rest()
            assert rest.endswith(b"0\r\n\r\n"), "the answer is complete, and the connection closed"


def test_a_client_that_does_not_read_does_not_hold_up_the_others_nor_the_end(tmp_path: Path) -> None:
    batch = [{"symbol": "A", "price": 1, "qty": 1, "side": "buy", "order_id": "o" * 128}] * 10_000
    with running(tmp_path) as app:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.connect(("127.0.0.1", app.port))
            deaf.sendall(get("/trades/stream"))
            eventually(lambda: app.metric(OPEN) == 1)
            with listening(app.client) as stream:
                for _ in range(2):
                    app.client.post("/trades", json=batch, timeout=60).raise_for_status()
                assert [row["seq"] for row in take(stream, 20_000)] == list(range(1, 20_001))
            assert app.stop() == 0
        assert "journal closed" in app.log_text()
