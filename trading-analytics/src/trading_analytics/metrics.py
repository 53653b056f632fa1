"""Every metric of the program: name, kind, unit, labels, meaning, and what to do when it looks wrong."""

from service_kit.metrics import process
from service_kit.metrics.catalogue import Metric, metrics_in

HEAD = Metric(
    "trading_history_head_sequence",
    "gauge",
    "sequence",
    ("stream",),
    "Last sequence of the stream, as far as it is known here.",
    "It stands still while trades are accepted: the stream is out of reach.",
)
APPLIED = Metric(
    "trading_history_applied_sequence",
    "gauge",
    "sequence",
    ("stream",),
    "Last sequence in the history, committed.",
    "Far below trading_history_head_sequence for long: the disk is slow, or the store can't be written. See the log.",
)
PROGRESS = Metric(
    "trading_history_progress_ratio",
    "gauge",
    "ratio, 0 to 1",
    (),
    "Applied sequence divided by the head: the progress of a rebuild.",
    "Below 1 and not growing: see trading_history_failures_total and the log.",
)
CAUGHT_UP = Metric(
    "trading_history_caught_up",
    "gauge",
    "0 or 1",
    (),
    "Whether the history has all that the stream is known to have.",
    "0 for long: /readyz says what is missing.",
)
EVENTS = Metric(
    "trading_history_events",
    "gauge",
    "events",
    ("outcome",),
    "Events in the history: fills, events that could not be decoded, corrections of something that is not stored.",
    "undecodable, unmatched above 0: the journal has events that this version does not understand; report it.",
)
SIZE = Metric(
    "trading_history_bytes",
    "gauge",
    "bytes",
    ("file",),
    "Size of the database and of its write-ahead log.",
    "The log is above 100 MB: a program keeps a read of the history open.",
)
REBUILDS = Metric(
    "trading_history_rebuilds_total",
    "counter",
    "rebuilds",
    (),
    "Times that the store was damaged or of an earlier version, and was made again from the stream.",
    "It grows without an update: check the disk.",
)
FAILURES = Metric(
    "trading_history_failures_total",
    "counter",
    "errors",
    (),
    "Errors of the store that interrupted the work: a full disk, missing rights, a lock that another program holds.",
    "It grows: /readyz and the log say why. The work is tried again every 10 seconds; no event is lost.",
)
DELAY = Metric(
    "trading_history_commit_delay_seconds",
    "histogram",
    "seconds",
    (),
    "Time from an event's publication to its commit in the history, live events only.",
    "Seconds: the disk is slow or the machine is overloaded.",
)
GROUP = ("by", "account", "strategy", "currency")

NET_PNL = Metric(
    "trading_performance_net_pnl",
    "gauge",
    "units of the currency",
    GROUP,
    "Realised plus unrealised P&L, minus fees, plus income, since the ledger began; by total, account or strategy.",
    "Marked at the last price of each symbol. An unknown currency is in no sum: trading_symbol_info names the symbols.",
    "The label by says of what; account and strategy are there where it is one of these.",
)
PNL_TODAY = Metric(
    "trading_performance_pnl_today",
    "gauge",
    "units of the currency",
    GROUP,
    "Change of the net P&L since the day began by DAY_BOUNDARY.",
    "It jumps at the boundary: a new day has begun.",
)
PNL_BY_DAY = Metric(
    "trading_performance_day_pnl",
    "gauge",
    "units of the currency",
    ("date", "currency"),
    "Change of the net P&L of all positions on each of the last 31 days, by DAY_BOUNDARY.",
    "A past day changes: a late trade or a correction restated it.",
)
PNL_DRAWDOWN = Metric(
    "trading_performance_drawdown",
    "gauge",
    "units of the currency, 0 or more",
    GROUP,
    "Fall of the net P&L from its highest value, which is at least 0, to now.",
    "It begins at 0, so a first loss is in it. Exact inside bars.",
)
PNL_MAX_DRAWDOWN = Metric(
    "trading_performance_max_drawdown",
    "gauge",
    "units of the currency, 0 or more",
    GROUP,
    "Largest fall of the net P&L from a peak to a later trough, since the ledger began.",
    "It falls where a correction restated the past.",
)
ROUND_TRIPS = Metric(
    "trading_performance_round_trips",
    "gauge",
    "round trips",
    (*GROUP, "result"),
    "Round trips that closed, from flat to flat, by the sign of their net: win, loss, break_even.",
    "Win rate = win / (win + loss). It falls where a correction restated the past.",
)
PERFORMANCE_APPLIED = Metric(
    "trading_performance_applied_sequence",
    "gauge",
    "sequence",
    (),
    "Last event that is in the figures of performance, which are read from the history every 2 seconds or less often.",
    "Far below trading_history_applied_sequence: figures are being restated, or take long to read.",
)
PERFORMANCE_SECONDS = Metric(
    "trading_performance_refresh_seconds",
    "gauge",
    "seconds",
    (),
    "Time that reading the figures of performance took last; twenty times as long is the pause after it.",
    "Seconds: there are many groups or round trips.",
)
PERFORMANCE_OMITTED = Metric(
    "trading_performance_omitted_groups",
    "gauge",
    "accounts and strategies",
    (),
    "Accounts and strategies beyond 200, which have no figures of performance of their own.",
    "Above 0: ask GET /api/performance of the web app.",
)

MARKET = ("venue", "symbol")
WINDOW = (*MARKET, "window")

