"""The durable stream as the web app uses it: opened by the lifespan, used from the event loop."""

import asyncio
import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import TypeVar

import structlog

from telemetry_stream.backend import open_log, store_of
from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import Batch, Provenance, Submission
from telemetry_stream.group_commit import GroupCommitter, Outcome
from telemetry_stream.log import QueueUse, ReplayCounters, StorageUse, StoreCounters, StreamReader
from telemetry_stream.place import Place
from telemetry_stream.topics import Topic
from telemetry_stream.wire import trim
from trading_app.ending_reader import EndingReader
from trading_app.environment import Settings
from trading_app.intake.identity import KEY_RULES
from trading_app.outgoing import PIECE_BYTES
from trading_model.topics import LEDGER

log = structlog.get_logger(__name__)

Reply = TypeVar("Reply")

READERS = 2
"""Threads that read the journal, each with a connection of its own."""

END_SECONDS = 0.5
"""How long questions to the readers may go on once the app ends."""

RUNNING_FILE = "trading-app.running"
"""Exists from the start to a clean shutdown: a start that finds it follows a kill or a failure."""


def place_of(settings: Settings) -> Place:
    """The ledger's topic, folder, addresses and back ends, from the settings."""
    return Place(
        Topic(LEDGER, key_rules=KEY_RULES),
        settings.data_folder,
        settings.publisher_address,
        settings.replay_address,
        settings.zmq_key_file,
        settings.zmq_client_keys,
        store=settings.stream_store,
        transport=settings.stream_transport,
    )


