"""GET /page/stream and GET /page/history, against the app as a process; no sidecar runs."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import httpx

from tests.support.polling import eventually
from tests.trading_app.problem_documents import problem
from tests.trading_app.running import RunningApp

Make = Callable[..., dict[str, Any]]
Event = tuple[str, str, Any]

_symbols = (f"S{number}/USDT" for number in count(1))


@contextmanager
def events(client: httpx.Client, **request: Any) -> Iterator[Iterator[Event]]:
    """Id, name and data of each event."""
    with client.stream("GET", "/page/stream", timeout=60, **request) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield parse(answer.iter_lines())


def parse(lines: Iterator[str]) -> Iterator[Event]:
    event: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line:
            event[name] = value
        else:
            if "data" in event:
                yield event.get("id", ""), event["event"], json.loads(event["data"])
            event = {}


def next_of(stream: Iterator[Event], wanted: str) -> Event:
    return next(event for event in stream if event[1] == wanted)


def sequences(event: Event) -> list[int]:
    return [row["seq"] for row in event[2]]


def test_it_begins_with_the_last_trades_and_goes_on(client: httpx.Client, trade: Make, account: str) -> None:
    last = client.post("/trades", json=[trade() for _ in range(250)]).json()["last_seq"]
    with events(client, params={"account": account}) as stream:
        _, name, hello = next(stream)
        assert (name, hello["resumed"]) == ("hello", False)
        first = next_of(stream, "trades")
        assert re.fullmatch(f"{hello['stream']}:{last}:[0-9a-f]{{32}}", first[0])
        assert sequences(first) == list(range(last - 199, last + 1))
        client.post("/trade", json=trade(price="1.50")).raise_for_status()
        event = next_of(stream, "trades")
        assert [row["price"] for row in event[2]] == ["1.50"]


def test_it_is_taken_up_where_it_was_however_far_back(client: httpx.Client, trade: Make, account: str) -> None:
    last = client.post("/trades", json=[trade()]).json()["last_seq"]
    with events(client, params={"account": account}) as stream:
        position = next_of(stream, "trades")[0]
    for _ in range(12):
        client.post("/trades", json=[trade() for _ in range(1_000)]).raise_for_status()
    for shown in ({"headers": {"Last-Event-ID": position}}, {"params": {"after": position, "account": account}}):
        received: list[int] = []
        with events(client, **shown) as stream:
            assert next(stream)[2]["resumed"] is True
            while len(received) < 12_000:
                received += sequences(next_of(stream, "trades"))
        assert received == list(range(last + 1, last + 12_001))


def test_a_position_of_another_journal_is_no_position(client: httpx.Client, trade: Make) -> None:
    client.post("/trade", json=trade()).raise_for_status()
    with events(client) as stream:
        journal = next(stream)[2]["stream"]
        known = next_of(stream, "trades")[0]
    fork = known[:-1] + ("0" if known[-1] != "0" else "1")
    for position in (
        "someone-else:1",
        fork,
        known[:-33],
        f"{journal}:999999999999:{'0' * 32}",
        f"{journal}:-1",
        f"{journal}:",
        "x",
        ":" * 50,
    ):
        with events(client, headers={"Last-Event-ID": position}) as stream:
            assert next(stream)[2]["resumed"] is False
            assert next_of(stream, "trades")[2] != []


def test_health_names_a_missing_sidecar(client: httpx.Client, trade: Make) -> None:
    head = client.post("/trade", json=trade()).json()["seq"]
    with events(client) as stream:
        status = next(
            event[2] for event in stream if event[1] == "health" and event[2]["sidecar"]["status"] != "starting"
        )
    assert status["head"] == head
    assert status["sidecar"]["status"] == "down"
    assert status["sidecar"]["reason"]


def test_it_counts_as_a_live_stream(web: RunningApp, client: httpx.Client) -> None:
    eventually(lambda: web.metric("trading_app_live_streams") == 0)
    with events(client) as first, events(client) as second, events(client) as third, events(client) as fourth:
        for stream in (first, second, third, fourth):
            next(stream)
        problem(client.get("/page/stream"), "too_many_streams")
    eventually(lambda: web.metric("trading_app_live_streams") == 0)


def test_history_has_seconds_and_minutes_of_one_symbol(client: httpx.Client, trade: Make, account: str) -> None:
    symbol = next(_symbols)
    times = ("12:00:00.1Z", "12:00:00.9Z", "12:00:59Z", "11:59:59Z", "12:01:00+00:00")
    sides = ("buy", "sell", "buy", "buy", "sell")
    rows = [
        trade(symbol=symbol, price=f"{index + 1}.50", qty="0.1", side=side, ts=f"2026-01-31T{moment}")
        for index, (moment, side) in enumerate(zip(times, sides, strict=True))
    ]
    last = client.post("/trades", json=[*rows, trade(symbol="OTHER")]).json()["last_seq"]
    history = client.get("/page/history", params={"charted": symbol.lower(), "account": account}).json()
    noon = 1_769_860_800
    assert history["position"].endswith(f":{last}")
    assert history["currency"] == "", "only the sidecar knows it, and there is none"
    assert history["seconds"] == [
        [noon - 1, "4.50", 1, 0],
        [noon, "2.50", 1, 1],
        [noon + 59, "3.50", 1, 0],
        [noon + 60, "5.50", 0, 1],
    ]
    minutes = [[noon - 60, "0.450", "0"], [noon, "0.500", "0.250"], [noon + 60, "0", "0.550"]]
    assert history["minutes"] == minutes
    assert history["pnl"] == history["pnl_of_symbol"] == []


def test_history_is_of_a_symbol(client: httpx.Client) -> None:
    problem(client.get("/page/history"), "invalid_parameter")
    problem(client.get("/page/history", params={"charted": ""}), "invalid_parameter")
    problem(client.get("/page/history", params={"charted": "A\n"}), "invalid_parameter")
    problem(client.get("/page/history", params={"charted": "A", "account": "x" * 65}), "invalid_parameter")


def test_the_charts_come_from_the_installed_package(client: httpx.Client) -> None:
    script = client.get("/static/lightweight-charts.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "no-cache"
    assert b"Lightweight Charts" in script.content[:200]
    again = client.get("/static/lightweight-charts.js", headers={"If-None-Match": script.headers["etag"]})
    assert again.status_code == 304
