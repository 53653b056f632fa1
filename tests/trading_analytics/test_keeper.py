"""The one who writes the history, beside a real stream."""

import asyncio
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from telemetry_stream import backend
from telemetry_stream.events import Event, StreamPosition, Submission
from telemetry_stream.place import Place
from tests.support.ports import free_address
from tests.telemetry_stream.streams import TRADES, becomes, run
from tests.trading_history.ledgers import a_fill
from trading_analytics.keeper import Keeper
from trading_history.errors import StoreUnavailable
from trading_history.writer import HistoryWriter


def test_a_clock_that_was_set_back_since_the_publication_gives_no_negative_delay(tmp_path: Path) -> None:
    place = Place(TRADES, tmp_path, free_address(), free_address())

    async def scenario() -> None:
        with closing(backend.open_log(place, lambda error: pytest.fail(repr(error)))) as log:
            keeper = Keeper(place, clock_ns=lambda: 0)
            task = asyncio.ensure_future(keeper.run())
            await becomes(lambda: keeper.subscriber is not None and keeper.subscriber.caught_up)
            log.append([Submission([Event("t1", msgspec.json.encode(a_fill()))])])
            await becomes(lambda: sum(keeper.delays.counts) == 1)
            assert keeper.delays.total == 0
            task.cancel()
            await asyncio.wait([task])

    run(scenario())


def test_why_the_history_can_not_be_written_is_said_until_something_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk the store can be opened, and fails again only when it has to grow."""
    place = Place(TRADES, tmp_path, free_address(), free_address())
    said, commit = list[str](), HistoryWriter.commit

    def fail_twice(writer: HistoryWriter, position: StreamPosition) -> None:
        if position.sequence:
            said.append(keeper.waits_for)
            if len(said) <= 2:
                raise StoreUnavailable("the disk is full")
        commit(writer, position)

    monkeypatch.setattr(HistoryWriter, "commit", fail_twice)
    keeper = Keeper(place)

    async def scenario() -> None:
        with closing(backend.open_log(place, lambda error: pytest.fail(repr(error)))) as log:
            log.append([Submission([Event("t1", msgspec.json.encode(a_fill()))])])
            task = asyncio.ensure_future(keeper.run())
            await becomes(lambda: not keeper.waits_for)
            task.cancel()
            await asyncio.wait([task])

    run(scenario())
    assert said[1:] == ["the disk is full", "the disk is full"]
    assert (said[0], keeper.retries.failures) == ("the history has 0 of 1 events", 2)
