"""Metrics besides those of trades: the stream, the snapshots, the requests, the build."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from metrics_sidecar import __version__, metrics
from metrics_sidecar.exposition.text import max_bytes
from metrics_sidecar.follow import Saver, Tracker
from metrics_sidecar.market import MarketReader
from service_kit.connection.context import ConnectionContext
from service_kit.metrics.process import build_family
from service_kit.metrics.text import Family, by_label, histogram_samples, labelled, labels_of
from trading_model.accounting.cash import CashKey
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.decimals import show

MESSAGE_REJECTIONS = (
    "malformed_frame",
    "malformed_header",
    "malformed_body",
    "malformed_reply",
    "replay_error",
    "damaged_history",
    "unsupported_version",
)
"""Why a message is rejected. All exist from the start, at 0: PromQL's `increase()` misses a new series' first step."""


def pipeline_families(
    moment: StateSnapshot,
    tracker: Tracker,
    saver: Saver,
    requests: Counter[tuple[str, int]],
    connections: ConnectionContext,
    scrape_bytes: int,
) -> list[Family]:
    """The current values. `requests` counts by path and status, `scrape_bytes` is the size of the last scrape."""
    return [
        *ledger_families(moment),
        Family(metrics.EXPOSITION_BYTES, [("", scrape_bytes)]),
        Family(metrics.EXPOSITION_BYTES_LIMIT, [("", max_bytes(moment.limit))]),
        *_stream_families(moment, tracker),
        Family(
            metrics.SNAPSHOTS,
            by_label("result", {"saved": saver.saved, "failed": saver.failed, "refused": saver.file.refused}),
        ),
        Family(metrics.SNAPSHOT_TIMESTAMP, [("", str(saver.last_saved_ns / 1_000_000_000))]),
        Family(metrics.SNAPSHOT_INTERVAL, [("", str(saver.seconds))]),
        Family(metrics.SNAPSHOT_BYTES, [("", saver.file.bytes)]),
        Family(
            metrics.REQUESTS,
            [(labels_of(path=path, status=str(status)), count) for (path, status), count in requests.items()],
        ),
        Family(metrics.REQUESTS_REFUSED, by_label("code", connections.counters.refused_requests)),
        Family(metrics.CONNECTIONS, [("", connections.admission.open)]),
        Family(metrics.CONNECTIONS_LIMIT, [("", connections.limits.max_connections)]),
        Family(metrics.CONNECTIONS_DROPPED, by_label("reason", connections.counters.dropped_connections)),
        build_family(__version__, "metrics-sidecar"),
    ]


def ledger_families(moment: StateSnapshot) -> list[Family]:
    """The metrics that depend on the events of the ledger alone, not on this process."""
    return [
        Family(metrics.POSITIONS, [("", moment.used)]),
        Family(metrics.POSITIONS_LIMIT, [("", moment.limit)]),
        Family(metrics.OVERFLOW_TRADES, [("", moment.other.trades)]),
        Family(metrics.TRADES_LATE, [("", moment.late)]),
        Family(metrics.POSITIONS_RECOMPUTING, [("", moment.recomputing)]),
        Family(metrics.CASH, [(_cash_labels(key), show(amount)) for key, amount in moment.cash]),
        Family(metrics.STREAM_APPLIED, [(labels_of(stream=moment.stream), moment.applied)]),
        Family(metrics.EVENTS, by_label("kind", moment.events)),
        Family(metrics.INCOMPLETE_SINCE, [("", moment.incomplete_since)]),
    ]


def market_families(market: MarketReader | None) -> list[Family]:
    """Whether the stream of market data is followed; without samples where no instrument asks for it."""
    subscriber = None if market is None else market.subscriber
    return [Family(metrics.MARKET_CAUGHT_UP, [] if subscriber is None else [("", int(subscriber.caught_up))])]


def _cash_labels(key: CashKey) -> str:
    return labelled({name: value for name, value in key._asdict().items() if value})


def _stream_families(moment: StateSnapshot, tracker: Tracker) -> Iterator[Family]:
    subscriber, counters, delays = tracker.subscriber, tracker.subscriber.counters, tracker.delays
    stream = labels_of(stream=moment.stream)
    yield Family(metrics.STREAM_HEAD, [(stream, max(subscriber.head or 0, moment.applied))])
    yield Family(metrics.STREAM_GAPS, [("", counters.gaps)])
    yield Family(metrics.STREAM_DUPLICATES, [("", counters.duplicates)])
    yield Family(metrics.STREAM_CATCHUPS, [("", counters.catchups)])
    yield Family(metrics.STREAM_REPLAY_REQUESTS, by_label("outcome", counters.replay_requests))
    yield Family(metrics.STREAM_REDIALS, by_label("reason", counters.redials))
    yield Family(metrics.STREAM_CAUGHT_UP, [("", int(subscriber.caught_up))])
    rejected = {**moment.rejected, **dict.fromkeys(MESSAGE_REJECTIONS, 0), **counters.rejected}  # no reason is in both
    yield Family(metrics.EVENTS_REJECTED, by_label("reason", rejected))
    delay_seconds = show(Decimal(int(delays.total)).scaleb(-9))
    yield Family(metrics.DELIVERY_DELAY, list(histogram_samples(delays.counts, delay_seconds)))
