"""Every metric of the sidecar: name, kind, unit, labels, meaning, and what to do when it looks wrong."""

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
    "Its sum over all labels, plus aside, unknown and rejected events of the journal, is the applied sequence.",
)
VOLUME = Metric(
    "trading_volume_total",
    "counter",
    "base units",
    SIDES,
    "Quantity traded.",
    "An unusual step is one large trade: find it with GET /trades of the web app.",
)
NOTIONAL = Metric(
    "trading_notional_total",
    "counter",
    "quote units",
    SIDES,
    "Price times quantity traded.",
    "Divided by the volume it is the average price paid. If that is far off, a sender confuses price and quantity.",
)
CORRECTED_TRADES = Metric(
    "trading_corrected_trades_total",
    "counter",
    "trades",
    (*SIDES, "change"),
    "Trades that voids and replaces removed or added, beside trading_trades_total, which never falls.",
    "Right number of trades = trading_trades_total - removed + added. GET /trades/{seq} shows who corrected a trade.",
)
CORRECTED_VOLUME = Metric(
    "trading_corrected_volume_total",
    "counter",
    "units as sent",
    (*SIDES, "change"),
    "Quantity that voids and replaces removed or added.",
    "See trading_corrected_trades_total.",
)
CORRECTED_NOTIONAL = Metric(
    "trading_corrected_notional_total",
    "counter",
    "quote units",
    (*SIDES, "change"),
    "Price times quantity that voids and replaces removed or added.",
    "See trading_corrected_trades_total.",
)
TRADES_LATE = Metric(
    "trading_trades_late_total",
    "counter",
    "trades",
    (),
    "Trades that arrived after a later trade of their position. Figures are as if they had come in order.",
    "A few are normal where several bots trade. Many at once: an older file was sent after a newer one.",
)
LAST_PRICE = Metric(
    "trading_last_price",
    "gauge",
    "quote units per base unit",
    ("symbol",),
    "Price of the symbol's last trade by time, or a later price by hand. It is the mark unless the market's is.",
    "It moves only with trades of this journal: a rarely traded symbol has an old price.",
)
LAST_TRADE_TIMESTAMP = Metric(
    "trading_last_trade_timestamp_seconds",
    "gauge",
    "seconds, Unix time",
    ("symbol",),
    "Time of the symbol's last price, as its sender reported it.",
    "Old: no trades arrive. In the future: the sender's clock is wrong.",
)
MARK_PRICE = Metric(
    "trading_mark_price",
    "gauge",
    "quote units per base unit",
    ("symbol", "source"),
    "Price that marks the positions of a symbol whose instrument says mark=market. Source: the venue, or last for the "
    "ledger's own last price.",
    "Source last: the market has no recent price; see trading_mark_stale.",
)
MARK_TIMESTAMP = Metric(
    "trading_mark_timestamp_seconds",
    "gauge",
    "seconds, Unix time",
    ("symbol", "source"),
    "Time of that price, by the venue's clock.",
    "Old: see trading_mark_stale. In the future: compare the clocks, trading_feed_clock_offset_seconds.",
)
MARK_STALE = Metric(
    "trading_mark_stale",
    "gauge",
    "1 or 0",
    ("symbol",),
    "1 while the market's price of a symbol whose instrument says mark=market is missing, or older than "
    "SIDECAR_MARK_SECONDS.",
    "Does market-feed run, is the market among FEED_SYMBOLS, and is the symbol a pair that is held (no contract)?",
)
SYMBOL_INFO = Metric(
    "trading_symbol_info",
    "info",
    "1",
    ("symbol", "base", "currency", "kind"),
    "Base, P&L currency and contract kind, by instrument or the symbol's form. An empty currency is unknown.",
    "Empty currency, or unit points: add an instrument for the symbol (docs/instruments.md).",
)
POSITION = Metric(
    "trading_position",
    "gauge",
    "base units",
    KEY,
    "Position; negative when short.",
    "If it differs from the exchange, trades were not sent here, or are older than the journal.",
)
CONTRACT_EXPOSURE = Metric(
    "trading_contract_exposure",
    "gauge",
    "units of the P&L currency",
    KEY,
    "Worth of a contract's position at its last price; negative when short. Only where it is not position times price.",
    "Wrong by a factor: the multiplier of the instrument is wrong (docs/instruments.md).",
)
AVERAGE_ENTRY_PRICE = Metric(
    "trading_average_entry_price",
    "gauge",
    "quote units per base unit",
    KEY,
    "Average price of the open position, to 50 significant digits; 0 while flat.",
    "Use it only where trading_position is not 0.",
)
REALIZED_PNL = Metric(
    "trading_realized_pnl",
    "gauge",
    "quote units",
    KEY,
    "Gross profit of closed quantities, at average cost.",
    "Realised plus unrealised P&L equals cash flow plus position times last price, exactly. If not, report it.",
)
UNREALIZED_PNL = Metric(
    "trading_unrealized_pnl",
    "gauge",
    "quote units",
    KEY,
    "Profit of the open position at its mark: the last price, or the market's if the instrument says so.",
    "See trading_last_trade_timestamp_seconds and trading_mark_stale: the price may be old.",
)
FEES = Metric(
    "trading_fees",
    "gauge",
    "units of the currency",
    (*KEY, "currency"),
    "Fees paid; rebates are negative. Currency is quote if the sender named none.",
    "Currency __other__: a key has more than 8 fee currencies, probably because a sender makes them up.",
)
NET_PNL = Metric(
    "trading_net_pnl",
    "gauge",
    "quote units",
    KEY,
    "Realised plus unrealised P&L, minus fees, plus income of the key (funding, dividends).",
    "Fees that no rate values are in trading_fees_outside_net.",
)
FEES_OUTSIDE_NET = Metric(
    "trading_fees_outside_net",
    "gauge",
    "units of the currency",
    (*KEY, "currency"),
    "Fees that are not in trading_net_pnl: in another currency, without a rate at the time of the trade.",
    "Send the rate: POST /events with kind rate.",
)
BASE_CURRENCY_PNL = Metric(
    "trading_base_currency_pnl",
    "gauge",
    "units of the base currency",
    ("currency", "view", "part"),
    "Totals over all positions in BASE_CURRENCY. View dated: each amount at the rate of its time; at_current_rates: all"
    " at the rate now. Missing if the setting is empty.",
    "trading_base_currency_missing has what no rate converts.",
)
BASE_CURRENCY_MISSING = Metric(
    "trading_base_currency_missing",
    "gauge",
    "units of the currency",
    ("view", "part", "currency"),
    "Amounts that are not in trading_base_currency_pnl, for want of a rate. NaN: not one number, since positions"
    " have no mark; or, without a currency, since theirs is unknown or they are in points.",
    "Send the rates: POST /events with kind rate; say the currency: docs/instruments.md.",
)
POSITION_RECOMPUTING = Metric(
    "trading_position_recomputing",
    "gauge",
    "1",
    KEY,
    "1 while a key's figures are those before a correction or a late trade, which are being worked in; else missing.",
    "For more than a minute: the sidecar's log says what it waits for. trading-analytics keeps the store it needs.",
)
POSITIONS_RECOMPUTING = Metric(
    "trading_positions_recomputing",
    "gauge",
    "keys",
    (),
    "Number of keys whose figures are those before a correction or a late trade.",
    "See trading_position_recomputing.",
)
CASH = Metric(
    "trading_cash",
    "gauge",
    "units of the currency",
    (*KEY, "currency", "reason"),
    "Money without a trade, received less paid, by reason. Strategy and symbol are empty for the account's own.",
    "Deposits and withdrawals are never P&L; all other reasons with a symbol and a strategy are in trading_net_pnl.",
)
POSITIONS = Metric(
    "trading_positions",
    "gauge",
    "keys",
    (),
    "Keys with series: account, strategy, symbol, and position side and currency where trades name them. Names above "
    "128 bytes count once for each 128 bytes begun.",
    "Close to trading_positions_limit: raise SIDECAR_MAX_POSITIONS, or find the sender that makes up symbols.",
)
POSITIONS_LIMIT = Metric(
    "trading_positions_limit",
    "gauge",
    "keys",
    (),
    "Maximum number of keys with series of their own: SIDECAR_MAX_POSITIONS.",
    "After a change of the limit, the sidecar rebuilds its state from the journal at its next start.",
)
EXPOSITION_BYTES = Metric(
    "trading_exposition_bytes",
    "gauge",
    "bytes",
    (),
    "Size of the previous scrape, uncompressed.",
    "It grows with positions, fee currencies, and the length of names and amounts: find the sender.",
)
EXPOSITION_BYTES_LIMIT = Metric(
    "trading_exposition_bytes_limit",
    "gauge",
    "bytes",
    (),
    "Maximum size of a scrape: 16 KiB for each position of the limit and of the reserve, plus 1 MiB.",
    "Larger than Prometheus' body_size_limit: lower SIDECAR_MAX_POSITIONS.",
)
OVERFLOW_TRADES = Metric(
    "trading_overflow_trades_total",
    "counter",
    "trades",
    (),
    "Trades of keys beyond the limit, counted as symbol __other__ without a position.",
    "Above 0: positions are missing in the metrics. Raise SIDECAR_MAX_POSITIONS.",
)
STREAM_HEAD = Metric(
    "trading_stream_head_sequence",
    "gauge",
    "sequence",
    ("stream",),
    "Last known sequence of the stream.",
    "Constant: no trades are accepted, or the web app is unreachable.",
)
STREAM_APPLIED = Metric(
    "trading_stream_applied_sequence",
    "gauge",
    "sequence",
    ("stream",),
    "Last sequence included in these metrics.",
    "Behind the head for more than 1 second: the sidecar needs more CPU, or the replay socket is unreachable.",
)
STREAM_GAPS = Metric(
    "trading_stream_gaps_total",
    "counter",
    "gaps",
    (),
    "Jumps in the live sequence, each filled from the replay socket.",
    "Rising: the sidecar is too slow for the live stream, or the network loses connections.",
)
STREAM_DUPLICATES = Metric(
    "trading_stream_duplicates_total",
    "counter",
    "trades",
    (),
    "Trades that arrived twice; the second copy was dropped.",
    "A few around a catch-up are normal. Report a steady rate.",
)
STREAM_CATCHUPS = Metric(
    "trading_stream_catchups_total",
    "counter",
    "catch-ups",
    (),
    "Catch-ups from the replay socket, including the one at the start.",
    "Rising without gaps: the web app restarts, or its heartbeats are lost.",
)
STREAM_REPLAY_REQUESTS = Metric(
    "trading_stream_replay_requests_total",
    "counter",
    "requests",
    ("outcome",),
    "Replay requests to the web app, by outcome.",
    "unanswered, refused: the web app does not run, or WEBAPP_REPLAY_ADDR is not its address. damaged: run "
    "trading-app doctor. Each is retried within 2 seconds.",
    "interrupted: the publisher was reached again, so the request was sent again.",
)
STREAM_REDIALS = Metric(
    "trading_stream_redials_total",
    "counter",
    "connections",
    ("reason",),
    "Reconnections to the publisher, by the reason why the previous connection ended.",
    "disconnected: the web app restarts, or the network loses connections. Any other reason: the keys of the two "
    "programs do not match; the log says which.",
)
STREAM_CAUGHT_UP = Metric(
    "trading_stream_caught_up",
    "gauge",
    "1 or 0",
    (),
    "1 while these metrics include the last known sequence.",
    "Stays at 0: check that the web app runs and that WEBAPP_REPLAY_ADDR is its address.",
)
MARKET_CAUGHT_UP = Metric(
    "trading_market_stream_caught_up",
    "gauge",
    "1 or 0",
    (),
    "1 while the newest market data is known here. Missing while no instrument says mark=market.",
    "Stays at 0: check that market-feed runs and that FEED_REPLAY_ADDR is its address.",
)
EVENTS = Metric(
    "trading_events_total",
    "counter",
    "events",
    ("kind",),
    "Events of the journal, by kind: fill, void, cash and so on; aside changes no figure, unknown may change figures.",
    "Their sum plus the rejected events of the journal is trading_stream_applied_sequence. If not, report it.",
)
INCOMPLETE_SINCE = Metric(
    "trading_figures_incomplete_since_sequence",
    "gauge",
    "sequence",
    (),
    "Sequence of the first event of an unknown kind, which may change figures; 0 while figures are complete.",
    "Above 0: a newer web app wrote the event. Update the sidecar; it then rebuilds its state from the journal.",
)
EVENTS_REJECTED = Metric(
    "trading_events_rejected_total",
    "counter",
    "events or messages",
    ("reason",),
    "Stream messages and events rejected, by reason.",
    "undecodable, out_of_range: events of the journal that are not valid trades. Other reasons: messages that violate "
    "the wire contract; find out what else sends to these addresses.",
)
DELIVERY_DELAY = Metric(
    "trading_delivery_delay_seconds",
    "histogram",
    "seconds",
    (),
    "Time from the publication of a trade to its application, live trades only.",
    "High: the sidecar needs more CPU. If the programs run on different machines: their clocks may differ.",
)
SNAPSHOTS = Metric(
    "trading_snapshots_total",
    "counter",
    "snapshots",
    ("result",),
    "Snapshots of the state, by result: saved, failed (to save), refused (at the start).",
    "failed rises: DATA_DIR is full or not writable. refused is 1: the file is damaged or foreign, the log says which. "
    "No data is lost, but a start takes longer.",
)
SNAPSHOT_TIMESTAMP = Metric(
    "trading_snapshot_timestamp_seconds",
    "gauge",
    "seconds, Unix time",
    (),
    "When this process last saved the state; 0 before the first time.",
    "Constant while trades arrive: see trading_snapshots_total.",
)
SNAPSHOT_INTERVAL = Metric(
    "trading_snapshot_interval_seconds",
    "gauge",
    "seconds",
    (),
    "Time between two snapshots: SIDECAR_SNAPSHOT_SECONDS.",
    "After a kill, the sidecar requests the trades of up to this time again.",
)
SNAPSHOT_BYTES = Metric(
    "trading_snapshot_bytes",
    "gauge",
    "bytes",
    (),
    "Size of the last snapshot, saved or loaded at the start; 0 before the first.",
    "It grows with the number of positions, not of trades.",
)
REQUESTS = Metric(
    "trading_sidecar_requests_total",
    "counter",
    "requests",
    ("path", "status"),
    "HTTP requests answered.",
    "401: a scraper has no token or a wrong one. 503: the sidecar has not caught up with the stream.",
)
REQUESTS_REFUSED = Metric(
    "trading_sidecar_requests_refused_total",
    "counter",
    "requests",
    ("code",),
    "Requests refused, by error code.",
    "too_many_connections: a client holds connections. request_timeout, headers_too_large: not one of your scrapers.",
)
CONNECTIONS = Metric(
    "trading_sidecar_connections",
    "gauge",
    "connections",
    (),
    "Open client connections.",
    "Near trading_sidecar_connections_limit: a client holds connections.",
)
CONNECTIONS_LIMIT = Metric(
    "trading_sidecar_connections_limit",
    "gauge",
    "connections",
    (),
    "Maximum number of open connections: SIDECAR_MAX_CONNECTIONS, or fewer if the limit of open files is lower.",
    "Below the setting: raise ulimit -Hn.",
)
CONNECTIONS_DROPPED = Metric(
    "trading_sidecar_connections_dropped_total",
    "counter",
    "connections",
    ("reason",),
    "Connections closed without an answer, by reason: no request (silent), answers not read (unread), endless body of "
    "a refused request (refused_body), above the share of an address without a credential (address_share), closed for "
    "another connection (no_room).",
    "address_share, no_room: a client opens connections without requests. silent, unread: a client hangs.",
)
ALL = (*metrics_in(globals()), process.BUILD_INFO, *process.ALL)
