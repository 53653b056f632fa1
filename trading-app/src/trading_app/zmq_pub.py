"""The durable stream as the web app uses it: opened inside the lifespan, committed to and read from the event loop."""

import asyncio
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

import structlog

from telemetry_stream.backend import open_log, store_of
from telemetry_stream.errors import DamagedHistory
from telemetry_stream.events import Batch, Submission
from telemetry_stream.group_commit import GroupCommitter, Outcome
from telemetry_stream.log import QueueUse, ReplayCounters, StorageUse, StoreCounters, StreamReader
from telemetry_stream.place import Place
from telemetry_stream.topics import Topic
from telemetry_stream.wire import trim
from trading_app.environment import Settings
from trading_app.outgoing import PIECE_BYTES
from trading_model.topics import LEDGER

log = structlog.get_logger(__name__)

READERS = 2
RUNNING_FILE = "trading-app.running"
"""Is there from the start to an end as asked: a start that finds it follows a kill or a failure."""


def place_of(settings: Settings) -> Place:
    """Where the settings say that the ledger is."""
    return Place(
        Topic(LEDGER),
        settings.data_folder,
        settings.publisher_address,
        settings.replay_address,
        settings.zmq_key_file,
        settings.zmq_client_keys,
        store=settings.stream_store,
        transport=settings.stream_transport,
    )


class TradeStream:
    """Commits trades and reads them back. Use it from the event loop it was made in."""

    def __init__(
        self,
        settings: Settings,
        on_failure: Callable[[BaseException], None],
        observe_commit: Callable[[float, int], None],
    ) -> None:
        """Open the journal and bind the sockets; `on_failure` is called, in the loop, when the stream can't go on.

        Raises BackendError, OSError.
        """
        self._loop = asyncio.get_running_loop()
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
        self._damage: DamagedHistory | None = None
        self._damaged_reads = 0
        self._watchers: set[asyncio.Event] = set()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="journal-reader")
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
        """Trades that wait for their commit."""
        return self._committer.pending_events

    @property
    def replay_counters(self) -> ReplayCounters:
        """What the replay socket was asked and answered."""
        return self._log.replay_counters

    @property
    def queues(self) -> Mapping[str, QueueUse]:
        """What waits for subscribers, by queue."""
        return self._log.queues

    @property
    def store_counters(self) -> StoreCounters:
        """How often and how long other programs that hold the journal's lock were waited for."""
        return self._log.store_counters

    @property
    def refused_connections(self) -> dict[str, int]:
        """Connections to the ZeroMQ ports that were refused or cut, by reason."""
        return self._log.refused_connections

    def disk_use(self) -> StorageUse:
        """The room that the journal takes and has. Raises BackendUnavailable."""
        return self._store.measure(self._folder)

    def obstacle(self) -> str | None:
        """Why trades can't be taken now; None if they can."""
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
        """Hand a submission over; `done` gets the outcome, in the loop. Raises StreamError where it can't be taken."""
        self._committer.submit(submission, done)

    async def commit(self, submission: Submission) -> Outcome:
        """Hand a submission over and wait. Raises StreamError where it can't be taken."""
        outcome: asyncio.Future[Outcome] = self._loop.create_future()
        self.submit(submission, lambda given: None if outcome.done() else outcome.set_result(given))
        return await outcome

    async def read(self, after: int, limit: int) -> Batch:
        """The trades after a sequence, as journaled, at most PIECE_BYTES of them. Raises apsw.Error, DamagedHistory."""
        recent = self._log.tail.read(after, limit, PIECE_BYTES)
        if recent is not None:
            await asyncio.sleep(0)  # who reads on and on lets others run in between
            return trim(recent, PIECE_BYTES)
        try:
            return await self._loop.run_in_executor(self._readers, self._read, after, limit)
        except DamagedHistory as damage:
            if str(damage) != str(self._damage):
                log.error("stored trades can't be read", reason=str(damage), check="trading-app doctor")
            self._damage = damage
            self._damaged_reads += 1
            raise

    async def hash_at(self, sequence: int) -> str | None:
        """The history's hash at the last row end at or before a sequence; None past the head. Raises apsw.Error."""
        return await self._loop.run_in_executor(self._readers, lambda: self._reader().hash_at(sequence))

    async def read_past_damage(self, after: int, limit: int) -> Batch:
        """The same; where stored trades can't be read, an empty batch that stands for them."""
        try:
            return await self.read(after, limit)
        except DamagedHistory as damage:
            return Batch(self.id, after + 1, damage.last, b"")

    @property
    def damage(self) -> DamagedHistory | None:
        """The last read that failed because the journal is damaged there."""
        return self._damage or self.replay_counters.damage

    @property
    def damaged_reads(self) -> int:
        """Reads, replays included, that failed because the journal is damaged there."""
        return self._damaged_reads + self.replay_counters.damaged

    @contextmanager
    def watch(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever the stream has grown, or is closing; the watcher clears it."""
        grown = asyncio.Event()
        self._watchers.add(grown)
        try:
            yield grown
        finally:
            self._watchers.discard(grown)

    def begin_end(self) -> None:
        """Wake every watcher, to go, and refuse what takes several commits: a server waits at its end until the last
        answer was sent.
        """
        self.closing = True
        self._committer.begin_end()
        self._wake_watchers()

    def close(self) -> None:
        """Commit what waits and release everything."""
        self._committer.close()
        self._readers.shutdown()
        for reader in self._opened_readers:
            reader.close()
        if not self.failed:
            with suppress(OSError):  # the next start then says that it recovered, which is no harm
                self._running.unlink(missing_ok=True)

    def _read_last_trade_ns(self) -> int:
        with closing(self._log.open_reader()) as reader:
            return reader.last_committed_at_ns()

    def _note_commit(self, seconds: float, trades: int) -> None:
        """In the thread that commits. A group of duplicates does not move the head: no trade came."""
        head = self._log.head()
        if head != self._seen_head:
            self._seen_head, self.last_trade_ns = head, time.time_ns()
        self._observe_commit(seconds, trades)

    def _read(self, after: int, limit: int) -> Batch:
        return trim(self._reader().read(after, limit, PIECE_BYTES), PIECE_BYTES)

    def _reader(self) -> StreamReader:
        """The calling thread's own."""
        reader: StreamReader | None = getattr(self._reader_of_thread, "reader", None)
        if reader is None:
            reader = self._reader_of_thread.reader = self._log.open_reader()
            self._opened_readers.append(reader)
        return reader

    def _deliver(self, call_back: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(self._bring_home, call_back)

    def _bring_home(self, call_back: Callable[[], None]) -> None:
        try:
            call_back()
        finally:
            self._wake_watchers()

    def _wake_watchers(self) -> None:
        for grown in self._watchers:
            grown.set()

    def _fail(self, error: BaseException) -> None:
        self.failed = True
        self._loop.call_soon_threadsafe(self._on_failure, error)
