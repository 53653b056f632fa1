"""The app's own metrics: plain numbers while requests run, Prometheus text when scraped."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import product
from typing import Protocol

from service_kit.capacity import Capacity
from service_kit.connection.context import ConnectionContext
from service_kit.metrics.histogram import BOUNDS_SECONDS, Histogram
from service_kit.metrics.process import build_family
from service_kit.metrics.text import Family, by_label, histogram_samples, labels_of
from telemetry_stream.errors import BackendUnavailable
from telemetry_stream.log import QueueUse, ReplayCounters, StorageUse, StoreCounters
from trading_app import metric_catalogue as catalogue
from trading_app.environment import Settings
from trading_app.outgoing import OutgoingBudget

UNDERSTOOD = (
    "overloaded",
    "not_ready",
    "store_busy",
    "stream_failed",
    "trade_id_conflict",
    "idempotency_key_conflict",
    "damaged_history",
)
"""Codes of refusals that come after the request's trades were decoded, so that the trades can be counted."""

REPLAY_REFUSALS = ("malformed_request", "unsupported_version", "unknown_topic", "too_many_frames", "store_busy")
"""Reasons to refuse a replay request. Each has a series from the start: `increase()` misses a series' first value."""


HOOK_OUTCOMES = ("accepted", "known", "ignored", "waiting", "unread", "refused")
"""What becomes of a webhook's message; `refused`: it could neither be taken nor kept."""


class MeasuredStream(Protocol):
    """The stream's figures that the metrics show."""

    failed: bool
    recovered: bool
    last_trade_ns: int

    @property
    def id(self) -> str:
        """The stream's id."""
        ...

    @property
    def head(self) -> int:
        """The last durable sequence."""
        ...

    @property
    def pending_trades(self) -> int:
        """The number of trades that wait for their commit."""
        ...

    @property
    def damaged_reads(self) -> int:
        """The number of reads that failed because the journal is damaged."""
        ...

    @property
    def replay_counters(self) -> ReplayCounters:
        """Counters of the replay socket: requests, answers, refusals."""
        ...

    @property
    def queues(self) -> Mapping[str, QueueUse]:
        """Messages that subscribers have not read yet, by queue."""
        ...

    @property
    def store_counters(self) -> StoreCounters:
        """Counters of waits for other programs' locks on the journal."""
        ...

    @property
    def refused_connections(self) -> Mapping[str, int]:
        """Connections to the ZeroMQ ports that were refused or cut, by reason."""
        ...

    def disk_use(self) -> StorageUse:
        """The journal's size and the free space of its disk, in bytes. Raises BackendUnavailable."""
        ...


