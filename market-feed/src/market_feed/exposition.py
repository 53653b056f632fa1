"""The current values of the metrics."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from market_feed import __version__, metrics
from market_feed.decisions.freshness import STATES
from market_feed.decisions.market_state import Market
from market_feed.intake.journal import MarketJournal
from market_feed.intake.venue_feed import VenueFeed
from service_kit.connection.context import ConnectionContext
from service_kit.metrics.catalogue import Metric
from service_kit.metrics.process import build_family
from service_kit.metrics.text import Family, Value, histogram_samples, labels_of
from telemetry_stream.durable_log import DurableLog


def families(
    feeds: Iterable[VenueFeed],
    journal: MarketJournal,
    stream: DurableLog,
    requests: Counter[tuple[str, int]],
    connections: ConnectionContext,
) -> Iterator[Family]:
    """All but those of the process. `requests` counts by path and status."""
    feeds = list(feeds)
    now = time.monotonic()
    yield from _markets([market for feed in feeds for market in feed.markets.values()], now)
    yield from _venues(feeds, now)
    yield Family(metrics.PENDING, [("", journal.pending)])
    yield Family(metrics.PAUSES, [("", journal.pauses)])
    yield Family(metrics.EVENTS, [("", journal.committed)])
    yield Family(metrics.HEAD, [(labels_of(stream=stream.stream), stream.head())])
    seconds = str(Decimal(int(journal.delays.total)).scaleb(-9))
    yield Family(metrics.DELAY, list(histogram_samples(journal.delays.counts, seconds)))
    answered = [(labels_of(path=path, status=str(status)), count) for (path, status), count in requests.items()]
    yield Family(metrics.REQUESTS, answered)
    yield Family(metrics.CLIENTS, [("", connections.admission.open)])
    yield Family(metrics.CLIENTS_LIMIT, [("", connections.limits.max_connections)])
    yield build_family(__version__, "market-feed")


def _markets(markets: list[Market], now: float) -> Iterator[Family]:
    def each(metric: Metric, value: Callable[[Market], Value]) -> Family:
        return Family(metric, [(_labels(market), value(market)) for market in markets])

    states = [(market, market.freshness.state(now)) for market in markets]
    yield Family(
        metrics.STATE, [(_labels(market, state=one), int(one == state)) for market, state in states for one in STATES]
    )
    yield each(metrics.TRADES, lambda market: market.trades)
    yield each(metrics.LAST_TRADE, lambda market: str(Decimal(market.last_trade_us).scaleb(-6)))
    arrivals = [(market, market.arrival_delay_us) for market in markets if market.arrival_delay_us is not None]
    yield Family(
        metrics.ARRIVAL_DELAY, [(_labels(market), str(Decimal(delay_us).scaleb(-6))) for market, delay_us in arrivals]
    )
    yield Family(metrics.LAST_PRICE, [(_labels(one), one.last_price) for one in markets if one.last_price])
    yield Family(
        metrics.DUPLICATES,
        [
            (_labels(market, origin=origin), count)
            for market in markets
            for origin, count in market.continuity.counters.duplicates.items()
        ],
    )
    yield each(metrics.CONFLICTS, lambda market: market.continuity.counters.conflicts)
    yield each(metrics.BROKEN_RANGES, lambda market: market.continuity.counters.broken_ranges)
    yield each(metrics.GAPS, lambda market: market.continuity.counters.gaps)
    yield each(metrics.MISSING, lambda market: market.continuity.counters.missing)
    yield each(metrics.FILLED, lambda market: market.continuity.counters.filled)
    yield Family(
        metrics.UNFILLABLE,
        [
            (_labels(market, reason=reason), count)
            for market in markets
            for reason, count in market.continuity.counters.unfillable.items()
        ],
    )
    yield each(metrics.LATE, lambda market: market.continuity.counters.late)
    yield each(metrics.OUTSIDE, lambda market: market.outside)
    yield Family(
        metrics.NEXT_CHANGE,
        [
            (_labels(market, change=change), str(Decimal(time_us).scaleb(-6)))
            for market in markets
            for change, time_us in _next_change(market)
        ],
    )
    yield each(metrics.HELD, lambda market: market.continuity.held)


def _venues(feeds: list[VenueFeed], now: float) -> Iterator[Family]:
    def each(metric: Metric, value: Callable[[VenueFeed], Value]) -> Family:
        return Family(metric, [(labels_of(venue=feed.venue.name), value(feed)) for feed in feeds])

    def by(metric: Metric, label: str, counts: Callable[[VenueFeed], Mapping[str, int]]) -> Family:
        return Family(
            metric,
            [
                (labels_of(**{"venue": feed.venue.name, label: name}), count)
                for feed in feeds
                for name, count in counts(feed).items()
            ],
        )

    yield each(metrics.FRAMES, lambda feed: feed.frames)
    yield by(metrics.REJECTED, "reason", lambda feed: feed.rejected)
    yield each(metrics.CONNECTIONS, lambda feed: feed.links)
    yield by(metrics.RECONNECTS, "reason", lambda feed: feed.dialling.opened)
    yield by(metrics.ATTEMPTS, "outcome", lambda feed: feed.dialling.attempts)
    yield by(metrics.REQUESTS_TO_VENUE, "outcome", lambda feed: feed.rest.requests)
    yield each(metrics.WEIGHT, lambda feed: feed.rest.budget.used)
    yield Family(
        metrics.CLOCK_OFFSET,
        [
            (labels_of(venue=feed.venue.name), str(Decimal(feed.clock_offset_us).scaleb(-6)))
            for feed in feeds
            if feed.clock_offset_us is not None
        ],
    )
    yield each(metrics.BANNED, lambda feed: f"{feed.rest.ban.wait(now):.3f}")


def _next_change(market: Market) -> list[tuple[str, int]]:
    calendar = market.session.calendar
    found = None if calendar.is_always_open else next(calendar.intervals(time.time_ns() // 1_000, days=30), None)
    if found is None:
        return []
    is_open = found.start_us <= time.time_ns() // 1_000
    return [("close", found.end_us) if is_open else ("open", found.start_us)]


def _labels(market: Market, **more: str) -> str:
    instrument = market.instrument
    return labels_of(venue=instrument.venue, symbol=instrument.symbol, **more)
