"""Positions are summed up once for each state and filter, in slices, however many pages show them."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from service_kit.cooperative import run_at_once
from trading_app.page import shared_summaries
from trading_app.page.position_summary import books_in_slices, totals_in_slices
from trading_app.page.shared_summaries import SharedSummaries
from trading_app.page.sidecar_feed import SidecarFeed
from trading_app.page.sidecar_state import SLICE, PositionState, Reading, SidecarState, decode_in_slices
from trading_app.query.filter import Filter

POSITIONS = 10 * SLICE
AMOUNTS = ("position", "average_entry_price", "last_price", "realized_pnl", "unrealized_pnl")


def position(number: int) -> PositionState:
    amounts: dict[str, Any] = dict.fromkeys(AMOUNTS, "1.5")
    labels: dict[str, Any] = {"account": f"a{number % 5}", "strategy": "s", "symbol": f"S{number}/USDT"}
    return PositionState(**labels, trades={"buy": 1}, net_pnl="1", currency="USDT", **amounts)


def state(applied: int) -> SidecarState:
    return SidecarState("stream", applied, applied, True, [position(number) for number in range(POSITIONS)])


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Filter]:
    """The filters of every summary that is made."""
    made: list[Filter] = []

    def counted(known: SidecarState, read_at: float, wanted: Filter):  # type: ignore[no-untyped-def]  # as it is
        made.append(wanted)
        return books_in_slices(known, read_at, wanted)

    monkeypatch.setattr(shared_summaries, "books_in_slices", counted)
    return made


def test_fifty_pages_with_two_filters_need_two_summaries_of_each_state(made: list[Filter]) -> None:
    feed = SidecarFeed("http://127.0.0.1:1", None)
    summaries = SharedSummaries(feed)

    async def pages() -> set[bytes]:
        wanted = [Filter(), Filter(account="a1")] * 25
        return set(await asyncio.gather(*map(summaries.books, wanted)))

    async def test() -> None:
        feed.latest = Reading().with_state(state(1), 1.0)
        first = await pages()
        assert (len(first), len(made)) == (2, 2)
        feed.latest = replace(feed.latest, number=9)
        assert await pages() == first
        assert len(made) == 2, "the state is the same"
        feed.latest = feed.latest.with_state(state(2), 2.0)
        assert not await pages() & first
        assert len(made) == 4

    asyncio.run(test())


def test_work_on_a_state_is_divided_into_slices() -> None:
    known = state(1)
    body = msgspec.json.encode(known)
    assert sum(1 for _ in decode_in_slices(body)) >= POSITIONS // SLICE
    assert sum(1 for _ in totals_in_slices(known.positions, [])) >= POSITIONS // SLICE
    assert sum(1 for _ in books_in_slices(known, 1.0, Filter())) >= 2 * POSITIONS // SLICE


def test_what_is_decoded_in_slices_is_what_was_sent() -> None:
    known = state(3)
    assert run_at_once(decode_in_slices(msgspec.json.encode(known))) == known
