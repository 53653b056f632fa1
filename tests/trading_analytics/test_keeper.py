"""The one who writes the history, beside a real stream."""

import asyncio
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from telemetry_stream import backend
from telemetry_stream.events import Event, Submission
from telemetry_stream.place import Place
from tests.support.ports import free_address
from tests.telemetry_stream.streams import TRADES, becomes, run
from tests.trading_history.ledgers import a_fill
from trading_analytics.keeper import Keeper


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