VOLATILITY = Metric(
    "trading_market_volatility_ratio",
    "gauge",
    "ratio, over the window",
    WINDOW,
    "Realised volatility: the root of the sum of squared log returns of 500 ms in the window. Not annualised.",
    "Missing: see trading_market_coverage_ratio. A window of 30 s measures activity rather than risk.",
)
VOLATILITY_ANNUALIZED = Metric(
    "trading_market_volatility_annualized_ratio",
    "gauge",
    "ratio, a year",
    WINDOW,
    "Standard deviation of the log returns of 500 ms in the window, for a year of 365 days.",
    "High in short windows: the price jumps between bid and ask. With FEED_KINDS=trade,quote the middle is used.",
)
VOLATILITY_EWMA = Metric(
    "trading_market_volatility_ewma_ratio",
    "gauge",
    "ratio, over the window",
    WINDOW,
    "The same as trading_market_volatility_ratio with weights that fall by half within half the window.",
    "It goes on where the window has just lost a large move.",
)
MAX_DRAWDOWN = Metric(
    "trading_market_max_drawdown_ratio",
    "gauge",
    "ratio of the peak, 0 or negative",
    WINDOW,
    "Largest fall of the price from a peak to a later trough, both in the window; over every trade, exactly.",
    "One far trade: its venue published it; see GET /metrics of market-feed for what was rejected.",
)
DRAWDOWN = Metric(
    "trading_market_drawdown_ratio",
    "gauge",
    "ratio of the peak, 0 or negative",
    WINDOW,
    "Fall of the price from the highest of the window to the last.",
    "See trading_market_max_drawdown_ratio.",
)
PRICE_CHANGE = Metric(
    "trading_market_price_change_ratio",
    "gauge",
    "ratio",
    WINDOW,
    "Last price against the last one before the window.",
    "Missing: see trading_market_coverage_ratio.",
)
MARKET_VOLUME = Metric(
    "trading_market_volume",
    "gauge",
    "base units",
    WINDOW,
    "Quantity traded in the window.",
    "0 while the venue trades: see trading_feed_state.",
)
VWAP = Metric(
    "trading_market_vwap",
    "gauge",
    "quote units per base unit",
    WINDOW,
    "Average price of the window by volume. Missing where nothing was traded.",
    "Missing: see trading_market_volume.",
)
SPREAD = Metric(
    "trading_market_spread_ratio",
    "gauge",
    "ratio of the middle",
    WINDOW,
    "Mean of ask less bid in the window. Only with quotes: FEED_KINDS=trade,quote.",
    "Negative: the venue's book is crossed.",
)
COVERAGE = Metric(
    "trading_market_coverage_ratio",
    "gauge",
    "ratio, 0 to 1",
    WINDOW,
    "Share of the window of which prices are known. Below 0.5 the window has no other values.",
    "It stays low: trades are missing, see trading_feed_unfillable_trades_total; or the program began lately.",
)
MARKET_PRICE = Metric(
    "trading_market_price",
    "gauge",
    "quote units per base unit",
    MARKET,
    "Price of the last trade that is in the windows, two seconds behind the feed.",
    "Its age is trading_market_age_seconds.",
)
MARKET_AGE = Metric(
    "trading_market_age_seconds",
    "gauge",
    "seconds",
    MARKET,
    "Time since that trade, by the venue's time.",
    "High: a quiet market or a silent feed; trading_feed_state says which. After a silent minute, values are missing.",
)
MARKET_HEAD = Metric(
    "trading_market_head_sequence",
    "gauge",
    "sequence",
    (),
    "Last sequence of the stream of market data, as far as it is known here.",
    "It stands still: market-feed does not run, or can't be reached.",
)
MARKET_APPLIED = Metric(
    "trading_market_applied_sequence",
    "gauge",
    "sequence",
    (),
    "Last sequence in the store of candles, committed once a second.",
    "Far below the head for long: the program is short of CPU, or the store can't be written. See the log.",
)
MARKET_LATE = Metric(
    "trading_market_late_events_total",
    "counter",
    "events",
    (),
    "Trades and quotes that came more than two seconds after a later one; in the candles, not in the windows.",
    "It grows: a connection of market-feed is slow, or gaps are filled.",
)
MARKET_REJECTED = Metric(
    "trading_market_rejected_events_total",
    "counter",
    "events",
    ("reason",),
    "Events of the stream that were not used, by reason.",
    "ahead: a trade's time is a minute after its receipt, unlike those before it; it is in candles, in no window. "
    "Others: report it.",
)
MARKET_FAILURES = Metric(
    "trading_market_failures_total",
    "counter",
    "errors",
    (),
    "Errors of the store of candles that interrupted the work; it is tried again every 10 seconds.",
    "It grows: the log says why.",
)
REQUESTS = Metric(
    "trading_analytics_requests_total",
    "counter",
    "requests",
    ("path", "status"),
    "HTTP requests answered.",
    "401: a scraper has no token or a wrong one.",
)
CONNECTIONS = Metric(
    "trading_analytics_connections",
    "gauge",
    "connections",
    (),
    "Open client connections.",
    "Near trading_analytics_connections_limit: a client holds connections.",
)
CONNECTIONS_LIMIT = Metric(
    "trading_analytics_connections_limit",
    "gauge",
    "connections",
    (),
    "Maximum number of open connections: ANALYTICS_MAX_CONNECTIONS, or fewer if the limit of open files is lower.",
    "Below the setting: raise ulimit -Hn.",
)
ALL = (*metrics_in(globals()), process.BUILD_INFO, *process.ALL)
