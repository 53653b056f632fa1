"""When positions are recomputed: after corrections that belong together, not too late, and of their own history."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from metrics_sidecar import recompute
from metrics_sidecar.follow import Tracker
from metrics_sidecar.recompute import FOLD_SECONDS, MAX_QUIET_SECONDS, QUIET_SECONDS, Quiet, Recomputer
from telemetry_stream.events import StreamPosition
from telemetry_stream.place import Place
from telemetry_stream.testing.memory import MemoryStream, MemorySubscriber
from telemetry_stream.topics import Topic
from tests.metrics_sidecar.builders import batch_of
from tests.support.ledger_builder import LedgerBuilder
from tests.support.polling import PATIENCE_SECONDS
from tests.trading_model.folding import fold, through_snapshot
from trading_history.writer import HistoryWriter
from trading_model.topics import LEDGER


def waited(fills: int, *, last: float, every: float = 0.01) -> float:
    """How long a pass of so many fills waits, while corrections come every so many seconds until `last`."""
    quiet, now = Quiet(0), 0.0
    while pause := quiet.pause(now, int(min(now, last) / every), fills):
        now += pause
    return now


def test_a_single_correction_waits_for_one_pause() -> None:
    assert waited(1_000, last=0) == QUIET_SECONDS


def test_an_import_is_waited_for_to_its_end() -> None:
    assert 1 < waited(1_000, last=1) <= 1 + 2 * QUIET_SECONDS


def test_corrections_that_keep_coming_are_waited_for_two_seconds() -> None:
    assert waited(1_000, last=1e9) == pytest.approx(MAX_QUIET_SECONDS, abs=QUIET_SECONDS)


def test_a_long_pass_waits_for_as_long_as_it_takes_and_a_hundredth_of_that_after_the_last_correction() -> None:
    fills = 10_000_000
    takes = FOLD_SECONDS * fills
    assert waited(fills, last=1e9) == pytest.approx(takes)
    assert takes / 2 < waited(fills, last=takes / 2) <= takes / 2 + 2 * takes / 100
    assert waited(fills, last=0) == pytest.approx(takes / 100)


def test_fills_of_another_history_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store started over with another stream, between the look at its position and the fold of its fills."""
    ledger = LedgerBuilder()
    for number in range(9):
        ledger.buy("1", str(100 + number))
    state = through_snapshot(fold(ledger.events))
    ledger.void(2)
    state.apply(batch_of(ledger.events[9:]))
    with closing(HistoryWriter(tmp_path)) as writer:
        writer.apply(batch_of(ledger.events[:5]))
        writer.commit(StreamPosition("another", 5, "x"))

    async def scenario() -> None:
        looks, second_look = 0, asyncio.Event()

        async def is_there(*_arguments: object) -> None:
            nonlocal looks
            looks += 1
            if looks > 1:
                second_look.set()
                await asyncio.Event().wait()

        monkeypatch.setattr(recompute, "bring_up_to_date", is_there)
        tracker = Tracker(MemorySubscriber(MemoryStream()), state)
        recomputer = Recomputer(tracker, Place(Topic(LEDGER), tmp_path, "", ""), str)
        tracker.recomputation_wanted.set()
        task = asyncio.ensure_future(recomputer.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not second_look.is_set() and state.restatement.is_recomputing:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert (recomputer.passes, state.restatement.is_recomputing) == (0, True)

    asyncio.run(scenario())
