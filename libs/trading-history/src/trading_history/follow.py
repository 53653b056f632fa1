"""Brings the store up to date from the stream, in an event loop; SQLite works in a thread beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import structlog

from telemetry_stream import backend
from telemetry_stream.events import Delivery, StreamPosition
from telemetry_stream.log import StreamSubscriber
from telemetry_stream.place import Place
from telemetry_stream.refusals import Obstacle
from trading_history.errors import StoreDamaged, StoreInUse, StoreMissing
from trading_history.reader import HistoryReader
from trading_history.schema import DATABASE
from trading_history.writer import HistoryWriter

log = structlog.get_logger(__name__)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

MAX_PENDING = 40_000
"""Events of one transaction while catching up beside other work: some 30 MB of memory."""

MAX_PENDING_ALONE = 150_000
"""The same in a program that does nothing else. A transaction writes at least a page of each key that has new fills, so
with thousands of keys larger ones write much less.
"""

CHECK_SECONDS = 1.0
"""Between two looks at the files of the store that is written."""

LOOK_SECONDS = 0.05
"""Between two looks at the position of a store that another process writes."""


async def follow(
    subscriber: StreamSubscriber,
    writer: HistoryWriter,
    until: int | None = None,
    max_pending: int = MAX_PENDING,
    on_commit: Callable[[Delivery], object] = lambda _last: None,
) -> None:
    """Apply and commit what the subscriber delivers, until it is closed, or `until` that sequence is committed.

    Live, each delivery is a transaction; while catching up, `max_pending` events are. `on_commit` gets the last
    delivery of each. Raises StoreUnavailable.
    """
    one_at_a_time = asyncio.Lock()
    behind = asyncio.Event()
    beside = [
        asyncio.ensure_future(_until_it_fails(subscriber, work))
        for work in (_advance_figures(writer, one_at_a_time, behind), _watch_files(writer))
    ]
    try:
        async for delivery in subscriber.deliveries():
            async with one_at_a_time:
                position = subscriber.position
                await in_thread(writer.take, delivery)
                is_there = until is not None and position.sequence >= until
                if writer.pending >= max_pending or subscriber.caught_up or is_there:
                    await in_thread(writer.commit, position)
                    on_commit(delivery)
            if subscriber.caught_up:
                behind.set()
            if is_there:
                return
        for task in beside:
            if task.done():
                task.result()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)


async def _until_it_fails(subscriber: StreamSubscriber, work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except Exception:
        subscriber.close()  # ends the following, which raises this
        raise


async def _advance_figures(writer: HistoryWriter, one_at_a_time: asyncio.Lock, behind: asyncio.Event) -> None:
    """Bring figures up to date beside the following, a piece at a time, whenever the past changed."""
    behind.set()
    while await behind.wait():
        async with one_at_a_time:
            if writer.pending or writer.figures_are_settled:
                behind.clear()
            else:
                await in_thread(writer.advance_figures)


async def _watch_files(writer: HistoryWriter) -> None:
    """Raises StoreReplaced once files of the store were removed or replaced: SQLite would write on without an error."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        writer.check_files()


async def bring_up_to_date(place: Place, until: StreamPosition, explain: Callable[[Obstacle], str] = str) -> None:
    """Return once the store in the place's folder has the events up to `until`, of its stream.

    Where another process writes the store, its work is waited for; else it is done here. Waits without end for a stream
    that is out of reach, or is another one: the caller cancels. Raises StoreUnavailable.
    """
    while not _has(place.folder, until):
        try:
            async with writing(place.folder) as writer:
                subscriber = backend.follow(place, writer.position, explain)
                try:
                    await follow(subscriber, writer, until.sequence)
                finally:
                    subscriber.close()
        except StoreInUse:
            await asyncio.sleep(LOOK_SECONDS)
        except StoreDamaged as error:
            log.error("the history is damaged, rebuilding it", reason=str(error))


@asynccontextmanager
async def writing(folder: Path, *, with_figures: bool = False) -> AsyncIterator[HistoryWriter]:
    """The writer, open while the context lasts. Raises StoreInUse, StoreUnavailable.

    A store that turns out to be damaged is removed before others can write: whoever opens it next makes it again.
    """
    writer = await _open(folder, with_figures=with_figures)
    try:
        yield writer
    except StoreDamaged:
        DATABASE.remove(folder)
        raise
    finally:
        writer.close()


async def _open(folder: Path, *, with_figures: bool) -> HistoryWriter:
    opening = asyncio.ensure_future(asyncio.to_thread(HistoryWriter, folder, with_figures=with_figures))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        await asyncio.wait([opening])
        if opening.exception() is None:
            opening.result().close()  # nobody else knows of it, and it holds the lock
        raise


def _has(folder: Path, until: StreamPosition) -> bool:
    try:
        reader = HistoryReader(folder)
    except StoreMissing:
        return False
    try:
        with reader.snapshot() as snapshot:
            position = snapshot.position
    except StoreMissing:
        return False
    finally:
        reader.close()
    return position.stream == until.stream and position.sequence >= until.sequence


async def in_thread(work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
    """Run it in a thread. Cancelled, it still waits for the thread: a connection must not be closed under its work."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
