"""Limits that are set, against an app where they are narrow."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.trading_app.problem_documents import problem
from tests.trading_app.raw_http import TRADE
from tests.trading_app.running import RunningApp, running

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    settings = {"WEBAPP_MAX_BODY_BYTES": "1024", "WEBAPP_MAX_PENDING_TRADES": "1", "WEBAPP_MAX_LIVE_STREAMS": "0"}
    with running(tmp_path_factory.mktemp("narrow"), **settings) as app:
        yield app


@pytest.fixture(scope="module")
def client(narrow: RunningApp) -> httpx.Client:
    return narrow.client


def test_the_size_of_a_body_is_a_setting(client: httpx.Client) -> None:
    answer = client.post("/trade", content=b" " * 1025, headers=JSON)
    assert "at most 1024 bytes" in problem(answer, "too_large")["detail"]
    problem(client.post("/trade", content=b" " * 1024, headers=JSON), "not_json")


def test_the_number_of_live_streams_is_a_setting(client: httpx.Client) -> None:
    problem(client.get("/trades/stream"), "too_many_streams")


def test_more_than_can_wait_is_refused_for_a_second_and_nothing_of_it_taken(client: httpx.Client) -> None:
    def send(_: int) -> httpx.Response:
        return client.post("/trade", content=TRADE, headers=JSON)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(send, range(800)))
    taken = [answer for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert taken
    assert refused
    for answer in refused:
        problem(answer, "overloaded")
        assert answer.headers["retry-after"] == "1"
    stored = client.get("/trades", headers={"Accept": "application/x-ndjson"}).text.splitlines()
    assert len(stored) == len(taken)
