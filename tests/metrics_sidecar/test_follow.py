"""From the stream's deliveries to state, readiness and snapshots."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from metrics_sidecar.follow import Saver, Tracker
from metrics_sidecar.snapshot import SnapshotFile
from telemetry_stream.events import Arrival, Event, Reset, StreamPosition, Submission
from telemetry_stream.testing.memory import MemoryStream, MemorySubscriber
from tests.metrics_sidecar.builders import Trade, batch, event, figure, samples, state_of, trade
from tests.support.polling import PATIENCE_SECONDS
from trading_model.accounting.state import TradingState

BUY = trade("buy", "1", "10")
SECOND_NS = 1_000_000_000


def put(stream: MemoryStream, trades: Sequence[Trade]) -> None:
    """Append trades, as the web app would."""
    count = stream.head()
    payloads = [b"{" + event(0, given).split(b",", 1)[1] for given in trades]
    stream.append([Submission([Event(f"{count + index}", payload) for index, payload in enumerate(payloads)])])


def follow(stream: MemoryStream, limit: int = 1_000) -> Tracker:
    return Tracker(MemorySubscriber(stream), TradingState(limit))


@asynccontextmanager
async def running(tracker: Tracker) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(tracker.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0)


async def until_applied(tracker: Tracker, sequence: int) -> None:
    await until(lambda: tracker.state.applied == sequence)


def test_appended_trades_are_applied_in_any_batches() -> None:
    async def scenario() -> Tracker:
        stream = MemoryStream()
        put(stream, [BUY] * 1_500)
        tracker = follow(stream)
        async with running(tracker):
            await until_applied(tracker, 1_500)
            put(stream, [BUY] * 3)
            await until_applied(tracker, 1_503)
        return tracker

    tracker = asyncio.run(scenario())
    assert figure(tracker.state, "trading_trades_total", side="buy") == "1503"
    assert tracker.ready


def test_an_empty_stream_is_caught_up_at_once() -> None:
    async def scenario() -> None:
        tracker = follow(MemoryStream())
        assert not tracker.ready
        async with running(tracker):
            await until(lambda: tracker.ready)

    asyncio.run(scenario())


class ScriptedSubscriber(MemorySubscriber):
    """A subscriber whose state the test sets."""

    scripted_caught_up = False

    @property
    def caught_up(self) -> bool:
        return self.scripted_caught_up

    def at(self, sequence: int) -> None:
        self._position = StreamPosition("scripted", sequence, "check")


@pytest.fixture
def subscriber() -> ScriptedSubscriber:
    return ScriptedSubscriber(MemoryStream())


@pytest.fixture
def tracker(subscriber: ScriptedSubscriber) -> Tracker:
    return Tracker(subscriber, TradingState(1_000), clock_ns=lambda: 100 * SECOND_NS)


def test_falling_behind_later_does_not_undo_readiness(tracker: Tracker, subscriber: ScriptedSubscriber) -> None:
    tracker.take(Arrival(batch([BUY]), 0, replayed=True))
    assert not tracker.ready
    subscriber.scripted_caught_up = True
    tracker.take(Arrival(batch([BUY], 2), 0, replayed=True))
    subscriber.scripted_caught_up = False
    assert tracker.ready


def test_another_stream_starts_empty_and_needs_a_catch_up(tracker: Tracker, subscriber: ScriptedSubscriber) -> None:
    subscriber.scripted_caught_up = True
    tracker.take(Arrival(batch([BUY]), 0, replayed=True))
    assert tracker.ready
    subscriber.scripted_caught_up = False
    tracker.take(Reset("another"))
    assert not tracker.ready
    assert tracker.state.stream == "another"
    assert samples(tracker.state.freeze()) == {}


def test_only_live_trades_that_are_new_are_timed(tracker: Tracker) -> None:
    tracker.take(Arrival(batch([BUY] * 4, published_at_ns=98 * SECOND_NS), 0, replayed=True))
    tracker.take(Arrival(batch([BUY] * 4, 5), 0, replayed=False))
    assert sum(tracker.delays.counts) == 0
    tracker.take(Arrival(batch([BUY] * 4, 7, published_at_ns=98 * SECOND_NS), 2, replayed=False))
    assert sum(tracker.delays.counts) == 2
    assert tracker.delays.total == 2 * 2 * SECOND_NS


def test_a_clock_that_was_set_back_since_the_publication_gives_no_negative_delay(tracker: Tracker) -> None:
    """A sum that falls would be a reset for Prometheus."""
    tracker.take(Arrival(batch([BUY], published_at_ns=98 * SECOND_NS), 0, replayed=False))
    tracker.take(Arrival(batch([BUY], 2, published_at_ns=101 * SECOND_NS), 0, replayed=False))
    assert (sum(tracker.delays.counts), tracker.delays.total) == (2, 2 * SECOND_NS)


def test_a_state_that_does_not_match_its_position_is_never_saved(tracker: Tracker) -> None:
    tracker.take(Arrival(batch([BUY]), 0, replayed=True))
    with pytest.raises(RuntimeError, match="state is at 1, the subscriber at 0"):
        asyncio.run(tracker.snapshot())


def in_loop(scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await scenario()

    asyncio.run(run())


def test_a_snapshot_taken_at_any_point_continues_to_the_same_figures(tmp_path: Path) -> None:
    trades = [trade(("buy", "sell")[number % 3 == 0], f"{number % 7 + 1}", f"{number}.5") for number in range(1, 40)]

    async def scenario() -> None:
        stream, file = MemoryStream(), SnapshotFile(tmp_path)
        for end in range(1, len(trades) + 1):
            put(stream, trades[end - 1 : end])
            snapshot = file.load()
            tracker = follow(stream)
            if snapshot is not None:
                subscriber = MemorySubscriber(stream, snapshot.position)
                tracker = Tracker(subscriber, TradingState.restored(snapshot.moment))
            saver = Saver(tracker, file)
            async with running(tracker):
                await until_applied(tracker, end)
                await saver.save()
        assert samples(tracker.state.freeze()) == samples(state_of(trades).freeze())

    in_loop(scenario)


class TestSaver:
    def test_it_saves_only_what_has_changed(self, tmp_path: Path) -> None:
        async def scenario() -> None:
            stream = MemoryStream()
            tracker = follow(stream)
            saver = Saver(tracker, SnapshotFile(tmp_path), clock_ns=lambda: 7 * SECOND_NS)
            async with running(tracker):
                put(stream, [BUY])
                await until_applied(tracker, 1)
                await saver.save()
                await saver.save()
                assert (saver.saved, saver.last_saved_ns) == (1, 7 * SECOND_NS)
                put(stream, [BUY])
                await until_applied(tracker, 2)
                await saver.save()
                assert saver.saved == 2

        in_loop(scenario)

    def test_it_saves_a_last_time_at_the_end(self, tmp_path: Path) -> None:
        async def scenario() -> None:
            stream, ending = MemoryStream(), asyncio.Event()
            put(stream, [BUY])
            tracker, file = follow(stream), SnapshotFile(tmp_path)
            saver = Saver(tracker, file)
            async with running(tracker):
                await until_applied(tracker, 1)
                saving = asyncio.get_running_loop().create_task(saver.run(1_000, ending))
                ending.set()
                await saving
            snapshot = file.load()
            assert snapshot is not None
            assert snapshot.position.sequence == 1

        in_loop(scenario)

    def test_a_failed_save_is_counted_and_retried(self, tmp_path: Path) -> None:
        async def scenario() -> None:
            stream = MemoryStream()
            put(stream, [BUY])
            tracker, file = follow(stream), SnapshotFile(tmp_path / "folder")
            saver = Saver(tracker, file)
            async with running(tracker):
                await until_applied(tracker, 1)
                (tmp_path / "folder").rename(tmp_path / "gone")
                await saver.save()
                assert (saver.saved, saver.failed) == (0, 1)
                (tmp_path / "gone").rename(tmp_path / "folder")
                await saver.save()
                assert (saver.saved, saver.failed) == (1, 1)

        in_loop(scenario)
