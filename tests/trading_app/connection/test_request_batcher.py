"""Trades of many connections that come in one turn of the event loop: each gets the answer that it would get alone."""

import json
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.polling import eventually
from tests.trading_app.raw_http import Answer, Connection, connected, post
from tests.trading_app.running import RunningApp, running, stopped

COUNT = 12


def named(trade_id: str, **fields: object) -> bytes:
    """A trade, as JSON."""
    trade = {"trade_id": trade_id, "symbol": "TURN/USD", "price": "10.50", "qty": 2, "side": "sell", **fields}
    return json.dumps(trade, ensure_ascii=False).encode()


@contextmanager
def known(app: RunningApp, *sizes: int) -> Iterator[list[Connection]]:
    """COUNT connections on each of which heads for bodies of these sizes came before."""
    with ExitStack() as opened:
        connections = [opened.enter_context(connected(app.port)) for _ in range(COUNT)]
        for connection in connections:
            for size in sizes:
                connection.send(post("/trade", b" " * size))
                assert connection.answer().status == 400
        yield connections


def post_all(connections: Sequence[Connection], bodies: Sequence[bytes]) -> None:
    """A trade on each connection; nothing is waited for."""
    for connection, body in zip(connections, bodies, strict=True):
        connection.send(post("/trade", body))


def send_at_once(app: RunningApp, bodies: Sequence[bytes]) -> list[Answer]:
    """The answer to each, all being there in one turn."""
    with known(app, *{len(body) for body in bodies}) as connections:
        with stopped(app):
            post_all(connections, bodies)
        return [connection.answer() for connection in connections]


def send_alone(app: RunningApp, bodies: Sequence[bytes]) -> list[Answer]:
    """The answer to each, one after another."""
    with connected(app.port) as connection:
        answers = []
        for body in bodies:
            connection.send(post("/trade", body))
            answers.append(connection.answer())
        return answers


def comparable(answer: Answer, mark: str) -> tuple[int, list[str], dict[str, Any]]:
    """An answer without what is new in each."""
    text = answer.body.decode().replace(mark, "MARK")
    document = json.loads(re.sub(r'(with sequence |"seq":)\d+', r"\g<1>0", text))
    known_id = document.get("trade_id", "MARK")
    made = {"seq": 0, "request_id": "", "trade_id": known_id if "MARK" in known_id else "made"}
    return answer.status, sorted(answer.headers), {name: made.get(name, value) for name, value in document.items()}


