"""The dashboard "Market feed": whether market data arrives whole and in time, and what is missing."""

from infra.grafana.panels import (
    NONE_IS_GOOD,
    ONE_IS_GOOD,
    Json,
    Query,
    heatmap,
    increase,
    rate,
    stat,
    table,
    time_series,
    up_to,
)

UID = "trading-telemetry-market-feed"
TITLE = "Market feed"
DESCRIPTION = "Exchanges, market by market: state, trades, gaps, connections, requests, and the way into the journal."

FEED = 'job="market-feed"'

AT_A_GLANCE = [
    stat(
        "Feed",
        "Whether market-feed answers Prometheus. Nothing is shown where FEED_SYMBOLS names nothing.",
        "none",
        Query(f"up{{{FEED}}}", "feed"),
        steps=ONE_IS_GOOD,
        words={"0": "down", "1": "up"},
    ),
    stat(
        "Stale markets",
        "Markets whose venue has trades that did not arrive, or gives no sign.",
        "none",
        Query('sum(trading_feed_state{state="stale"})', "stale"),
        steps=NONE_IS_GOOD,
    ),
    stat(
        "Trades per second",
        "Trades that were passed on to the journal, all markets.",
        "cps",
        Query(f"sum({rate('trading_feed_trades_total')})", "trades"),
    ),
    stat(
        "Trades that can't be had",
        "Trades that were just given up, each with a gap event in the journal.",
        "none",
        Query(f"sum({increase('trading_feed_unfillable_trades_total')})", "given up"),
        steps=NONE_IS_GOOD,
    ),
    stat(
        "Connections",
        "Open connections to the venues.",
        "none",
        Query("sum(trading_feed_connections)", "open"),
    ),
    stat(
        "Events that wait",
        "Events that wait for their commit. Beyond FEED_MAX_PENDING_EVENTS nothing is read, and nothing dropped.",
        "none",
        Query("trading_feed_pending_events", "waiting"),
        steps=up_to(10_000, 100_000),
    ),
]

MARKETS = [
    table(
        "State of each market",
        "live: trades arrive. quiet: the venue itself has no later one. stale: it has, or gives no sign.",
        "none",
        {"venue": "Venue", "symbol": "Symbol", "state": "State"},
        Query("trading_feed_state == 1", layout="table", instant=True),
    ),
    time_series(
        "Trades by market",
        "Trades that were passed on to the journal, each once.",
        "cps",
        Query(f"sum by (venue, symbol) ({rate('trading_feed_trades_total')})", "{{venue}} {{symbol}}"),
        minimum=0,
    ),
    time_series(
        "Time since the last trade",
        "By the venue's time of the trade. Below 0: the venue's clock is ahead of this machine's.",
        "s",
        Query("time() - (trading_feed_last_trade_timestamp_seconds > 0)", "{{venue}} {{symbol}}"),
    ),
    time_series(
        "From the venue to here",
        "From the venue's time of the last live trade to its arrival, both by the venue's clock as far as its offset "
        "is known. As measured: the difference of two clocks, so a wrong clock shows in it. Above 5 s: MarketDelayed.",
        "s",
        Query("symbol:trading_feed_arrival_delay_seconds:by_venue_clock", "{{venue}} {{symbol}}"),
        Query("trading_feed_arrival_delay_seconds", "{{venue}} {{symbol}} as measured"),
        steps=up_to(2, 5),
    ),
    time_series(
        "Last price",
        "Price of the last trade, in the quote currency.",
        "locale",
        Query("trading_feed_last_price", "{{venue}} {{symbol}}"),
    ),
]

