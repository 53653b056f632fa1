"""Clients that send several requests at once and break off: nobody else is harmed, and nothing is left waiting."""

import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from tests.support.polling import eventually
from tests.trading_app.conftest import ORIGIN
from tests.trading_app.raw_http import TRADE, Connection, connected, post
from tests.trading_app.running import RunningApp, running

ATTACKERS, ATTACKS = 4, 100


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running(tmp_path_factory.mktemp("cut"), WEBAPP_CORS_ORIGINS=ORIGIN, LOG_LEVEL="INFO") as app:
        yield app


def send_garbage(connection: Connection) -> None:
    connection.send(b"\x00\x01\r\n\r\n")
    connection.rest()


def say_goodbye(connection: Connection) -> None:
    connection.end_sending()
    connection.rest()


def reset(connection: Connection) -> None:
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.long
@pytest.mark.parametrize("header", ["X-Way: short", f"Origin: {ORIGIN}"], ids=["short way", "through the app"])
@pytest.mark.parametrize("break_off", [send_garbage, say_goodbye, reset])
def test_a_pipeline_that_is_cut_off_harms_nobody(app: RunningApp, header: str, break_off: object) -> None:
    assert callable(break_off)

    def attack() -> None:
        for _ in range(ATTACKS):
            with suppress(ConnectionError), connected(app.port) as connection:
                connection.send(post("/trade", TRADE, header) * 3)
                break_off(connection)

    with ThreadPoolExecutor() as pool, connected(app.port) as bystander:
        attacks = [pool.submit(attack) for _ in range(ATTACKERS)]
        while not all(attack.done() for attack in attacks):
            bystander.send(post("/trade", TRADE))
            assert bystander.answer().status == 201
        for done in attacks:
            done.result()
    eventually(lambda: app.metric("trading_app_pending_trades") == 0, what="nothing pending")
    assert app.metric('trading_app_requests_refused_total{code="internal_error"}') == 0
    assert not [line for line in app.log_lines() if line["level"] in ("error", "critical")]