class AppMetrics:
    """The app's counters. Set `stream` once it is open; until then its metrics are left out."""

    def __init__(
        self, settings: Settings, connections: ConnectionContext, live_streams: Capacity, outgoing: OutgoingBudget
    ) -> None:
        self._settings = settings
        self._connections = connections
        self._live_streams = live_streams
        self._outgoing = outgoing
        self.stream: MeasuredStream | None = None
        self.requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self.request_seconds: dict[str, Histogram] = defaultdict(lambda: Histogram(BOUNDS_SECONDS))
        self.refusals = connections.counters.refused_requests
        self.refused_trades = dict.fromkeys(UNDERSTOOD, 0)
        self.accepted_trades = 0
        self.duplicate_trades = 0
        self.accepted_events = 0
        self.hook_messages: dict[tuple[str, str], int] = {}
        """Messages of webhooks, by hook and outcome."""
        self.hook_unread: dict[str, int] = {}
        """Messages that wait for a person, by hook."""
        self.hook_waiting: dict[str, int] = {}
        """Messages that wait to be taken, by hook; those of former hooks, too."""
        self.hooks_file_refused = False
        """Whether the file with webhooks was changed and can't be used."""
        self.symbols_differing_in_case = 0
        self.commit_seconds = Histogram(BOUNDS_SECONDS)
        self.committed_trades = 0
        self.sidecar_polls: Mapping[str, int] = {}
        """Counts by outcome, owned by the task that polls the sidecar."""

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; `seconds` from its head to the end of its answer."""
        self.requests[method, route, status] += 1
        self.request_seconds[route].observe(seconds)

    def observe_requests(self, method: str, route: str, status: int, now: float, began: Sequence[float]) -> None:
        """Count requests answered together. `began` ascends, in seconds of the same clock as `now`."""
        self.requests[method, route, status] += len(began)
        self.request_seconds[route].observe_until(now, began)

    def observe_commit(self, seconds: float, trades: int) -> None:
        """Count a commit of `trades` trades. Only the committing thread may call it, so no lock is needed."""
        self.commit_seconds.observe(seconds)
        self.committed_trades += trades

    def families(self) -> Iterator[Family]:
        """Every metric with its samples, for one scrape."""
        yield from self._request_families()
        yield from self._trade_families()
        if self.stream is not None:
            yield from _stream_families(self.stream)
            yield from _disk_families(self.stream)
        yield from self._limit_families()
        yield from self._hook_families()
        yield Family(catalogue.SIDECAR_POLLS, by_label("outcome", self.sidecar_polls))
        yield build_family(version("trading-app"), "trading-app", catalogue.BUILD_INFO)

    def _request_families(self) -> Iterator[Family]:
        requests = list(self.requests.items())
        yield Family(
            catalogue.HTTP_REQUESTS,
            [
                (labels_of(method=method, route=route, status=str(status)), count)
                for (method, route, status), count in requests
            ],
        )
        yield Family(
            catalogue.HTTP_REQUEST_DURATION,
            [
                sample
                for route, histogram in list(self.request_seconds.items())
                for sample in histogram_samples(histogram.counts, histogram.total, route=route)
            ],
        )
        connections = self._connections
        yield Family(catalogue.REQUESTS_REFUSED, by_label("code", self.refusals))
        yield Family(catalogue.LIVE_STREAMS, [("", self._live_streams.used)])
        yield Family(catalogue.CONNECTIONS, [("", connections.admission.open)])
        yield Family(catalogue.CONNECTIONS_DROPPED, by_label("reason", connections.counters.dropped_connections))

    def _limit_families(self) -> Iterator[Family]:
        yield Family(catalogue.PENDING_TRADES_LIMIT, [("", self._settings.max_pending_trades)])
        yield Family(catalogue.LIVE_STREAMS_LIMIT, [("", self._live_streams.limit)])
        yield Family(catalogue.OUTGOING_BYTES, [("", self._outgoing.taken_bytes)])
        yield Family(catalogue.OUTGOING_BYTES_LIMIT, [("", self._outgoing.max_bytes)])
        yield Family(catalogue.CONNECTIONS_LIMIT, [("", self._connections.limits.max_connections)])
        yield Family(catalogue.DISK_MIN_FREE_BYTES, [("", self._settings.min_free_bytes)])

    def prepare_hooks(self, hooks: Iterable[str]) -> None:
        """Begin every series of these webhooks at 0, but for those that were here before: `increase()` misses a series'
        first value. Counters of earlier webhooks stay.
        """
        self.hook_unread = {hook: self.hook_unread.get(hook, 0) for hook in hooks}
        former = {hook: count for hook, count in self.hook_waiting.items() if count}
        self.hook_waiting = dict.fromkeys(self.hook_unread, 0) | former
        for series in product(self.hook_unread, HOOK_OUTCOMES):
            self.hook_messages.setdefault(series, 0)

    def _hook_families(self) -> Iterator[Family]:
        yield Family(
            catalogue.HOOK_MESSAGES,
            [(labels_of(hook=hook, outcome=outcome), count) for (hook, outcome), count in self.hook_messages.items()],
        )
        yield Family(catalogue.HOOK_UNREAD, by_label("hook", self.hook_unread))
        yield Family(catalogue.HOOK_WAITING, by_label("hook", self.hook_waiting))
        yield Family(catalogue.HOOKS_FILE_REFUSED, [("", int(self.hooks_file_refused))])

    def _trade_families(self) -> Iterator[Family]:
        yield Family(catalogue.TRADES_ACCEPTED, [("", self.accepted_trades)])
        yield Family(catalogue.TRADES_DUPLICATE, [("", self.duplicate_trades)])
        yield Family(catalogue.SYMBOLS_DIFFERING_IN_CASE, [("", self.symbols_differing_in_case)])
        yield Family(catalogue.TRADES_REFUSED, by_label("code", self.refused_trades))
        yield Family(catalogue.EVENTS_ACCEPTED, [("", self.accepted_events)])
        commits = self.commit_seconds
        yield Family(catalogue.COMMIT_DURATION, list(histogram_samples(commits.counts, commits.total)))
        yield Family(catalogue.COMMITTED_TRADES, [("", self.committed_trades)])


def _stream_families(stream: MeasuredStream) -> Iterator[Family]:
    yield Family(catalogue.PENDING_TRADES, [("", stream.pending_trades)])
    yield Family(catalogue.STREAM_HEAD, [(labels_of(stream=stream.id), stream.head)])
    yield Family(catalogue.LAST_TRADE, [("", stream.last_trade_ns / 1e9)])
    yield Family(catalogue.STREAM_FAILED, [("", int(stream.failed))])
    yield Family(catalogue.RECOVERED, [("", int(stream.recovered))])
    store = stream.store_counters
    yield Family(catalogue.LOCK_WAITS, [("", store.lock_waits)])
    yield Family(catalogue.LOCK_WAIT_SECONDS, [("", store.lock_wait_seconds)])
    yield Family(catalogue.BUSY_CHECKPOINTS, [("", store.busy_checkpoints)])
    replays = stream.replay_counters
    yield Family(catalogue.REPLAY_ANSWERS, [("", replays.answers)])
    yield Family(catalogue.REPLAY_TRADES, [("", replays.events)])
    yield Family(catalogue.DAMAGED_READS, [("", stream.damaged_reads)])
    refusals = {**dict.fromkeys(REPLAY_REFUSALS, 0), **replays.refusals}
    yield Family(catalogue.REPLAY_REQUESTS_REFUSED, by_label("reason", refusals))
    queues = stream.queues
    yield Family(catalogue.STREAM_QUEUE_BYTES, by_label("queue", {name: use.bytes for name, use in queues.items()}))
    yield Family(
        catalogue.STREAM_QUEUE_BYTES_LIMIT, by_label("queue", {name: use.max_bytes for name, use in queues.items()})
    )
    yield Family(catalogue.STREAM_QUEUE_REFUSED, by_label("queue", {name: use.refused for name, use in queues.items()}))
    yield Family(catalogue.STREAM_CONNECTIONS_REFUSED, by_label("reason", stream.refused_connections))


def _disk_families(stream: MeasuredStream) -> Iterator[Family]:
    try:
        used = stream.disk_use()
    except BackendUnavailable:
        return  # the folder is missing: /readyz reports it, and the other metrics are still valid
    yield Family(catalogue.JOURNAL_BYTES, [("", used.journal)])
    yield Family(catalogue.JOURNAL_WAL_BYTES, [("", used.write_ahead_log)])
    yield Family(catalogue.KEY_TABLES_BYTES, [("", used.key_tables)])
    yield Family(catalogue.DISK_FREE_BYTES, [("", used.free)])
