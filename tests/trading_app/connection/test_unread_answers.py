"""Clients that ask for trades and do not read the answers: memory stays within one budget, and others are served."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.polling import eventually
from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import get
from tests.trading_app.running import RunningApp, running
from trading_app.history.answers import Made, respond
from trading_app.outgoing import PIECE_BYTES, OutgoingBudget, PacedResponse, Piece
from trading_app.problems import TradeProblem

CLIENTS = 40
TRADES = 10_000
WIDE = {
    "symbol": "A",
    "price": "1",
    "qty": "1",
    "side": "buy",
    "venue": "\U0001d4d0" * 64,
    "order_id": "\U0001d4d0" * 128,
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app with 10,000 wide trades, 10 MB, and room for some pieces of answers."""
    budget = {"WEBAPP_MAX_OUTGOING_BYTES": str(20 * PIECE_BYTES), "WEBAPP_UNREAD_SECONDS": "60"}
    with running(tmp_path_factory.mktemp("wide"), **budget) as app:
        for _ in range(TRADES // 1_000):
            app.client.post("/trades", json=[WIDE] * 1_000).raise_for_status()
        yield app


def metric(app: RunningApp, name: str) -> float:
    lines = app.client.get("/metrics", headers={"Accept": "text/plain"}).text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def deaf(app: RunningApp, request: bytes) -> socket.socket:
    """A client that has sent the request and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", app.port))
    client.sendall(request)
    return client


@pytest.mark.parametrize("request_", [get("/trades?limit=10000"), get("/trades", "Accept: application/x-ndjson")])
def test_unread_answers_take_no_more_than_the_budget(app: RunningApp, request_: bytes) -> None:
    before = metric(app, "process_resident_memory_bytes")
    limit = metric(app, "trading_app_outgoing_bytes_limit")
    with ExitStack() as opened:
        for _ in range(CLIENTS):
            opened.enter_context(deaf(app, request_))
        eventually(lambda: metric(app, "trading_app_outgoing_bytes") == limit, what="the budget is taken")
        assert metric(app, "process_resident_memory_bytes") - before < 10 * limit, "an answer is 10 MB"
        document = problem(app.client.get("/trades"), "too_many_answers")
        assert "WEBAPP_MAX_OUTGOING_BYTES" in document["detail"]
        assert app.client.post("/trade", json=WIDE).status_code == 201
        assert metric(app, 'trading_app_requests_refused_total{code="too_many_answers"}') >= 1
    eventually(lambda: metric(app, "trading_app_outgoing_bytes") == 0, what="the budget is free again")
    assert len(app.client.get("/trades", params={"limit": TRADES}).json()["trades"]) == TRADES


def test_a_long_answer_is_whole_in_every_form(app: RunningApp) -> None:
    page = app.client.get("/trades", params={"limit": TRADES}).json()
    assert [row["seq"] for row in page["trades"]] == list(range(1, TRADES + 1))
    assert page["next_after"] == TRADES
    lines = app.client.get("/trades", params={"limit": TRADES}, headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line)["seq"] for line in lines.text.splitlines()] == list(range(1, TRADES + 1))
    filtered = app.client.get("/trades", params={"limit": TRADES, "symbol": "B"})
    assert filtered.json() == {"trades": [], "next_after": None}


def test_a_piece_is_made_when_the_one_before_was_taken() -> None:
    events: list[str] = []

    async def pieces() -> AsyncGenerator[Piece, None]:
        for number in range(3):
            events.append(f"made {number}")
            yield bytes(100_000), number == 2

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.body" and message["body"] == b"" and message.get("more_body"):
            events.append("taken")

    async def receive() -> dict[str, object]:
        raise AssertionError("nothing is received")

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}  # with that the server's `send` tells of a lost client
    asyncio.run(PacedResponse(pieces(), "text/plain")(scope, receive, send))  # type: ignore[arg-type]
    assert events == ["made 0", "taken", "made 1", "taken", "made 2", "taken"]


def test_room_is_given_in_turn_and_a_new_answer_is_refused_while_there_is_none() -> None:
    async def test() -> None:
        budget = OutgoingBudget(2 * PIECE_BYTES)
        order: list[int] = []

        async def hold(number: int, over: asyncio.Event) -> None:
            async with budget.hold():
                order.append(number)
                await over.wait()

        overs = [asyncio.Event() for _ in range(5)]
        tasks = [asyncio.create_task(hold(number, over)) for number, over in enumerate(overs)]
        await asyncio.sleep(0)
        assert (order, budget.taken_bytes) == ([0, 1], 2 * PIECE_BYTES)
        with pytest.raises(TradeProblem) as refused:
            budget.check()
        assert refused.value.code == "too_many_answers"
        tasks[2].cancel()
        for over in overs:
            over.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [0, 1, 3, 4]
        assert budget.taken_bytes == 0
        budget.check()

    asyncio.run(test())


def test_a_body_that_was_made_whole_counts_until_its_client_has_read_it() -> None:
    """A piece of it is on its way, and all of it in memory."""
    made = Made(bytes(4 * PIECE_BYTES), "text/plain", {})
    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}

    async def test() -> None:
        budget = OutgoingBudget(10 * PIECE_BYTES)
        was_read = asyncio.Event()

        async def send(_message: object) -> None:
            await was_read.wait()

        async def answer() -> None:
            await respond(made, budget)(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]  # no message comes

        unread = [asyncio.create_task(answer()) for _ in range(2)]
        await asyncio.sleep(0)
        assert budget.taken_bytes == 8 * PIECE_BYTES
        with pytest.raises(TradeProblem) as refused:
            await answer()
        assert refused.value.code == "too_many_answers"
        unread[1].cancel()
        await asyncio.wait(unread[1:])
        assert budget.taken_bytes == 4 * PIECE_BYTES
        was_read.set()
        await asyncio.gather(unread[0], answer())
        assert budget.taken_bytes == 0

    asyncio.run(test())


def test_what_arrives_while_an_export_is_read_is_not_in_it(tmp_path: Path) -> None:
    """As where a trade is corrected meanwhile: the answer would have the wrong trade and the right one."""
    request = get("/trades?format=ndjson&corrected=true&side=buy")
    with running(tmp_path) as app:
        for _ in range(12):
            app.client.post("/trades", json=[WIDE] * 1_000).raise_for_status()
        with deaf(app, request) as client:
            eventually(lambda: metric(app, "trading_app_outgoing_bytes") > 0, what="the answer waits for its reader")
            app.client.post("/events", json={"kind": "void", "target": 12_000}).raise_for_status()
            app.client.post("/trades", json=[WIDE] * 10).raise_for_status()
            client.settimeout(60)
            body = b""
            while not body.endswith(b"0\r\n\r\n"):
                body += client.recv(1 << 20)
    assert body.count(b'"trade_id"') == 12_000
