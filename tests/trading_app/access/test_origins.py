"""Who sent each trade, and by which way: kept with the journal, in none of what readers get. Against the process."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from service_kit.access.tokens import digest_of, entry_text, mint, read_scopes
from telemetry_stream.backend import store_of
from telemetry_stream.events import Origin
from tests.trading_app.raw_http import connected, post
from tests.trading_app.running import RunningApp, running, stopped

Make = Callable[..., dict[str, Any]]
ONE, OTHER = mint(), mint()
INGEST = read_scopes(["ingest", "read"])


def name_of(token: str) -> str:
    return f"token {digest_of(token.encode()).hex()[:8]}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    entries = ",".join(entry_text(token, INGEST) for token in (ONE, OTHER))
    with running(tmp_path_factory.mktemp("origins"), WEBAPP_API_TOKENS=entries) as app:
        yield app


def origin_of(folder: Path, sequence: int) -> Origin:
    with closing(store_of().open_reader(folder)) as reader:
        found = reader.provenance(sequence)
        assert found is not None
        assert found.committed_at_ns > 1_700_000_000 * 10**9
        return found.origin


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_each_way_and_each_caller_is_kept(guarded: RunningApp, trade: Make) -> None:
    client, folder = guarded.client, guarded.data_folder
    page = {"Sec-Fetch-Site": "same-origin"}
    calls: list[tuple[Origin, str, dict[str, Any]]] = [
        (Origin(name_of(ONE), "api"), "/trade", {"json": trade(), "headers": bearer(ONE)}),
        (Origin(name_of(OTHER), "api"), "/trade", {"json": trade(), "headers": bearer(OTHER)}),
        (Origin(name_of(OTHER), "batch"), "/trades", {"json": [trade(), trade()], "headers": bearer(OTHER)}),
        (Origin(name_of(ONE), "form"), "/trade", {"data": trade(), "headers": bearer(ONE)}),
        (Origin(name_of(ONE), "page"), "/trade", {"data": trade(), "headers": bearer(ONE) | page}),
        (Origin(name_of(ONE), "page"), "/trade", {"json": trade(), "headers": bearer(ONE) | page}),
    ]
    for origin, path, call in calls * 3:  # the connection knows the heads when they come again
        answer = client.post(path, **call).json()
        assert origin_of(folder, answer.get("seq") or answer["last_seq"]) == origin
    everything = client.get("/trades?limit=1000", headers=bearer(ONE)).text
    assert "token " not in everything


def test_callers_whose_trades_arrive_at_once_are_told_apart(guarded: RunningApp, trade: Make) -> None:
    bodies = [json.dumps(trade()).encode() for _ in range(24)]
    tokens = [ONE, OTHER] * 12
    requests = [
        post("/trade", body, f"Authorization: Bearer {token}") for token, body in zip(tokens, bodies, strict=True)
    ]
    with ExitStack() as opened:
        connections = [opened.enter_context(connected(guarded.port)) for _ in requests]
        for connection, request, body in zip(connections, requests, bodies, strict=True):
            connection.send(request.replace(body, b" " * len(body)))  # so that the connection knows the head
            assert connection.answer().status == 400
        with stopped(guarded):
            for connection, request in zip(connections, requests, strict=True):
                connection.send(request)
        sequences = [connection.answer().json()["seq"] for connection in connections]
    assert [origin_of(guarded.data_folder, sequence) for sequence in sequences] == [
        Origin(name_of(token), "api") for token in tokens
    ]


def test_without_credentials_the_way_is_kept_over_restarts(tmp_path: Path, trade: Make) -> None:
    sequences = []
    for _ in range(2):
        with running(tmp_path) as app:
            body = json.dumps(trade())
            sequences.append(
                app.client.post("/trade", content=body, headers={"Content-Type": "application/json"}).json()["seq"]
            )
            folder = app.data_folder
    assert [origin_of(folder, sequence) for sequence in sequences] == [Origin("", "api")] * 2
