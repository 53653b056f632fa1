"""How events come into the market journal, and what happens once it has failed."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from market_feed.intake.journal import MarketJournal
from telemetry_stream import backend
from telemetry_stream.events import Event
from telemetry_stream.group_commit import GroupCommitter
from telemetry_stream.place import Place
from telemetry_stream.stores.sqlite.schema import JOURNAL_FILE
from telemetry_stream.topics import Deduplication, Topic
from tests.support.ports import free_address
from tests.telemetry_stream.streams import becomes, run


def test_a_clock_that_is_set_back_gives_no_negative_delay(tmp_path: Path) -> None:
    place = Place(Topic("market-data-raw", Deduplication.IDS), tmp_path, free_address(), free_address())

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        committer = GroupCommitter(
            backend.open_log(place, lambda error: pytest.fail(repr(error))),
            loop.call_soon,
            loop.call_soon_threadsafe,
            lambda error: pytest.fail(repr(error)),
            100,
            lambda _seconds, _events: None,
        )
        journal = MarketJournal(committer, 100, lambda: 7)
        for number, received_at_ns in enumerate((4, 9)):
            journal.put([Event(f"binance#{number}", b'{"kind":"trade"}')], received_at_ns)
        await becomes(lambda: journal.committed == 2)
        committer.close()
        assert (sum(journal.delays.counts), journal.delays.total) == (2, 3)

    run(scenario())


def test_events_that_come_after_the_journal_failed_wait_for_the_end_without_a_further_error(tmp_path: Path) -> None:
    """It failed at a heartbeat: no commit was under way, so no outcome reported the failure."""
    place = Place(Topic("market-data-raw", Deduplication.IDS), tmp_path, free_address(), free_address())

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        errors = list[dict[str, Any]]()
        loop.set_exception_handler(lambda _loop, context: errors.append(context))
        failures = list[BaseException]()
        log = backend.open_log(place, failures.append)
        committer = GroupCommitter(
            log, loop.call_soon, loop.call_soon_threadsafe, failures.append, 100, lambda _seconds, _events: None
        )
        journal = MarketJournal(committer, 100, time.time_ns)
        journal.put([Event("binance#1", b'{"kind":"trade"}')], time.time_ns())
        await becomes(lambda: journal.committed == 1)
        (tmp_path / JOURNAL_FILE).unlink()
        await becomes(lambda: not committer.accepting)
        journal.put([Event("binance#2", b'{"kind":"trade"}')], time.time_ns())
        for _ in range(3):  # the turns of the loop that handing over takes
            await asyncio.sleep(0)
        committer.close()
        assert errors == []
        assert (journal.committed, journal.pending, len(failures)) == (1, 1, 1)

    run(scenario())
