"""Brings the store up to date from the stream, in an event loop; SQLite works in a thread beside it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, closing
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
"""Events of one transaction in a program that does nothing else. A transaction writes at least a page of each key that
has new fills, so with thousands of keys larger ones write much less.
"""

SHORT_SECONDS = 0.02
"""Live transactions that take less follow each other without a pause."""

MAX_PAUSE_SECONDS = 1.0
"""The longest pause between two of the others."""

CHECK_SECONDS = 1.0
"""Between two looks at the files of the store that is written."""

LOOK_SECONDS = 0.05
"""Between two looks at the position of a store that another process writes."""


async def follow(
    subscriber: StreamSubscriber,
    writer: HistoryWriter,
    until: int | None = None,
    max_pending: int = MAX_PENDING,
    on_commit: Callable[[Sequence[Delivery]], object] = lambda _live: None,
) -> None:
    """Apply and commit what the subscriber delivers, until it is closed, or `until` that sequence is committed.

    Live, each delivery is a transaction, as long as they are short; while catching up, `max_pending` events are.
    `on_commit` gets the live deliveries of each commit, which may be none. Raises StoreUnavailable.
    """
    one_at_a_time = asyncio.Lock()
    behind = asyncio.Event()
    commits = _Commits(writer, on_commit)
    beside = [
        asyncio.ensure_future(_until_it_fails(subscriber, work))
        for work in (
            _advance_figures(writer, one_at_a_time, behind),
            _commit_later(commits, one_at_a_time, behind),
            _watch_files(writer),
        )
    ]
    try:
        async for delivery in subscriber.deliveries():
            async with one_at_a_time:
                commits.position = subscriber.position
                await in_thread(writer.take, delivery)
                is_there = until is not None and commits.position.sequence >= until
                if subscriber.caught_up:
                    commits.live.append(delivery)
                if writer.pending >= max_pending or is_there or (subscriber.caught_up and commits.is_due):
                    await commits.commit()
                elif subscriber.caught_up:
                    commits.wanted.set()
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


class _Commits:
    """The transactions of one writer: what comes while one takes long is in the next one, all of it.

    After a late trade or a correction all figures since then are written again, however few events bring it.
    """

    def __init__(self, writer: HistoryWriter, on_commit: Callable[[Sequence[Delivery]], object]) -> None:
        self.position = writer.position
        """The position of what was taken."""

        self.live: list[Delivery] = []
        """What was delivered live since the last commit."""

        self.wanted = asyncio.Event()
        """Something waits for the end of the pause."""

        self._writer = writer
        self._on_commit = on_commit
        self._resume_at = 0.0

    @property
    def pause_seconds(self) -> float:
        """Seconds until the next commit of what is live: as long as the last one took."""
        return max(self._resume_at - time.monotonic(), 0.0)

    @property
    def is_due(self) -> bool:
        return not self.pause_seconds

    async def commit(self) -> None:
        """Commit all that was taken. Raises StoreUnavailable."""
        self.wanted.clear()
        began = time.monotonic()
        await in_thread(self._writer.commit, self.position)
        ended = time.monotonic()
        seconds = ended - began
        self._resume_at = ended + min(seconds, MAX_PAUSE_SECONDS) if seconds > SHORT_SECONDS else ended
        live, self.live = self.live, []
        self._on_commit(live)


async def _commit_later(commits: _Commits, one_at_a_time: asyncio.Lock, behind: asyncio.Event) -> None:
    """Commit what waited for the end of a pause."""
    while await commits.wanted.wait():
        await asyncio.sleep(commits.pause_seconds)
        async with one_at_a_time:
            if commits.wanted.is_set():  # else the next delivery has brought it
                await commits.commit()
        behind.set()


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
    """Raises StoreReplaced once files of the store were removed or replaced, where SQLite would write on without an
    error, and StoreDamaged once a reader has found damage.
    """
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
    if DATABASE.noted_damage(folder):
        return False
    try:
        with closing(HistoryReader(folder)) as reader, reader.snapshot() as snapshot:
            position = snapshot.position
    except (StoreMissing, StoreDamaged):  # who opens it to write makes it
        return False
    return position.stream == until.stream and position.sequence >= until.sequence


async def in_thread(work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
    """Run it in a thread. Cancelled, it still waits for the thread: a connection must not be closed under its work."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