class TradeStream:
    """Commits trades and reads them back. Any thread may make it; use it only from its event loop."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        on_failure: Callable[[BaseException], None],
        observe_commit: Callable[[float, int], None],
    ) -> None:
        """Open the journal, which may take minutes, and bind the sockets. Raises BackendError, OSError.

        `on_failure` is called in the `loop` when the stream has failed for good; `observe_commit` in the committing
        thread, with the seconds and the number of trades of each commit.
        """
        self._loop = loop
        self._folder = settings.data_folder
        self._min_free_bytes = settings.min_free_bytes
        self._on_failure = on_failure
        self._observe_commit = observe_commit
        self.failed = False
        place = place_of(settings)
        self._store = store_of(place.store)
        self._log = open_log(place, self._fail)
        self._running = settings.data_folder / RUNNING_FILE
        try:
            # From the journal: after a restart the last trade is as old as before, and its alert is not late.
            self._seen_head, self.last_trade_ns = self.head, self._read_last_trade_ns()
            self.recovered = self._running.exists()
            self._running.touch()
        except BaseException:
            self._log.close()
            raise
        self._committer = GroupCommitter(
            self._log,
            self._loop.call_soon,
            self._deliver,
            self._fail,
            settings.max_pending_trades,
            self._note_commit,
        )
        self.closing = False
        self._ends_at = math.inf
        self._damage: DamagedHistory | None = None
        self._damaged_reads = 0
        self._watchers: set[asyncio.Event] = set()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="journal-reader")
        # A reader for each thread: two threads can't use one connection at the same time.
        self._reader_of_thread = threading.local()
        self._opened_readers: list[StreamReader] = []

    @property
    def id(self) -> str:
        """The stream's id."""
        return self._log.stream

    @property
    def head(self) -> int:
        """The last durable sequence."""
        return self._log.head()

    @property
    def pending_trades(self) -> int:
        """The number of trades that wait for their commit."""
        return self._committer.pending_events

    @property
    def replay_counters(self) -> ReplayCounters:
        """Counters of the replay socket: requests, answers, refusals."""
        return self._log.replay_counters

    @property
    def queues(self) -> Mapping[str, QueueUse]:
        """Messages that subscribers have not read yet, by queue."""
        return self._log.queues

    @property
    def store_counters(self) -> StoreCounters:
        """Counters of waits for other programs' locks on the journal."""
        return self._log.store_counters

    @property
    def refused_connections(self) -> dict[str, int]:
        """Connections to the ZeroMQ ports that were refused or cut, by reason."""
        return self._log.refused_connections

    def disk_use(self) -> StorageUse:
        """The journal's size and the free space of its disk, in bytes. Raises BackendUnavailable."""
        return self._store.measure(self._folder)

    def obstacle(self) -> str | None:
        """Why the app can't accept trades now; None if it can."""
        if not self._committer.accepting:
            return "the journal could not be written, or the app is shutting down"
        try:
            free, minimum = shutil.disk_usage(self._folder).free, self._min_free_bytes
        except OSError as error:
            return f"the folder with the journal can't be used: {error.strerror}"
        if free < minimum:
            return (
                f"the disk with the journal has only {free // 2**20} MiB left, {minimum // 2**20} are needed"
                " (WEBAPP_MIN_FREE_BYTES)"
            )
        return None

    def submit(self, submission: Submission, done: Callable[[Outcome], None]) -> None:
        """Hand over a submission; `done` receives its outcome in the loop. Raises StreamError if it is refused."""
        self._committer.submit(submission, done)

    async def commit(self, submission: Submission) -> Outcome:
        """Hand over a submission and wait for its outcome. Raises StreamError if it is refused."""
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        # A cancelled caller leaves a future that is done. The trades are committed all the same.
        self.submit(submission, lambda given: None if outcome.done() else outcome.set_result(given))
        return await outcome

    async def read(self, after: int, limit: int) -> Batch:
        """At most `limit` trades and PIECE_BYTES bytes after a sequence, as journaled.

        Raises DamagedHistory, StoreBusy, apsw.Error.
        """
        recent = self._log.tail.read(after, limit, PIECE_BYTES)
        if recent is not None:
            await asyncio.sleep(0)  # nothing else here waits, so a reader of many pages would hold the loop
            return trim(recent, PIECE_BYTES)
        return await self.ask(lambda reader: trim(reader.read(after, limit, PIECE_BYTES), PIECE_BYTES))

    async def ask(self, question: Callable[[StreamReader], Reply]) -> Reply:
        """The reply to a question that is put to a reader in its own thread. Raises DamagedHistory, StoreBusy;
        StreamClosed where the app ends before it is found.
        """
        try:
            return await self._loop.run_in_executor(self._readers, lambda: question(self._reader()))
        except DamagedHistory as damage:
            if str(damage) != str(self._damage):  # once: a live page that needs the row asks again and again
                log.error("stored trades can't be read", reason=str(damage), check="trading-app doctor")
            self._damage = damage
            self._damaged_reads += 1
            raise

    async def hash_at(self, sequence: int) -> str | None:
        """The history's hash at the last row end at or before a sequence; None past the head. Raises apsw.Error."""
        return await self.ask(lambda reader: reader.hash_at(sequence))

    async def provenance(self, sequence: int) -> Provenance | None:
        """Who submitted an event, by which way, and when it was committed; None past the head. Raises apsw.Error."""
        return await self._loop.run_in_executor(self._readers, lambda: self._reader().provenance(sequence))

    async def read_past_damage(self, after: int, limit: int) -> Batch:
        """What `read` gives; in place of stored trades that can't be read, an empty batch with their sequences."""
        try:
            return await self.read(after, limit)
        except DamagedHistory as damage:
            return Batch(self.id, after + 1, damage.last, b"")

    @property
    def damage(self) -> DamagedHistory | None:
        """The error of the last read that failed because the journal is damaged; None if none did."""
        return self._damage or self.replay_counters.damage

    @property
    def damaged_reads(self) -> int:
        """The number of reads, replays included, that failed because the journal is damaged."""
        return self._damaged_reads + self.replay_counters.damaged

    @contextmanager
    def watch(self) -> Iterator[asyncio.Event]:
        """An event that is set each time the stream has grown or begins to close. The watcher clears it."""
        grown = asyncio.Event()
        self._watchers.add(grown)
        try:
            yield grown
        finally:
            self._watchers.discard(grown)

    def begin_end(self) -> None:
        """Wake every watcher, so that it ends, and refuse what takes several commits.

        The server waits for every answer at shutdown, so the long ones have to end.
        """
        self.closing = True
        self._ends_at = time.monotonic() + END_SECONDS
        self._committer.begin_end()
        self._wake_watchers()

    def close(self) -> None:
        """Commit what waits, then close the journal, the sockets and the reader threads."""
        # Readers first: the last connection brings the write-ahead log into the journal, which only the writer may.
        self._readers.shutdown()
        for reader in self._opened_readers:
            reader.close()
        self._committer.close()
        if not self.failed:
            with suppress(OSError):  # the file stays, and the next start reports a recovery: harmless
                self._running.unlink(missing_ok=True)

    def _read_last_trade_ns(self) -> int:
        with closing(self._log.open_reader()) as reader:
            return reader.last_committed_at_ns()

    def _note_commit(self, seconds: float, trades: int) -> None:
        """Runs in the committing thread. A group of duplicates does not move the head: no new trade came."""
        head = self._log.head()
        if head != self._seen_head:
            self._seen_head, self.last_trade_ns = head, time.time_ns()
        self._observe_commit(seconds, trades)

    def _reader(self) -> StreamReader:
        """The calling thread's own."""
        reader: StreamReader | None = getattr(self._reader_of_thread, "reader", None)
        if reader is None:
            reader = EndingReader(self._log.open_reader(), lambda: time.monotonic() > self._ends_at)
            self._reader_of_thread.reader = reader
            self._opened_readers.append(reader)
        return reader

    def _deliver(self, call_back: Callable[[], None]) -> None:
        # Once for each group: waking the loop from another thread costs a system call.
        self._loop.call_soon_threadsafe(self._run_in_loop, call_back)

    def _run_in_loop(self, call_back: Callable[[], None]) -> None:
        try:
            call_back()
        finally:  # the trades are committed even if an answer could not be written
            self._wake_watchers()

    def _wake_watchers(self) -> None:
        for grown in self._watchers:
            grown.set()

    def _fail(self, error: BaseException) -> None:
        self.failed = True  # in the failing thread, so that `close` leaves the mark of an unclean end in any case
        self._loop.call_soon_threadsafe(self._on_failure, error)