WHOLE = [
    time_series(
        "Missing, fetched, given up",
        "Ids that were missing in what arrived, trades that were fetched by id, and those that were given up.",
        "none",
        Query(f"sum({increase('trading_feed_missing_trades_total')})", "missing"),
        Query(f"sum({increase('trading_feed_filled_trades_total')})", "fetched"),
        Query(f"sum by (reason) ({increase('trading_feed_unfillable_trades_total')})", "given up: {{reason}}"),
        Query(f"sum({increase('trading_feed_late_trades_total')})", "late"),
        minimum=0,
    ),
    time_series(
        "Gaps and trades that wait for them",
        "Holes in the ids, and later trades that wait until they are filled.",
        "none",
        Query(f"sum({increase('trading_feed_gaps_total')})", "gaps"),
        Query("sum(trading_feed_held_trades)", "waiting"),
        minimum=0,
    ),
    time_series(
        "Repetitions and contradictions",
        "Trades that came again, those that said something else then, and aggregates that leave out single trades.",
        "none",
        Query(f"sum by (origin) ({increase('trading_feed_duplicates_total')})", "again: {{origin}}"),
        Query(f"sum({increase('trading_feed_conflicts_total')})", "contradictions"),
        Query(f"sum({increase('trading_feed_broken_ranges_total')})", "broken ranges"),
        minimum=0,
    ),
    time_series(
        "Rejected",
        "What could not be used, by reason. The log has the bytes.",
        "none",
        Query(f"sum by (venue, reason) ({increase('trading_feed_rejected_total')})", "{{venue}}: {{reason}}"),
        minimum=0,
    ),
]

VENUES = [
    time_series(
        "Frames per second",
        "Frames from each venue.",
        "cps",
        Query(f"sum by (venue) ({rate('trading_feed_frames_total')})", "{{venue}}"),
        minimum=0,
    ),
    time_series(
        "Connections by reason",
        "Connections that were opened, by what made them necessary, and attempts by outcome.",
        "none",
        Query(f"sum by (venue, reason) ({increase('trading_feed_connects_total')})", "{{venue}}: {{reason}}"),
        Query(
            f"sum by (venue, outcome) ({increase('trading_feed_connection_attempts_total')})", "{{venue}}: {{outcome}}"
        ),
        minimum=0,
    ),
    time_series(
        "Requests to the venues",
        "REST requests by outcome.",
        "none",
        Query(f"sum by (venue, outcome) ({increase('trading_feed_venue_requests_total')})", "{{venue}}: {{outcome}}"),
        minimum=0,
    ),
    time_series(
        "Weight and bans",
        "Weight of requests in the venue's window, and seconds for which it forbids requests.",
        "none",
        Query("trading_feed_weight_used", "{{venue}}: weight"),
        Query("trading_feed_banned_seconds", "{{venue}}: banned, seconds"),
        minimum=0,
    ),
    time_series(
        "Clocks",
        "The venue's clock minus this machine's. It is shown, never applied.",
        "s",
        Query("trading_feed_clock_offset_seconds", "{{venue}}"),
    ),
]

JOURNAL = [
    heatmap(
        "From arrival to publication",
        "Time until an event is durable and published.",
        "s",
        Query(f"sum by (le) ({increase('trading_feed_publish_delay_seconds_bucket')})", "{{le}}"),
    ),
    time_series(
        "Journaled events",
        "Events that became durable. Pauses: reading waited for the journal.",
        "cps",
        Query(rate("trading_feed_journaled_events_total"), "events"),
        Query(rate("trading_feed_reading_pauses_total"), "pauses"),
        minimum=0,
    ),
    time_series(
        "CPU",
        "Cores in use. The feed decides in one event loop: near 1 it is at its maximum.",
        "percentunit",
        Query(rate(f"process_cpu_seconds_total{{{FEED}}}"), "cores"),
        minimum=0,
    ),
    time_series(
        "Memory",
        "Resident memory. It grows with the number of markets, not with the number of trades.",
        "bytes",
        Query(f"process_resident_memory_bytes{{{FEED}}}", "resident"),
        minimum=0,
    ),
]

ROWS: dict[str, list[Json]] = {
    "At a glance": AT_A_GLANCE,
    "Markets": MARKETS,
    "Whole": WHOLE,
    "Venues": VENUES,
    "Journal": JOURNAL,
}