def test_each_connection_gets_the_answer_to_its_own_trade(web: RunningApp) -> None:
    before = [web.metric("trading_app_trades_accepted_total"), web.metric(COUNTED)]
    answers = send_at_once(web, [named(f"own-{index:02}") for index in range(COUNT)])
    assert [answer.status for answer in answers] == [201] * COUNT
    assert [answer.json()["trade_id"] for answer in answers] == [f"own-{index:02}" for index in range(COUNT)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == COUNT
    journaled = {answer.json()["seq"]: answer.json()["trade_id"] for answer in answers}
    first = min(journaled)
    page = web.client.get("/trades", params={"after": first - 1, "limit": COUNT}).json()["trades"]
    assert {trade["seq"]: trade["trade_id"] for trade in page} == journaled
    assert [web.metric("trading_app_trades_accepted_total"), web.metric(COUNTED)] == [
        before[0] + COUNT,
        before[1] + COUNT,
    ]


COUNTED = 'trading_app_http_requests_total{method="POST",route="/trade",status="201"}'

ODD: dict[str, Callable[[str], bytes]] = {
    "as before": lambda mark: named(f"{mark}-before"),
    "other than before": lambda mark: named(f"{mark}-before", price=11),
    "no JSON": lambda _mark: b"nope",
    "no UTF-8": lambda mark: named(f"{mark}-ü").replace("ü".encode(), b"\xff"),
    "two trades": lambda mark: named(f"{mark}-two") + b"," + named(f"{mark}-three"),
    "half a trade": lambda mark: named(f"{mark}-half")[:-1],
    "an array of one": lambda mark: b"[" + named(f"{mark}-array") + b"]",
    "a bad price": lambda mark: named(f"{mark}-bad", price="1,5"),
    "no side": lambda mark: named(f"{mark}-none", side=None),
    "a member too many": lambda mark: named(f"{mark}-more", seq=7),
    "an exponent": lambda mark: named(f"{mark}-exponent", qty="1e-3"),
    "lower case": lambda mark: named(f"{mark}-lower", symbol="turn/usd", side="SELL"),
    "a fee": lambda mark: named(f"{mark}-fee", fee="-0.001", fee_currency="usd", venue="x", order_id="o"),
    "a time": lambda mark: named(f"{mark}-time", ts=1_790_000_000_123),
    "no id": lambda mark: named(mark).replace(f'"trade_id": "{mark}", '.encode(), b""),
    "not in ASCII": lambda mark: named(f"{mark}-ü", account="é"),
}


@pytest.mark.parametrize("odd", ODD)
def test_an_unusual_request_gets_the_answer_it_gets_alone_and_the_others_are_accepted(
    web: RunningApp, odd: str
) -> None:
    seen = {}
    for mark, send in (("many", send_at_once), ("lone", send_alone)):
        label = f"{mark}-{list(ODD).index(odd):02}"
        send_alone(web, [named(f"{label}-before")])
        bodies = [named(f"{label}-plain-{index:02}") for index in range(COUNT)]
        bodies[COUNT // 2] = ODD[odd](label)
        seen[mark] = [comparable(answer, label) for answer in send(web, bodies)]
    assert seen["many"] == seen["lone"]
    statuses = [status for status, *_ in seen["many"]]
    assert statuses[: COUNT // 2] + statuses[COUNT // 2 + 1 :] == [201] * (COUNT - 1)


def test_the_same_trade_many_times_in_a_turn_is_taken_once(web: RunningApp) -> None:
    answers = send_at_once(web, [named("same-turn")] * (COUNT - 1) + [named("same-turn", price=99)])
    counted = Counter(answer.status for answer in answers)
    assert counted in ({201: 1, 200: COUNT - 2, 409: 1}, {201: 1, 409: COUNT - 1})  # the other one may come first
    assert len({answer.json()["seq"] for answer in answers if answer.status != 409}) == 1


@pytest.mark.parametrize("seed", range(6))
def test_any_mix_of_requests_gets_the_answers_that_each_gets_alone(web: RunningApp, seed: int) -> None:
    chosen = random.Random(seed)
    kinds = [chosen.choice(["plain", "plain", *ODD]) for _ in range(COUNT)]
    # What appears twice would be "accepted" the first time only, and which is the first is open.
    kinds = [
        kind if kind in ("no JSON", "no id") or kind not in kinds[:at] else "plain" for at, kind in enumerate(kinds)
    ]
    seen = {}
    for mark, send in (("many", send_at_once), ("lone", send_alone)):
        label = f"{mark}-mix-{seed}"
        send_alone(web, [named(f"{label}-before")])
        bodies = [ODD[kind](label) if kind in ODD else named(f"{label}-{at:02}") for at, kind in enumerate(kinds)]
        seen[mark] = [comparable(answer, label) for answer in send(web, bodies)]
    assert seen["many"] == seen["lone"]


def test_the_trade_of_a_client_that_left_is_accepted_and_the_others_get_answers(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        bodies = [named(f"left-{index:02}") for index in range(COUNT)]
        with known(app, len(bodies[0])) as connections:
            with stopped(app):
                post_all(connections, bodies)
                connections[3].close()
                connections[3].socket.close()
            answers = [connection.answer() for connection in connections[:3] + connections[4:]]
        assert [answer.status for answer in answers] == [201] * (COUNT - 1)
        assert app.stored_trades() == COUNT
        eventually(lambda: app.metric("trading_app_trades_accepted_total") == COUNT, what="the last one's count")


def test_requests_behind_those_under_way_are_answered_in_their_order(web: RunningApp) -> None:
    bodies = [[named(f"behind-{index:02}-{place}") for index in range(COUNT)] for place in range(3)]
    with known(web, len(bodies[0][0])) as connections:
        with stopped(web):
            post_all(connections, bodies[0])
        for later in bodies[1:]:
            post_all(connections, later)
        for index, connection in enumerate(connections):
            answers = [connection.answer().json() for _ in bodies]
            assert [answer["trade_id"] for answer in answers] == [f"behind-{index:02}-{place}" for place in range(3)]


def test_a_turn_that_is_more_than_may_wait_is_taken_in_part(tmp_path: Path) -> None:
    with running(tmp_path, WEBAPP_MAX_PENDING_TRADES="5") as app:
        answers = send_at_once(app, [named(f"many-{index:02}") for index in range(COUNT)])
        taken = [answer.json()["trade_id"] for answer in answers if answer.status == 201]
        refused = [answer for answer in answers if answer.status == 503]
        assert (len(taken), len(refused)) == (5, COUNT - 5)
        assert all(answer.headers["retry-after"] for answer in refused)
        journaled = [trade["trade_id"] for trade in app.client.get("/trades").json()["trades"]]
        assert sorted(journaled) == sorted(taken)
        assert app.metric('trading_app_trades_refused_total{code="overloaded"}') == COUNT - 5


@pytest.mark.parametrize(
    ("fault", "answered"),
    [
        ("routes.Intake.read_each = fail", {201: COUNT}),
        ("turn.accepted_body = partial(fail_once, turn.accepted_body)", {201: COUNT - 1, "closed": 1}),
    ],
)
def test_what_goes_wrong_with_one_leaves_nobody_waiting(
    tmp_path: Path, fault: str, answered: dict[object, int]
) -> None:
    seen: Counter[object] = Counter()
    with running(tmp_path, program=FAULTY % fault) as app:
        bodies = [named(f"fault-{index:02}") for index in range(COUNT)]
        with known(app, len(bodies[0])) as connections:
            with stopped(app):
                post_all(connections, bodies)
            for connection in connections:
                try:
                    seen[connection.answer().status] += 1
                except (AssertionError, ConnectionResetError):
                    seen["closed"] += 1
        assert seen == answered
        assert app.stored_trades() == app.metric("trading_app_trades_accepted_total") == COUNT
        assert "broken on purpose" in app.log_text()


FAULTY = """
import sys
from functools import partial
from trading_app import routes
from trading_app.connection import request_batcher as turn
from trading_app.main import main

def fail(*_):
    raise MemoryError("broken on purpose")

def fail_once(whole, *arguments, broken=[]):
    if not broken:
        broken.append(True)
        raise RuntimeError("broken on purpose")
    return whole(*arguments)

%s
sys.exit(main())
"""


TICK_SECONDS = 0.2
"""Longer than the pause between two ticks of the server, in one of which it ends."""


def test_a_turn_at_the_end_is_answered_before_the_app_is_gone(tmp_path: Path) -> None:
    with running(tmp_path) as app:
        bodies = [named(f"last-{index:02}") for index in range(COUNT)]
        with known(app, len(bodies[0])) as connections:
            with stopped(app):
                post_all(connections, bodies)
                time.sleep(TICK_SECONDS)  # the server's timer is due then: it runs before the sockets are read
                app.process.send_signal(signal.SIGTERM)
            told_of = [connection.answer() for connection in connections]
            assert {answer.status for answer in told_of} <= {201, 503}
            assert app.wait() == 0
    taken = sum(answer.status == 201 for answer in told_of)
    with running(tmp_path) as again:
        assert again.stored_trades() == taken
