"""GET /trades against the app as a process."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from telemetry_stream.events import Batch
from tests.support.polling import eventually
from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import connected, get
from tests.trading_app.running import running
from trading_app.query.filter import Filter
from trading_app.query.pages import read_page
from trading_app.query.views import AsJournaled
from trading_app.zmq_pub import TradeStream

Make = Callable[..., dict[str, Any]]
LINES = {"Accept": "application/x-ndjson"}
COUNT = 250


@pytest.fixture(scope="module")
def desk(client: httpx.Client) -> list[dict[str, Any]]:
    """Trades of two strategies and two symbols, between those of other accounts; as GET shows them."""
    rows = [
        {
            "symbol": ("BTC/USDT", "ETH/USDT")[index % 2],
            "price": f"{index + 1}.{'0' * (index % 4 + 1)}",
            "qty": "1",
            "side": "buy",
            "trade_id": f"d{index}",
            "account": "desk" if index % 5 else "elsewhere",
            "strategy": ("trend", "maker")[index % 3 == 0],
        }
        for index in range(COUNT)
    ]
    for start in range(0, COUNT, 40):
        client.post("/trades", json=rows[start : start + 40]).raise_for_status()
    return [row for row in rows if row["account"] == "desk"]


def pages(client: httpx.Client, **parameters: Any) -> Iterator[list[dict[str, Any]]]:
    """The pages one after another, until there is no next."""
    after: int | None = 0
    while after is not None:
        answer = client.get("/trades", params={**parameters, "after": after}).raise_for_status().json()
        assert answer.keys() == {"trades", "next_after"}
        yield answer["trades"]
        assert answer["next_after"] is None or answer["next_after"] > after
        after = answer["next_after"]


@pytest.mark.parametrize("limit", [1, 7, 40, 10_000])
def test_pages_to_the_end_hold_every_trade_once_in_order(
    client: httpx.Client, desk: list[dict[str, Any]], limit: int
) -> None:
    found = []
    for page in pages(client, limit=limit, account="desk"):
        assert len(page) <= limit
        found += page
    assert [row["trade_id"] for row in found] == [row["trade_id"] for row in desk]
    assert [row["price"] for row in found] == [row["price"] for row in desk]
    sequences = [row["seq"] for row in found]
    assert sequences == sorted(set(sequences))


def test_pages_without_a_filter_have_no_hole(client: httpx.Client, desk: list[dict[str, Any]]) -> None:
    """The app's other tests may have sent events of other kinds."""
    found = [row["seq"] for page in pages(client, limit=90) for row in page]
    everything = {"format": "ndjson", "all_events": "true", "corrected": "false"}
    journaled = [json.loads(line) for line in client.get("/trades", params=everything).text.splitlines()]
    assert [event["seq"] for event in journaled] == list(range(1, len(journaled) + 1))
    assert found == [event["seq"] for event in journaled if "kind" not in event]
    assert len(found) > len(desk)


@pytest.mark.parametrize(
    "wanted", [{"symbol": "eth/usdt"}, {"strategy": "maker"}, {"symbol": "BTC/USDT", "strategy": "trend"}, {}]
)
def test_filters_add_up(client: httpx.Client, desk: list[dict[str, Any]], wanted: dict[str, str]) -> None:
    expected = [
        row["trade_id"]
        for row in desk
        if row["symbol"] == wanted.get("symbol", row["symbol"]).upper()
        and row["strategy"] == wanted.get("strategy", row["strategy"])
    ]
    found = [row for page in pages(client, account="desk", limit=11, **wanted) for row in page]
    assert [row["trade_id"] for row in found] == expected


def test_a_filter_is_for_its_own_field_and_for_the_whole_of_it(client: httpx.Client) -> None:
    names = {"account": "exact", "strategy": "exact-2", "symbol": "EXACT/2", "venue": "exact", "order_id": "exact"}
    rows = [names, names | {"account": "exact-2", "strategy": "exact"}, names | {"account": "exac", "symbol": "EXACT"}]
    trades = [{"price": 1, "qty": 1, "side": "buy", "trade_id": f"exact-{at}", **row} for at, row in enumerate(rows)]
    client.post("/trades", json=trades).raise_for_status()
    for wanted, found in (
        ({"account": "exact"}, [0]),
        ({"account": "exact-2"}, [1]),
        ({"strategy": "exact"}, [1]),
        ({"symbol": "EXACT"}, [2]),
        ({"symbol": "EXACT/2"}, [0, 1]),
        ({"symbol": "EXACT/2", "strategy": "exact-2"}, [0]),
    ):
        page = client.get("/trades", params=wanted).json()["trades"]
        assert [row["trade_id"] for row in page] == [f"exact-{at}" for at in found]


