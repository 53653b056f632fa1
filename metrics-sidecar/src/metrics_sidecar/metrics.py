"""Every metric of the sidecar: what it is called, what it means, and what to do when it looks wrong."""

from service_kit.metrics import process
from service_kit.metrics.catalogue import Metric, metrics_in

KEY = ("account", "strategy", "symbol")
SIDES = (*KEY, "side")

TRADES = Metric(
    "trading_trades_total",
    "counter",
    "trades",
    SIDES,
    "Trades applied.",
    "Compare with the journal: the sum over all labels plus the rejected events is trading_stream_applied_sequence.",
)
VOLUME = Metric(
    "trading_volume_total",
    "counter",
    "base units",
    SIDES,
    "Quantity traded.",
    "An unusual step is one large trade: look for it in GET /trades of the web app.",
)
NOTIONAL = Metric(
    "trading_notional_total",
    "counter",
    "quote units",
    SIDES,
    "Price times quantity traded.",
    "Divided by the volume it gives the average price paid; if that is far off, a sender mixes up price and quantity.",
)
LAST_PRICE = Metric(
    "trading_last_price",
    "gauge",
    "quote units per base unit",
    ("symbol",),
    "Price of the symbol's last trade, by sequence; the mark of the unrealised P&L.",
    "It moves only with trades of this journal; a symbol that is seldom traded has an old mark.",
)
LAST_TRADE_TIMESTAMP = Metric(
    "trading_last_trade_timestamp_seconds",
    "gauge",
    "seconds, Unix time",
    ("symbol",),
    "When the symbol's last trade, by sequence, was made, as its sender says.",
    "Old: no trades come in. In the future: the sender's clock is wrong.",
)
SYMBOL_INFO = Metric(
    "trading_symbol_info",
    "info",
    "1",
    ("symbol", "base", "currency", "kind"),
    "What the symbol's form says: base, currency of its P&L, kind of contract. An empty currency is unknown.",
    "An empty currency: write the symbol so that it names one (BTC/USD for BTCUSD); the rule is on this page.",
)
POSITION = Metric(
    "trading_position",
    "gauge",
    "base units",
    KEY,
    "Position; negative when short.",
    "If it differs from the exchange's, trades were not sent here or were made before the journal began.",
)
AVERAGE_ENTRY_PRICE = Metric(
    "trading_average_entry_price",
    "gauge",
    "quote units per base unit",
    KEY,
    "Average price of what is held, to 50 significant digits; 0 while flat.",
    "Use it only where trading_position is not 0.",
)
REALIZED_PNL = Metric(
    "trading_realized_pnl",
    "gauge",
    "quote units",
    KEY,
    "Gross profit of what was closed, at average cost.",
    "With the unrealised P&L it is cash flow plus position times mark, exactly; if not, report it.",
)
UNREALIZED_PNL = Metric(
    "trading_unrealized_pnl",
    "gauge",
    "quote units",
    KEY,
    "Profit of what is held, marked at the symbol's last price.",
    "Look at trading_last_trade_timestamp_seconds: the mark may be old.",
)
FEES = Metric(
    "trading_fees",
    "gauge",
    "units of the currency",
    (*KEY, "currency"),
    "Fees paid, rebates negative; currency quote where the sender named none.",
    "Past 8 currencies of one key the further ones are added up as currency __other__: a sender makes them up.",
)
NET_PNL = Metric(
    "trading_net_pnl",
    "gauge",
    "quote units",
    KEY,
    "Realised and unrealised P&L less the fees in the currency of the symbol's P&L, or in none.",
    "Fees in other currencies are only in trading_fees.",
)
POSITIONS = Metric(
    "trading_positions",
    "gauge",
    "keys",
    (),
    "Keys (account, strategy, symbol) that have series; long names count again for each further 128 bytes.",
    "Close to trading_positions_limit: raise SIDECAR_MAX_POSITIONS, or find out who makes up symbols.",
)
POSITIONS_LIMIT = Metric(
    "trading_positions_limit",
    "gauge",
    "keys",
    (),
    "Maximum of keys with series of their own: SIDECAR_MAX_POSITIONS.",
    "Another limit makes the sidecar rebuild its state from the journal at the next start.",
)
EXPOSITION_BYTES = Metric(
    "trading_exposition_bytes",
    "gauge",
    "bytes",
    (),
    "Length of the scrape before this one, uncompressed.",
    "It grows with positions, fee currencies and the length of names and amounts: find out who sends them.",
)
EXPOSITION_BYTES_LIMIT = Metric(
    "trading_exposition_bytes_limit",
    "gauge",
    "bytes",
    (),
    "How long a scrape can get at the most: 8 KiB for each position of the limit and of the reserve, and 1 MiB.",
    "Larger than what Prometheus takes (body_size_limit): lower SIDECAR_MAX_POSITIONS.",
)
OVERFLOW_TRADES = Metric(
    "trading_overflow_trades_total",
    "counter",
    "trades",
    (),
    "Trades of keys past the limit, counted as symbol __other__ without a position.",
    "Not 0: positions are missing from the metrics. Raise SIDECAR_MAX_POSITIONS.",
)
STREAM_HEAD = Metric(
    "trading_stream_head_sequence",
    "gauge",
    "sequence",
    ("stream",),
    "Last known sequence of the stream.",
    "It stands still: no trades are accepted, or the web app is not reached.",
)
STREAM_APPLIED = Metric(
    "trading_stream_applied_sequence",
    "gauge",
    "sequence",
    ("stream",),
    "Last sequence that is in these metrics.",
    "Behind the head for more than a second: the sidecar is short of CPU, or the replay socket is not reached.",
)
STREAM_GAPS = Metric(
    "trading_stream_gaps_total",
    "counter",
    "gaps",
    (),
    "Jumps in the live sequence, each healed from the replay socket.",
    "Rising: the sidecar is too slow for the live stream, or the network drops connections.",
)
STREAM_DUPLICATES = Metric(
    "trading_stream_duplicates_total",
    "counter",
    "trades",
    (),
    "Trades that arrived again and were dropped.",
    "A few around a catch-up are normal; a steady rate is not: report it.",
)
STREAM_CATCHUPS = Metric(
    "trading_stream_catchups_total",
    "counter",
    "catch-ups",
    (),
    "Catch-ups from the replay socket, the one at the start included.",
    "Rising without gaps: the web app restarts, or its heartbeats do not arrive.",
)
STREAM_REPLAY_REQUESTS = Metric(
    "trading_stream_replay_requests_total",
    "counter",
    "requests",
    ("outcome",),
    "Replay requests to the web app, by outcome.",
    "unanswered, refused: the web app does not run, or WEBAPP_REPLAY_ADDR is not its address. damaged: run "
    "trading-app doctor. Each is tried again, after at most 2 seconds.",
    "interrupted: the publisher was reached again, so the request was made anew.",
)
STREAM_REDIALS = Metric(
    "trading_stream_redials_total",
    "counter",
    "connections",
    ("reason",),
    "New connections to the publisher, by the reason for which the one before ended.",
    "disconnected: the web app restarts, or the network drops connections. Any other reason: the keys of the two "
    "sides do not fit, the log says which.",
)
STREAM_CAUGHT_UP = Metric(
    "trading_stream_caught_up",
    "gauge",
    "1 or 0",
    (),
    "1 while these metrics include the last known sequence.",
    "0 for long: see whether the web app runs and WEBAPP_REPLAY_ADDR is its address.",
)
EVENTS = Metric(
    "trading_events_total",
    "counter",
    "events",
    ("kind",),
    "Events of the journal by kind: fill, aside (changes no figure), unknown (may change figures).",
    "With the rejected events of the journal they add up to trading_stream_applied_sequence; if not, report it.",
)
INCOMPLETE_SINCE = Metric(
    "trading_figures_incomplete_since_sequence",
    "gauge",
    "sequence",
    (),
    "Sequence of the first event of an unknown kind, which may change figures; 0 while figures are complete.",
    "Not 0: a newer web app wrote the event. Update the sidecar; it then rebuilds its state from the journal.",
)
EVENTS_REJECTED = Metric(
    "trading_events_rejected_total",
    "counter",
    "events or messages",
    ("reason",),
    "Stream messages and events rejected, by reason.",
    "undecodable, out_of_range: events of the journal that are no trades. Other reasons: messages that are not of the "
    "wire contract; see who else sends to these addresses.",
)
DELIVERY_DELAY = Metric(
    "trading_delivery_delay_seconds",
    "histogram",
    "seconds",
    (),
    "Time from the publication of a trade to its application, live trades only.",
    "High: the sidecar is short of CPU. With both on different machines, their clocks differ.",
)
SNAPSHOTS = Metric(
    "trading_snapshots_total",
    "counter",
    "snapshots",
    ("result",),
    "Snapshots of the state, by result: saved, failed to save, refused at the start.",
    "failed rises: DATA_DIR is full or not writable. refused is 1: the file was torn or not ours, the log says which. "
    "Nothing is lost, but a start takes longer.",
)
SNAPSHOT_TIMESTAMP = Metric(
    "trading_snapshot_timestamp_seconds",
    "gauge",
    "seconds, Unix time",
    (),
    "When the state was last saved by this process; 0 before the first time.",
    "It stands still while trades come in: see trading_snapshots_total.",
)
SNAPSHOT_INTERVAL = Metric(
    "trading_snapshot_interval_seconds",
    "gauge",
    "seconds",
    (),
    "Time between two snapshots: SIDECAR_SNAPSHOT_SECONDS.",
    "The longer, the more is asked for again after a kill.",
)
SNAPSHOT_BYTES = Metric(
    "trading_snapshot_bytes",
    "gauge",
    "bytes",
    (),
    "Size of the snapshot that was saved last, or loaded at the start; 0 before the first.",
    "It grows with the number of positions, not with that of trades.",
)
REQUESTS = Metric(
    "trading_sidecar_requests_total",
    "counter",
    "requests",
    ("path", "status"),
    "HTTP requests answered.",
    "401: a scraper has no token, or a wrong one. 503: the sidecar has not caught up.",
)
REQUESTS_REFUSED = Metric(
    "trading_sidecar_requests_refused_total",
    "counter",
    "requests",
    ("code",),
    "Requests refused, by the code of the error.",
    "too_many_connections: somebody holds connections; request_timeout, headers_too_large: not a scraper of yours.",
)
CONNECTIONS = Metric(
    "trading_sidecar_connections",
    "gauge",
    "connections",
    (),
    "Open connections of clients.",
    "Near trading_sidecar_connections_limit: somebody holds connections.",
)
CONNECTIONS_LIMIT = Metric(
    "trading_sidecar_connections_limit",
    "gauge",
    "connections",
    (),
    "Maximum of open connections: SIDECAR_MAX_CONNECTIONS, or what the limit of open files allows.",
    "Below the setting: raise ulimit -Hn.",
)
CONNECTIONS_DROPPED = Metric(
    "trading_sidecar_connections_dropped_total",
    "counter",
    "connections",
    ("reason",),
    "Connections closed without an answer, by reason: no request (silent), answers not read (unread), a refused body "
    "without an end (refused_body), more without a credential than an address's share (address_share), room needed "
    "for another (no_room).",
    "address_share, no_room: somebody opens connections and asks for no figures; silent, unread: a client hangs.",
)
BUILD_INFO = Metric(
    "trading_telemetry_build_info",
    "info",
    "1",
    ("component", "python", "version"),
    "What is running.",
    "Compare the versions of the components after an update.",
)
ALL = (*metrics_in(globals()), *process.ALL)
