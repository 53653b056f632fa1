"""Who sent each trade, and by which way: kept with the journal, in none of what readers get. Against the process."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from service_kit.access.tokens import digest_of, entry_text, mint, read_scopes
from telemetry_stream.backend import store_of
from telemetry_stream.events import Origin
from tests.trading_app.running import RunningApp, running

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


def test_callers_whose_trades_are_committed_together_are_told_apart(guarded: RunningApp, trade: Make) -> None:
    async def send_all() -> list[tuple[str, int]]:
        async def send(client: httpx.AsyncClient, token: str, body: dict[str, Any]) -> tuple[str, int]:
            return token, (await client.post("/trade", json=body, headers=bearer(token))).json()["seq"]

        async with httpx.AsyncClient(verify=False, base_url=guarded.url, trust_env=False, timeout=60) as client:
            trades = [(token, trade()) for _ in range(60) for token in (ONE, OTHER)]
            return await asyncio.gather(*(send(client, token, body) for token, body in trades))

    with closing(store_of().open_reader(guarded.data_folder)) as reader:
        sent = asyncio.run(send_all())
        for token, sequence in sent:
            found = reader.provenance(sequence)
            assert found is not None
            assert found.origin == Origin(name_of(token), "api")
    assert len({sequence for _, sequence in sent}) == 120


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