def test_a_search_ends_when_its_client_has_gone(tmp_path: Path) -> None:
    row = {"symbol": "LONG", "price": 1, "qty": 1, "side": "buy"}
    search = get("/trades?symbol=NOPE")
    with running(tmp_path) as app:
        for _ in range(50):
            app.client.post("/trades", json=[row] * 1_000).raise_for_status()

        for _ in range(20):
            with connected(app.port) as connection:
                connection.send(search)
        answered = 'trading_app_http_requests_total{method="GET",route="/trades",status="200"}'
        eventually(lambda: app.metric(answered) == 20, what="the end of the searches")


def test_a_search_reads_no_further_once_nobody_waits_for_it() -> None:
    class Journal:
        """Fifty thousand trades, none of which is wanted."""

        head = 50_000
        reads = 0

        async def read(self, after: int, limit: int) -> Batch:
            self.reads += 1
            events = b",".join(b'{"seq":%d,"symbol":"LONG"}' % (after + number) for number in range(1, limit + 1))
            return Batch("stream", after + 1, after + limit, events)

    async def is_over() -> bool:
        return journal.reads == 3

    journal = Journal()
    page = asyncio.run(read_page(cast(TradeStream, journal), 0, 10, AsJournaled(Filter(symbol="NOPE")), is_over))
    assert journal.reads == 3
    assert (page.events, page.more) == ([], True)


def test_a_page_shows_each_field_and_leaves_out_what_was_not_given(client: httpx.Client) -> None:
    account = "shown"
    optional = {"venue": "Binance", "order_id": "o1", "fee": "0.10", "fee_currency": "BNB"}
    sent = {
        "trade_id": "s1",
        "symbol": "XRP/ETH",
        "price": "0.0014134200",
        "qty": "23.0",
        "side": "sell",
        "ts": "2019-10-11T00:00:11.620Z",
        "account": account,
        "strategy": "trend",
    }
    sequence = client.post("/trade", json=sent).json()["seq"]
    client.post("/trade", json={**sent, **optional, "trade_id": "s2"}).raise_for_status()
    answer = client.get("/trades", params={"account": account})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "trades": [
            {"seq": sequence, **sent},
            {"seq": sequence + 1, **sent, "trade_id": "s2", **optional},
        ],
        "next_after": None,
    }


def test_a_page_has_a_hundred_trades_unless_asked_otherwise(client: httpx.Client, desk: list[dict[str, Any]]) -> None:
    assert len(client.get("/trades").json()["trades"]) == 100
    assert len(desk) > 100


def test_after_the_head_there_is_nothing_yet(client: httpx.Client, trade: Make) -> None:
    head = client.post("/trade", json=trade()).json()["seq"]
    for after in (head, head + 10, 2**62):
        assert client.get("/trades", params={"after": after}).json() == {"trades": [], "next_after": None}
    assert client.get("/trades", params={"after": head - 1}).json()["trades"][0]["seq"] == head


def test_an_account_nobody_has_is_empty(client: httpx.Client) -> None:
    assert client.get("/trades", params={"account": "nobody"}).json() == {"trades": [], "next_after": None}


def test_lines_stream_all_there_is(client: httpx.Client, desk: list[dict[str, Any]]) -> None:
    with client.stream("GET", "/trades", params={"account": "desk"}, headers=LINES) as answer:
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        rows = [json.loads(line) for line in answer.iter_lines()]
    assert [row["trade_id"] for row in rows] == [row["trade_id"] for row in desk]


def test_lines_stop_at_a_limit_and_start_after_a_sequence(client: httpx.Client, desk: list[dict[str, Any]]) -> None:
    first = client.get("/trades", params={"account": "desk", "limit": 3}).json()["trades"]
    parameters = {"account": "desk", "limit": 5, "after": first[-1]["seq"]}
    text = client.get("/trades", params=parameters, headers=LINES).text
    assert text.endswith("}\n")
    assert [json.loads(line)["trade_id"] for line in text.splitlines()] == [row["trade_id"] for row in desk[3:8]]


