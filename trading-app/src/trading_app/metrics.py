"""The app's own metrics: plain numbers while requests run, Prometheus text when scraped."""

import bisect
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from service_kit.capacity import Capacity
from service_kit.connection.context import ConnectionContext
from trading_app.environment import Settings
from trading_app.zmq_pub import TradeStream

UNDERSTOOD = (
    "overloaded",
    "not_ready",
    "stream_failed",
    "trade_id_conflict",
    "idempotency_key_conflict",
    "damaged_history",
)
"""The codes of refusals that come after a request's trades were read, so that they can be counted."""

REPLAY_REFUSALS = ("malformed_request", "unsupported_version", "unknown_topic", "too_many_frames")
"""What replay requests are refused for; `increase()` does not see a series begin, so they are there from the start."""

SECONDS_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """Counts of observations by upper bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one."""
        self.counts[bisect.bisect_left(self.bounds, value)] += 1
        self.total += value

    def observe_until(self, now: float, began: Sequence[float]) -> None:
        """Count one for each time in `began`, which ascend: it lasted until `now`."""
        longer = len(began)
        for index, bound in enumerate(self.bounds):
            within, longer = longer, bisect.bisect_left(began, now - bound)
            self.counts[index] += within - longer
            if not longer:
                break
        self.counts[-1] += longer
        self.total += sum([now - began_at for began_at in began])

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper bound, as Prometheus wants them."""
        running, cumulative = 0, []
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts, strict=True):
            running += count
            cumulative.append((bound, float(running)))
        return cumulative


class AppMetrics(Collector):
    """What the app counts. Give it the stream once that is open; until then its metrics are left out."""

    def __init__(self, settings: Settings, connections: ConnectionContext, live_streams: Capacity) -> None:
        self._settings = settings
        self._connections = connections
        self._live_streams = live_streams
        self.stream: TradeStream | None = None
        self.requests: dict[tuple[str, str, int], int] = defaultdict(int)
        self.request_seconds: dict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS_BUCKETS))
        self.refusals = connections.counters.refused_requests
        self.refused_trades = dict.fromkeys(UNDERSTOOD, 0)
        self.accepted_trades = 0
        self.duplicate_trades = 0
        self.commit_seconds = Histogram(SECONDS_BUCKETS)
        self.committed_trades = 0

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.requests[method, route, status] += 1
        self.request_seconds[route].observe(seconds)

    def observe_requests(self, method: str, route: str, status: int, now: float, began: Sequence[float]) -> None:
        """Count requests that were answered together; when each began ascends (s, as `now`)."""
        self.requests[method, route, status] += len(began)
        self.request_seconds[route].observe_until(now, began)

    def observe_commit(self, seconds: float, trades: int) -> None:
        """Count a commit. Called by the thread that commits, and by no other."""
        self.commit_seconds.observe(seconds)
        self.committed_trades += trades

    def collect(self) -> Iterator[Metric]:
        """The metric families, for one scrape."""
        yield from self._request_families()
        yield from self._trade_families()
        if self.stream is not None:
            yield from _stream_families(self.stream)
            yield from _disk_families(self.stream)
        yield from self._limit_families()
        yield InfoMetricFamily(
            "trading_app_build",
            "Version of the web app and of Python.",
            {"version": version("trading-app"), "python": sys.version.split()[0]},
        )

    def _request_families(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "trading_app_http_requests", "Requests answered.", labels=("method", "route", "status")
        )
        for (method, route, status), count in list(self.requests.items()):
            requests.add_metric((method, route, str(status)), count)
        yield requests
        seconds = HistogramMetricFamily(
            "trading_app_http_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            labels=("route",),
        )
        for route, histogram in list(self.request_seconds.items()):
            seconds.add_metric((route,), histogram.buckets(), histogram.total)
        yield seconds
        refusals = CounterMetricFamily(
            "trading_app_requests_refused", "Requests refused, by the code of the error.", labels=("code",)
        )
        for code, count in list(self.refusals.items()):
            refusals.add_metric((code,), count)
        yield refusals
        yield GaugeMetricFamily(
            "trading_app_live_streams", "Open GET /trades/stream connections.", self._live_streams.used
        )
        yield GaugeMetricFamily(
            "trading_app_connections", "Open connections of clients.", self._connections.admission.open
        )
        dropped = CounterMetricFamily(
            "trading_app_connections_dropped",
            "Connections closed without an answer, by reason.",
            labels=("reason",),
        )
        for reason, count in self._connections.counters.dropped_connections.items():
            dropped.add_metric((reason,), count)
        yield dropped

    def _limit_families(self) -> Iterator[Metric]:
        limits = self._settings
        yield GaugeMetricFamily(
            "trading_app_pending_trades_limit",
            "Most trades that may wait for their commit.",
            limits.max_pending_trades,
        )
        yield GaugeMetricFamily(
            "trading_app_live_streams_limit", "Most live streams that may be open.", self._live_streams.limit
        )
        yield GaugeMetricFamily(
            "trading_app_connections_limit",
            "Most connections that may be open.",
            self._connections.limits.max_connections,
        )
        yield GaugeMetricFamily(
            "trading_app_disk_least_free_bytes",
            "Least room on the journal's disk with which the app is ready.",
            limits.min_free_bytes,
        )

    def _trade_families(self) -> Iterator[Metric]:
        yield CounterMetricFamily("trading_app_trades_accepted", "New trades, durable.", self.accepted_trades)
        yield CounterMetricFamily(
            "trading_app_trades_duplicate", "Trades that were known already.", self.duplicate_trades
        )
        refused = CounterMetricFamily(
            "trading_app_trades_refused",
            "Trades that were understood and refused all the same, by the code of the error.",
            labels=("code",),
        )
        for code, count in self.refused_trades.items():
            refused.add_metric((code,), count)
        yield refused
        commits = HistogramMetricFamily(
            "trading_app_commit_duration_seconds", "Time to commit and publish one group of trades."
        )
        commits.add_metric((), self.commit_seconds.buckets(), self.commit_seconds.total)
        yield commits
        yield CounterMetricFamily(
            "trading_app_committed_trades",
            "Trades in the groups committed, duplicates included.",
            self.committed_trades,
        )


def _stream_families(stream: TradeStream) -> Iterator[Metric]:
    yield GaugeMetricFamily("trading_app_pending_trades", "Trades that wait for their commit.", stream.pending_trades)
    head = GaugeMetricFamily("trading_app_stream_head_sequence", "The last durable sequence.", labels=("stream",))
    head.add_metric((stream.id,), stream.head)
    yield head
    yield GaugeMetricFamily(
        "trading_app_last_trade_timestamp_seconds",
        "When the last new trade became durable; 0 in an empty journal.",
        stream.last_trade_ns / 1e9,
    )
    yield GaugeMetricFamily(
        "trading_app_stream_failed", "1 once a commit or a replay failed: the app is about to end.", int(stream.failed)
    )
    yield GaugeMetricFamily(
        "trading_app_recovered",
        "1 if the run before this one did not end as asked: killed, or the journal failed.",
        int(stream.recovered),
    )
    replays = stream.replay_counters
    yield CounterMetricFamily("trading_app_replay_answers", "Replay requests answered.", replays.answers)
    yield CounterMetricFamily("trading_app_replay_trades", "Trades sent in answers to replay requests.", replays.events)
    yield CounterMetricFamily(
        "trading_app_damaged_reads",
        "Reads of stored trades that failed because the journal is damaged there.",
        stream.damaged_reads,
    )
    refused = CounterMetricFamily(
        "trading_app_replay_requests_refused", "Replay requests refused, by reason.", labels=("reason",)
    )
    for reason, count in {**dict.fromkeys(REPLAY_REFUSALS, 0), **replays.refusals}.items():
        refused.add_metric((reason,), count)
    yield refused
    connections = CounterMetricFamily(
        "trading_app_stream_connections_refused",
        "Connections to the ZeroMQ ports refused or cut, by reason.",
        labels=("reason",),
    )
    for reason, count in stream.refused_connections.items():
        connections.add_metric((reason,), count)
    yield connections


def _disk_families(stream: TradeStream) -> Iterator[Metric]:
    try:
        used = stream.disk_use()
    except OSError:
        return  # the folder is gone: /readyz says so, and the other figures still count
    yield GaugeMetricFamily("trading_app_journal_bytes", "Size of the journal.", used.journal)
    yield GaugeMetricFamily(
        "trading_app_journal_wal_bytes", "Size of the journal's write-ahead log.", used.write_ahead_log
    )
    yield GaugeMetricFamily(
        "trading_app_key_tables_bytes", "Size of the tables that find a trade by its key.", used.key_tables
    )
    yield GaugeMetricFamily("trading_app_disk_free_bytes", "Room left on the journal's disk.", used.free)


def make_registry(metrics: AppMetrics) -> CollectorRegistry:
    """A registry with the app's metrics and the process's."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    return registry
