"""What `/metrics` shows besides the trades: the stream, the snapshots, the requests, the build."""

import platform
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from metrics_sidecar import __version__, metrics
from metrics_sidecar.exposition.text import Family, Sample, histogram_samples, labelled
from metrics_sidecar.follow import Saver, Tracker
from service_kit.connection.context import ConnectionContext
from trading_model.accounting.state import StateSnapshot
from trading_model.kinds import ASIDE, FILL, UNKNOWN

MESSAGE_REJECTIONS = (
    "malformed_frame",
    "malformed_header",
    "malformed_body",
    "malformed_reply",
    "replay_error",
    "damaged_history",
    "unsupported_version",
)
"""Why a message is refused; `increase()` does not see a series begin, so they are there from the start."""

_BUILD = {"component": "metrics-sidecar", "python": platform.python_version(), "version": __version__}


def pipeline_families(
    moment: StateSnapshot,
    tracker: Tracker,
    saver: Saver,
    requests: Counter[tuple[str, int]],
    connections: ConnectionContext,
) -> list[Family]:
    """The pipeline's metrics at this moment; `requests` counts by path and status."""
    return [
        Family(metrics.POSITIONS, [("", len(moment.positions))]),
        Family(metrics.POSITIONS_LIMIT, [("", moment.limit)]),
        Family(metrics.OVERFLOW_TRADES, [("", moment.other.trades)]),
        *_stream_families(moment, tracker),
        Family(
            metrics.SNAPSHOTS,
            _by("result", {"saved": saver.saved, "failed": saver.failed, "refused": saver.file.refused}),
        ),
        Family(metrics.SNAPSHOT_TIMESTAMP, [("", str(saver.last_saved_ns / 1_000_000_000))]),
        Family(metrics.SNAPSHOT_INTERVAL, [("", str(saver.seconds))]),
        Family(metrics.SNAPSHOT_BYTES, [("", saver.file.bytes)]),
        Family(
            metrics.REQUESTS,
            [(_labels(path=path, status=str(status)), count) for (path, status), count in requests.items()],
        ),
        Family(metrics.REQUESTS_REFUSED, _by("code", connections.counters.refused_requests)),
        Family(metrics.CONNECTIONS, [("", connections.admission.open)]),
        Family(metrics.CONNECTIONS_LIMIT, [("", connections.limits.max_connections)]),
        Family(metrics.CONNECTIONS_DROPPED, _by("reason", connections.counters.dropped_connections)),
        Family(metrics.BUILD_INFO, [(_labels(**_BUILD), 1)]),
    ]


def _stream_families(moment: StateSnapshot, tracker: Tracker) -> Iterator[Family]:
    subscriber, counters = tracker.subscriber, tracker.subscriber.counters
    stream = _labels(stream=moment.stream)
    yield Family(metrics.STREAM_HEAD, [(stream, max(subscriber.head or 0, moment.applied))])
    yield Family(metrics.STREAM_APPLIED, [(stream, moment.applied)])
    yield Family(metrics.STREAM_GAPS, [("", counters.gaps)])
    yield Family(metrics.STREAM_DUPLICATES, [("", counters.duplicates)])
    yield Family(metrics.STREAM_CATCHUPS, [("", counters.catchups)])
    yield Family(metrics.STREAM_CAUGHT_UP, [("", int(subscriber.caught_up))])
    kinds = {FILL: moment.fills, ASIDE: moment.asides, UNKNOWN: moment.unknown}
    yield Family(metrics.EVENTS, _by("kind", kinds))
    yield Family(metrics.INCOMPLETE_SINCE, [("", moment.incomplete_since)])
    rejected = {**moment.rejected, **dict.fromkeys(MESSAGE_REJECTIONS, 0), **counters.rejected}  # no reason is in both
    yield Family(metrics.EVENTS_REJECTED, _by("reason", rejected))
    yield Family(metrics.DELIVERY_DELAY, list(histogram_samples(tracker.delays.counts, tracker.delays.sum_ns)))


def _by(label: str, counts: dict[str, int]) -> list[Sample]:
    return [(_labels(**{label: value}), count) for value, count in counts.items()]


@lru_cache(maxsize=256)
def _labels(**labels: str) -> str:
    """Formatted once: they are the same few at every scrape."""
    return labelled(labels)
