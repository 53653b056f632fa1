"""What the tests of the stream share: events, a reader that applies deliveries."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from telemetry_stream.backend import open_log
from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import Arrival, Conflict, Event, Reset, Submission
from telemetry_stream.keys import write_secret_key
from telemetry_stream.log import StreamReader, StreamSubscriber
from telemetry_stream.place import Place
from telemetry_stream.stores.sqlite.journal import Journal
from telemetry_stream.stores.sqlite.key_deduplication import KeyDeduplication
from telemetry_stream.topics import Topic
from telemetry_stream.transports.zeromq.curve import ServerKeys
from telemetry_stream.transports.zeromq.transport import ZeroMqCarrier
from telemetry_stream.wire import cut
from tests.support.polling import PATIENCE_SECONDS

Result = TypeVar("Result")

TRADES = Topic("trades")


def open_stream(
    folder: Path,
    live: str,
    replay: str,
    on_failure: Callable[[BaseException], object],
    keys: ServerKeys | None = None,
) -> DurableLog:
    """A stream of TRADES in SQLite, over ZeroMQ."""
    file = None
    if keys is not None:
        file = folder.with_name(f"{folder.name}.key")
        file.unlink(missing_ok=True)
        write_secret_key(file, keys.secret)
    clients = tuple(key.decode() for key in keys.clients) if keys else ()

    def fail(error: BaseException) -> None:
        on_failure(error)

    return open_log(Place(TRADES, folder, live, replay, file, clients), fail)


def carrier_of(log: DurableLog) -> ZeroMqCarrier:
    """The sockets of a stream that `open_stream` opened."""
    carrier = log._carrier
    assert isinstance(carrier, ZeroMqCarrier)
    return carrier


def keys_of(journal: Journal) -> KeyDeduplication:
    """How the journal recognises repetitions, for tests of its index."""
    deduplication = journal._deduplication
    assert isinstance(deduplication, KeyDeduplication)
    return deduplication


def event(key: str, says: str = "this") -> Event:
    """An event; with the same key and another `says` it is in conflict with the first."""
    return Event(key, msgspec.json.encode({"id": key, "says": says}))


class Conflicting:
    """Equal to a Conflict of the events with these indexes; each has the sequence of the event that it contradicts."""

    def __init__(self, sequences: dict[int, int]) -> None:
        self._sequences = sequences

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Conflict):
            return NotImplemented
        found = zip(other.indexes, other.earlier, strict=True)
        return {index: earlier.sequence for index, earlier in found} == self._sequences

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Conflicting({self._sequences})"


def submission(*keys: str, says: str = "this") -> Submission:
    """One event for each key."""
    return Submission([event(key, says) for key in keys])


def numbered(names: Iterable[int]) -> Submission:
    """One event for each number."""
    return submission(*(f"event-{name}" for name in names))


def all_events(reader: StreamReader) -> bytes:
    """Everything the stream holds, page by page."""
    pages = []
    last = 0
    while (page := reader.read(last, 10_000)).count:
        pages.append(page.events)
        last = page.last
    return b",".join(pages)


class Applied:
    """What a reader has after applying the deliveries; refuses any that is out of order."""

    def __init__(self, last: int = 0, events: bytes = b"", *, may_begin_late: bool = False) -> None:
        self.last = last
        self.may_begin_late = may_begin_late
        self._parts = [events] if events else []
        self.resets: list[str] = []

    @property
    def events(self) -> bytes:
        """What was applied; joined when it is asked for, since many small deliveries would be copied each time."""
        self._parts = [b",".join(self._parts)] if self._parts else []
        return self._parts[0] if self._parts else b""

    def forget(self) -> None:
        """Free the memory; what comes is still taken in order."""
        self._parts = []

    def take(self, delivery: Reset | Arrival) -> None:
        """Apply one delivery."""
        if isinstance(delivery, Reset):
            self.resets.append(delivery.stream)
            self.last, self._parts = 0, []
            return
        batch = delivery.batch
        assert 0 <= delivery.skip < batch.count, "a delivery brings something"
        begins = self.may_begin_late and self.last == 0  # retention has removed what was before
        assert begins or batch.first + delivery.skip == self.last + 1, "deliveries join on to each other"
        new = cut(batch, self.last, batch.last)
        self._parts.append(new.events)
        self.last = new.last


@asynccontextmanager
async def following(subscriber: StreamSubscriber, applied: Applied | None = None) -> AsyncIterator[Applied]:
    """Applies what the subscriber delivers, in a task of its own; closes it at the end."""
    applied = applied or Applied()

    async def apply() -> None:
        async for delivery in subscriber.deliveries():
            applied.take(delivery)

    task = asyncio.create_task(apply())
    try:
        yield applied
        assert not task.done() or task.exception() is None
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        subscriber.close()


async def becomes(
    condition: Callable[[], object], seconds: float = PATIENCE_SECONDS, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """Return once the condition holds; AssertionError if it does not in time. `meanwhile` is done before each look."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, f"did not come true within {seconds} s"
        meanwhile()
        await asyncio.sleep(0.002)


def run(test: Coroutine[Any, Any, Result], seconds: float = 2 * PATIENCE_SECONDS) -> Result:
    """Run the asynchronous part of a test."""
    return asyncio.run(asyncio.wait_for(test, seconds))


async def loop_turns(seconds: float, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often the event loop turns in that time. An idle one sleeps; a busy loop turns thousands of times."""
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]  # of asyncio's own loops
    select, turns = selector.select, 0

    def counted(timeout: float | None = None) -> Any:
        nonlocal turns
        turns += 1
        return select(timeout)

    with monkeypatch.context() as patch:
        patch.setattr(selector, "select", counted)
        await asyncio.sleep(seconds)
    return turns


MAX_IDLE_TURNS = 50
