"""The current values of the metrics."""

import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from service_kit.connection.context import ConnectionContext
from service_kit.metrics.process import build_family
from service_kit.metrics.text import Family, by_label, histogram_samples, labelled, labels_of
from trading_analytics import __version__, metrics
from trading_analytics.keeper import Keeper
from trading_analytics.market.exposition import market_families
from trading_analytics.market.follower import MarketFollower
from trading_analytics.performance import Board, Figures, Group
from trading_history.schema import HISTORY_FILE
from trading_model.decimals import show


def families(
    keeper: Keeper,
    board: Board,
    market: MarketFollower | None,
    requests: Counter[tuple[str, int]],
    connections: ConnectionContext,
) -> Iterator[Family]:
    """All but those of the process. `market` is None without a feed; `requests` counts by path and status."""
    yield from _history(keeper)
    if board.figures is not None:
        yield from _performance(board.figures)
    if market is not None:
        yield Family(metrics.MARKET_FAILURES, [("", market.retries.failures)])
        if market.fold is not None and market.subscriber is not None:
            head = market.subscriber.head or 0
            yield from market_families(market.fold, market.committed.sequence, head, time.time_ns())
    answered = [(labels_of(path=path, status=str(status)), count) for (path, status), count in requests.items()]
    yield Family(metrics.REQUESTS, answered)
    yield Family(metrics.CONNECTIONS, [("", connections.admission.open)])
    yield Family(metrics.CONNECTIONS_LIMIT, [("", connections.limits.max_connections)])
    yield build_family(__version__, "trading-analytics")


def _history(keeper: Keeper) -> Iterator[Family]:
    writer, subscriber = keeper.writer, keeper.subscriber
    if writer is not None and subscriber is not None:
        applied = writer.position.sequence
        head = max(subscriber.head or 0, applied)
        stream = labels_of(stream=writer.position.stream)
        yield Family(metrics.HEAD, [(stream, head)])
        yield Family(metrics.APPLIED, [(stream, applied)])
        yield Family(metrics.PROGRESS, [("", f"{applied / head if head else 1:.6f}")])
        yield Family(metrics.EVENTS, by_label("outcome", writer.committed_counts))
    yield Family(metrics.CAUGHT_UP, [("", int(not keeper.waits_for))])
    file = keeper.ledger.folder / HISTORY_FILE
    sizes = {"database": _size(file), "log": _size(file.with_name(f"{file.name}-wal"))}
    yield Family(metrics.SIZE, by_label("file", sizes))
    yield Family(metrics.REBUILDS, [("", keeper.rebuilds)])
    yield Family(metrics.FAILURES, [("", keeper.retries.failures)])
    seconds = str(Decimal(int(keeper.delays.total)).scaleb(-9))
    yield Family(metrics.DELAY, list(histogram_samples(keeper.delays.counts, seconds)))


def _performance(figures: Figures) -> Iterator[Family]:
    groups = [(_group_labels(group), of_group) for group, of_group in figures.groups.items()]
    yield Family(metrics.NET_PNL, [(f"{labels}}}", show(one.net)) for labels, one in groups])
    yield Family(metrics.PNL_TODAY, [(f"{labels}}}", show(one.today)) for labels, one in groups])
    yield Family(metrics.PNL_DRAWDOWN, [(f"{labels}}}", show(one.drawdown)) for labels, one in groups])
    yield Family(metrics.PNL_MAX_DRAWDOWN, [(f"{labels}}}", show(one.max_drawdown)) for labels, one in groups])
    trips = [(f'{labels},result="{result}"}}', count) for labels, one in groups for result, count in one.trips.items()]
    yield Family(metrics.ROUND_TRIPS, trips)
    days = [
        (labelled({"date": date, "currency": currency}), show(net)) for (date, currency), net in figures.days.items()
    ]
    yield Family(metrics.PNL_BY_DAY, days)
    yield Family(metrics.PERFORMANCE_APPLIED, [("", figures.applied)])
    yield Family(metrics.PERFORMANCE_SECONDS, [("", f"{figures.seconds:.3f}")])
    yield Family(metrics.PERFORMANCE_OMITTED, [("", figures.omitted)])


def _group_labels(group: Group) -> str:
    """Without the closing brace. Account and strategy are there where the group is of one."""
    labels: dict[str, str] = {"by": group.kind}
    if group.kind != "total":
        labels[group.kind] = group.name
    return labelled(labels | {"currency": group.currency})[:-1]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