def test_no_lines_are_an_empty_answer(client: httpx.Client) -> None:
    assert client.get("/trades", params={"account": "nobody"}, headers=LINES).content == b""


def test_a_page_and_the_lines_hold_the_same_bytes(client: httpx.Client, desk: list[dict[str, Any]]) -> None:
    parameters: dict[str, str | int] = {"account": "desk", "limit": len(desk)}
    page = client.get("/trades", params=parameters).text
    lines = client.get("/trades", params=parameters, headers=LINES).text.splitlines()
    assert page == f'{{"trades":[{",".join(lines)}],"next_after":null}}' or page.startswith(
        f'{{"trades":[{",".join(lines)}],"next_after":'
    )


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"after": "-1"}, "query/after"),
        ({"after": "x"}, "query/after"),
        ({"after": "1.5"}, "query/after"),
        ({"after": str(2**63)}, "query/after"),
        ({"limit": "0"}, "query/limit"),
        ({"limit": "10001"}, "query/limit"),
        ({"limit": "1e3"}, "query/limit"),
        ({"limit": ""}, "query/limit"),
        ({"symbol": "x" * 129}, "query/symbol"),
        ({"account": "x" * 65}, "query/account"),
        ({"strategy": "x" * 65}, "query/strategy"),
    ],
)
def test_a_bad_parameter_is_named(client: httpx.Client, parameters: dict[str, str], pointer: str) -> None:
    for headers in ({}, LINES):
        document = problem(client.get("/trades", params=parameters, headers=headers), "invalid_parameter")
        assert [error["pointer"] for error in document["errors"]] == [pointer]


@pytest.mark.parametrize(
    "parameters", [{"symbol": "A  B"}, {"symbol": "A\u202eB"}, {"account": 'a"b'}, {"strategy": "\n"}]
)
def test_a_filter_that_can_match_nothing_is_refused(client: httpx.Client, parameters: dict[str, str]) -> None:
    document = problem(client.get("/trades", params=parameters), "invalid_parameter")
    assert document["detail"].startswith(f"{next(iter(parameters))} must")


def test_an_unknown_or_repeated_parameter_is_refused_and_the_known_ones_are_named(client: httpx.Client) -> None:
    document = problem(client.get("/trades?symbols=BTC/USDT&limit=1"), "invalid_parameter")
    assert document["detail"].startswith("symbols is unknown; known are after, limit, symbol, account, strategy, side,")
    assert document["errors"] == [{"pointer": "query/symbols", "detail": "is unknown"}]
    document = problem(client.get("/trades?limit=1&limit=2"), "invalid_parameter")
    assert document["errors"] == [{"pointer": "query/limit", "detail": "is given more than once"}]


def test_every_call_with_parameters_refuses_unknown_ones(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    with_parameters = [
        path
        for path, methods in paths.items()
        if any(parameter["in"] == "query" for parameter in methods.get("get", {}).get("parameters", ()))
    ]
    assert with_parameters
    for path in (*with_parameters, "/page/stream", "/page/history?charted=X"):
        url = f"{path}{'&' if '?' in path else '?'}_=1"
        assert problem(client.get(url), "invalid_parameter")["errors"][0]["pointer"] == "query/_", path


@pytest.mark.parametrize("path", ["/trade", "/trades", "/events"])
def test_a_call_without_parameters_refuses_any(client: httpx.Client, trade: Make, path: str) -> None:
    body: Any = [trade()] if path == "/trades" else trade()
    document = problem(client.post(f"{path}?account=main", json=body), "invalid_parameter")
    assert document["detail"].startswith("account is unknown; ")
    assert client.get("/trades", params={"account": trade()["account"]}).json()["trades"] == []


@pytest.mark.parametrize("path", ["/trades/1", "/events"])
def test_a_call_about_events_refuses_unknown_parameters(client: httpx.Client, path: str) -> None:
    assert problem(client.get(f"{path}?_=1"), "invalid_parameter")["errors"][0]["pointer"] == "query/_"
