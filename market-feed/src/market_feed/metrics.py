"""Every metric of the program: name, kind, unit, labels, meaning, and what to do when it looks wrong."""

from service_kit.metrics import process
from service_kit.metrics.catalogue import Metric, metrics_in

MARKET = ("venue", "symbol")

STATE = Metric(
    "trading_feed_state",
    "gauge",
    "0 or 1",
    (*MARKET, "state"),
    "1 for the state that the market is in: live, quiet, stale, halted, closed or unknown.",
    "stale: the venue has trades that did not arrive, or gives no sign. See the log.",
    "quiet means that the venue itself names the last trade that is here as its last one.",
)
TRADES = Metric(
    "trading_feed_trades_total",
    "counter",
    "trades",
    MARKET,
    "Trades that were passed on to the journal, each once.",
    "It stands still while the market is live elsewhere: see trading_feed_state.",
)
LAST_TRADE = Metric(
    "trading_feed_last_trade_timestamp_seconds",
    "gauge",
    "seconds, Unix time",
    MARKET,
    "The venue's time of the last trade; 0 before the first.",
    "Old while trading_feed_state says live: the venue's clock is wrong.",
)
ARRIVAL_DELAY = Metric(
    "trading_feed_arrival_delay_seconds",
    "gauge",
    "seconds",
    MARKET,
    "Time from the venue's time of the last live trade to its arrival here, by two clocks; missing before the first.",
    "Seconds: the connection is behind. Negative: compare with trading_feed_clock_offset_seconds.",
)
LAST_PRICE = Metric(
    "trading_feed_last_price",
    "gauge",
    "quote currency",
    MARKET,
    "Price of the last trade, with the venue's digits; missing before the first.",
    "Compare it with the venue's page.",
)
DUPLICATES = Metric(
    "trading_feed_duplicates_total",
    "counter",
    "trades",
    (*MARKET, "origin"),
    "Trades that came again, live or by a backfill.",
    "Normal while a connection is replaced and after a backfill; else the venue sends twice.",
)
CONFLICTS = Metric(
    "trading_feed_conflicts_total",
    "counter",
    "trades",
    MARKET,
    "Trades that came again under the same id and say something else, where the first one is kept; and trades that "
    "were left out since live ones contradict them.",
    "Above 0: the venue contradicts itself. Compare with its history.",
)
BROKEN_RANGES = Metric(
    "trading_feed_broken_ranges_total",
    "counter",
    "aggregates",
    MARKET,
    "Consecutive aggregates whose single trades are not consecutive.",
    "Above 0: the venue put a trade into two aggregates, or into none.",
)
GAPS = Metric(
    "trading_feed_gaps_total",
    "counter",
    "gaps",
    MARKET,
    "Holes in the ids of what arrived; most are filled by id.",
    "Each reconnection may make one. Compare with trading_feed_unfillable_trades_total.",
)
MISSING = Metric(
    "trading_feed_missing_trades_total",
    "counter",
    "trades",
    MARKET,
    "Ids in those holes.",
    "See trading_feed_unfillable_trades_total.",
)
FILLED = Metric(
    "trading_feed_filled_trades_total",
    "counter",
    "trades",
    MARKET,
    "Trades that were fetched by id and passed on in their order.",
    "Far below the missing ones: the venue's REST side does not answer.",
)
UNFILLABLE = Metric(
    "trading_feed_unfillable_trades_total",
    "counter",
    "trades",
    (*MARKET, "reason"),
    "Ids that were given up, with a gap event in the journal: absent_at_venue, no_answer, too_many_held, too_large.",
    "no_answer: is FEED_BINANCE_REST_URL reachable? What comes later is journaled as late.",
)
LATE = Metric(
    "trading_feed_late_trades_total",
    "counter",
    "trades",
    MARKET,
    "Trades that came after their id had been given up; they are journaled with late: true.",
    "Does not indicate a problem alone.",
)
OUTSIDE = Metric(
    "trading_feed_outside_trades_total",
    "counter",
    "trades",
    MARKET,
    "Trades that were not journaled since their time is in no window of the schedule.",
    "Normal for seconds around a window.",
)
NEXT_CHANGE = Metric(
    "trading_feed_window_change_timestamp_seconds",
    "gauge",
    "seconds, Unix time",
    (*MARKET, "change"),
    "When the schedule's current window closes, or its next one opens; missing if it is always open.",
    "Not the hour that was meant: market-feed schedule --next 5 prints the times in UTC and local.",
)
HELD = Metric(
    "trading_feed_held_trades",
    "gauge",
    "trades",
    MARKET,
    "Trades that wait for earlier ones to be fetched.",
    "Above 0 for seconds: the venue's REST side is slow.",
)
FRAMES = Metric(
    "trading_feed_frames_total",
    "counter",
    "frames",
    ("venue",),
    "Frames received.",
    "It stands still: see trading_feed_connections.",
)
REJECTED = Metric(
    "trading_feed_rejected_total",
    "counter",
    "items",
    ("venue", "reason"),
    "What could not be used: malformed frames; impossible ids, numbers or times; instruments that were not asked for.",
    "Above 0: the log has the bytes. A trade's id is fetched by REST; if that fails there is a gap event.",
)
CONNECTIONS = Metric(
    "trading_feed_connections",
    "gauge",
    "connections",
    ("venue",),
    "Open connections to the venue; for seconds one more while one replaces another.",
    "0 outside of a closed window: the log says why no connection can be made.",
)
RECONNECTS = Metric(
    "trading_feed_connects_total",
    "counter",
    "connections",
    ("venue", "reason"),
    "Connections opened, by what made them necessary.",
    "cut, closed_other many times an hour: the network is bad. silent, mute: the venue stopped sending.",
)
ATTEMPTS = Metric(
    "trading_feed_connection_attempts_total",
    "counter",
    "attempts",
    ("venue", "outcome"),
    "Attempts to connect: connected, refused by the venue, unreachable.",
    "refused: the log names the status. unreachable: check the URL and the network.",
)
REQUESTS_TO_VENUE = Metric(
    "trading_feed_venue_requests_total",
    "counter",
    "requests",
    ("venue", "outcome"),
    "REST requests to the venue: answered, empty (its database may be behind), refused, failed, unreadable.",
    "refused: the log names the status; after 429 and 418 nothing is asked for the time that the venue names.",
)
WEIGHT = Metric(
    "trading_feed_weight_used",
    "gauge",
    "weight",
    ("venue",),
    "Weight of REST requests within the last minute, as the venue counts it.",
    "Near FEED_FILL_WEIGHT: backfills wait for the next minute.",
)
BANNED = Metric(
    "trading_feed_banned_seconds",
    "gauge",
    "seconds",
    ("venue",),
    "Time for which the venue has forbidden requests; 0 if it has not.",
    "Above 0: other programs on this address ask too much, or the place is not served.",
)
CLOCK_OFFSET = Metric(
    "trading_feed_clock_offset_seconds",
    "gauge",
    "seconds",
    ("venue",),
    "The venue's clock minus this machine's: the answer with the shortest round trip of 5; missing until there is one.",
    "Above 0.25 or below -0.25: set this machine's clock (NTP). Data is journaled as the venue wrote it.",
)
PENDING = Metric(
    "trading_feed_pending_events",
    "gauge",
    "events",
    (),
    "Events that wait for their commit.",
    "Near FEED_MAX_PENDING_EVENTS: the disk is slow; reading pauses and nothing is dropped.",
)
PAUSES = Metric(
    "trading_feed_reading_pauses_total",
    "counter",
    "pauses",
    (),
    "Times that reading from the venues waited for the journal.",
    "It grows: the disk is too slow for what arrives.",
)
EVENTS = Metric(
    "trading_feed_journaled_events_total",
    "counter",
    "events",
    (),
    "Events that are durable and published, since the start.",
    "It stands still while trades arrive: see trading_feed_pending_events.",
)
HEAD = Metric(
    "trading_feed_head_sequence",
    "gauge",
    "sequence",
    ("stream",),
    "Last sequence of the market stream.",
    "Compare it with what readers have applied.",
)
DELAY = Metric(
    "trading_feed_publish_delay_seconds",
    "histogram",
    "seconds",
    (),
    "Time from an event's arrival to its publication, the commit included.",
    "Seconds: the disk is slow or the machine is overloaded.",
)
REQUESTS = Metric(
    "trading_feed_requests_total",
    "counter",
    "requests",
    ("path", "status"),
    "HTTP requests answered.",
    "401: a scraper has no token or a wrong one.",
)
CLIENTS = Metric(
    "trading_feed_client_connections",
    "gauge",
    "connections",
    (),
    "Open HTTP connections.",
    "Near trading_feed_client_connections_limit: a client holds connections.",
)
CLIENTS_LIMIT = Metric(
    "trading_feed_client_connections_limit",
    "gauge",
    "connections",
    (),
    "Maximum number of open HTTP connections: FEED_MAX_CONNECTIONS, or fewer if the limit of open files is lower.",
    "Below the setting: raise ulimit -Hn.",
)
ALL = (*metrics_in(globals()), process.BUILD_INFO, *process.ALL)
