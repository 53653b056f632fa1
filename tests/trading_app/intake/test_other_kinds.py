"""A journal that holds other kinds of events than fills: what gives trades gives fills only."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from telemetry_stream.backend import open_log
from telemetry_stream.events import Event, Submission
from telemetry_stream.place import Place
from telemetry_stream.topics import Topic
from tests.support.ports import free_address
from tests.trading_app.running import RunningApp, running
from trading_app.intake.event import ALL_SENT, TradeEvent
from trading_model.topics import LEDGER


def fill(trade_id: str) -> Event:
    payload = (
        f'{{"trade_id":"{trade_id}","symbol":"XRP/ETH","price":"1","qty":"1","side":"buy",'
        '"ts":"2026-03-04T05:06:07Z","account":"a","strategy":"s"}'
    )
    return TradeEvent(f"a\x1f{trade_id}", trade_id, payload.encode(), ALL_SENT)


NOTE = Event("note", b'{"kind":"note","aside":true,"note":{"symbol":"XRP/ETH","account":"a","text":"x"}}')
VOID = Event("void", b'{"kind":"void","target":1,"void":{"symbol":"XRP/ETH","account":"a"}}')


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    folder: Path = tmp_path_factory.mktemp("kinds")
    stream = open_log(Place(Topic(LEDGER), folder / "data", free_address(), free_address()), print)
    with closing(stream):
        stream.append([Submission([fill("t1"), NOTE, fill("t2"), VOID])])
        stream.append([Submission([fill("t3")])])
    with running(folder) as running_app:
        yield running_app


@pytest.mark.parametrize("chosen", [{}, {"symbol": "XRP/ETH", "account": "a"}])
def test_a_page_and_lines_hold_fills_only(app: RunningApp, chosen: dict[str, str]) -> None:
    client: httpx.Client = app.client
    page = client.get("/trades", params=chosen).json()
    assert [trade["trade_id"] for trade in page["trades"]] == ["t1", "t2", "t3"]
    assert [trade["seq"] for trade in page["trades"]] == [1, 3, 5]
    lines = client.get("/trades", params=chosen, headers={"Accept": "application/x-ndjson"}).text
    assert len(lines.splitlines()) == 3


def test_a_page_that_ends_before_another_kind_goes_on_behind_it(app: RunningApp) -> None:
    page = app.client.get("/trades", params={"limit": 1}).json()
    following = app.client.get("/trades", params={"limit": 10, "after": page["next_after"]}).json()
    assert [trade["trade_id"] for trade in following["trades"]] == ["t2", "t3"]


def test_the_live_stream_gives_fills_only(app: RunningApp) -> None:
    with app.client.stream("GET", "/trades/stream", params={"after": 0}) as answer:
        ids = (line for line in answer.iter_lines() if line.startswith("id: "))
        assert [next(ids) for _ in range(3)] == ["id: 1", "id: 3", "id: 5"]
