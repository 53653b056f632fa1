"""The web app's metrics: name, kind, unit, labels, meaning, and what to do when the figure looks wrong."""

from service_kit.metrics import process
from service_kit.metrics.catalogue import Metric, metrics_in

HTTP_REQUESTS = Metric(
    "trading_app_http_requests_total",
    "counter",
    "requests",
    ("method", "route", "status"),
    "Requests answered.",
    "Statuses 5xx rise: find the requests in the log by `request_id`.",
    "`route` is one of the app's routes, or `other`; `method` likewise.",
)
HTTP_REQUEST_DURATION = Metric(
    "trading_app_http_request_duration_seconds",
    "histogram",
    "seconds",
    ("route",),
    "Time from the head of a request to the end of its answer.",
    "`/trade` takes longer than the commits: the machine is short of CPU.",
    "A live stream counts when it ends.",
)
REQUESTS_REFUSED = Metric(
    "trading_app_requests_refused_total",
    "counter",
    "requests",
    ("code",),
    "Requests refused, by error code.",
    "`overloaded`: the disk can't keep up. `unauthorized`: a client guesses tokens. `invalid_*`: a client has a bug.",
    "Every [code](api.md#errors) has a series from the start.",
)
LIVE_STREAMS = Metric(
    "trading_app_live_streams",
    "gauge",
    "connections",
    (),
    "Open live streams.",
    "At the limit: clients leave streams open; or raise `WEBAPP_MAX_LIVE_STREAMS`.",
    "`GET /trades/stream`, plus one for each open page.",
)
LIVE_STREAMS_LIMIT = Metric(
    "trading_app_live_streams_limit",
    "gauge",
    "connections",
    (),
    "Maximum number of open live streams: WEBAPP_MAX_LIVE_STREAMS.",
    "It equals the setting.",
)
OUTGOING_BYTES = Metric(
    "trading_app_outgoing_bytes",
    "gauge",
    "bytes",
    (),
    "Memory used by parts of answers that clients have not read yet.",
    "Near the limit: clients request trades without reading the answers. They are cut off after"
    " `WEBAPP_UNREAD_SECONDS`.",
)
OUTGOING_BYTES_LIMIT = Metric(
    "trading_app_outgoing_bytes_limit",
    "gauge",
    "bytes",
    (),
    "Maximum memory used by parts of unread answers: WEBAPP_MAX_OUTGOING_BYTES.",
    "It equals the setting.",
)
STREAM_QUEUE_BYTES = Metric(
    "trading_app_stream_queue_bytes",
    "gauge",
    "bytes",
    ("queue",),
    "Memory used by messages that subscribers have not read yet.",
    "Near the limit: a subscriber has stopped reading. At the limit it is cut off; it catches up when it reconnects.",
    "`live`: published batches of 16 KiB or more. `replay`: answers to replay requests.",
)
STREAM_QUEUE_BYTES_LIMIT = Metric(
    "trading_app_stream_queue_bytes_limit",
    "gauge",
    "bytes",
    ("queue",),
    "Maximum memory used by messages that subscribers have not read yet.",
    "It never changes.",
)
STREAM_QUEUE_REFUSED = Metric(
    "trading_app_stream_queue_refused_total",
    "counter",
    "messages",
    ("queue",),
    "Messages not queued because their queue was full.",
    "A steady rise: a subscriber reads too slowly. Nothing is lost: subscribers request what they missed.",
)
CONNECTIONS = Metric(
    "trading_app_connections",
    "gauge",
    "connections",
    (),
    "Open client connections.",
    "Near the limit: clients open a connection for each request, or a client holds many open.",
)
CONNECTIONS_LIMIT = Metric(
    "trading_app_connections_limit",
    "gauge",
    "connections",
    (),
    "Maximum number of open client connections: WEBAPP_MAX_CONNECTIONS.",
    "It equals the setting.",
)
CONNECTIONS_DROPPED = Metric(
    "trading_app_connections_dropped_total",
    "counter",
    "connections",
    ("reason",),
    "Connections closed without an answer, by reason.",
    "`unread`: a client hangs, or its network is too slow. `silent`, `refused_body`: a foreign program."
    " `address_share`, `no_room`: an address holds connections open without a credential.",
    "`silent`: no request came. `unread`: the client stopped reading, or vanished. `refused_body`: the body of a"
    " refused request does not end. `address_share`: its address has too many connections without a credential."
    " `no_room`: all connections are in use, and this one has shown no credential.",
)
TRADES_ACCEPTED = Metric(
    "trading_app_trades_accepted_total",
    "counter",
    "trades",
    (),
    "New trades accepted; each is durable.",
    "It does not rise although bots trade: look at the refusals.",
)
TRADES_DUPLICATE = Metric(
    "trading_app_trades_duplicate_total",
    "counter",
    "trades",
    (),
    "Trades that were already in the journal.",
    "It rises as fast as the accepted trades: a client does not get its answers and sends everything again.",
)
HOOK_MESSAGES = Metric(
    "trading_app_hook_messages_total",
    "counter",
    "messages",
    ("hook", "outcome"),
    "Messages that webhooks received, by outcome.",
    "`unread` rises: `trading-app hook unread NAME` shows the messages and what to add to the sender's template."
    " `known` rises as fast as `accepted`: the sender does not get its answers.",
    "`accepted`: new trades. `known`: a repeated message. `ignored`: it says nothing of a trade. `waiting`: the journal"
    " did not take it, it is kept and taken later, which is not counted again. `unread`: it can't be read, and is kept."
    " `refused`: it can't be kept either.",
)
HOOK_UNREAD = Metric(
    "trading_app_hook_unread_messages",
    "gauge",
    "messages",
    ("hook",),
    "Messages of webhooks that could not be read and wait for a person.",
    "Above 0: `trading-app hook unread NAME` shows them, `hook take` and `hook drop` remove them.",
)
HOOK_WAITING = Metric(
    "trading_app_hook_waiting_messages",
    "gauge",
    "messages",
    ("hook",),
    "Messages of webhooks that wait to be taken: for the journal, or for the rate of the hook.",
    "Above 0 for longer than seconds: the app's log says why the journal takes nothing, or which hook sends too much.",
)
HOOKS_FILE_REFUSED = Metric(
    "trading_app_hooks_file_refused",
    "gauge",
    "1 or 0",
    (),
    "1 while the file with webhooks was changed and can't be used, else 0.",
    "It is 1: the app's log names the lines to correct. The webhooks as they were before the change stay in force.",
)
SYMBOLS_DIFFERING_IN_CASE = Metric(
    "trading_app_symbols_differing_in_case",
    "gauge",
    "symbols",
    (),
    "Symbols sent since the start that differ from another one only in case, and share its positions.",
    "Above 0: two senders write one symbol in two ways, or mean two; the log names both.",
)
TRADES_REFUSED = Metric(
    "trading_app_trades_refused_total",
    "counter",
    "trades",
    ("code",),
    "Valid trades refused, by error code.",
    "`overloaded`: the disk can't keep up. A conflict: a client uses an id for two trades.",
    "Trades of malformed or invalid requests are not counted.",
)
EVENTS_ACCEPTED = Metric(
    "trading_app_events_accepted_total",
    "counter",
    "events",
    (),
    "New events that are not trades accepted: voids, replacements, cash and others; each is durable.",
    "It rises although nobody corrects anything: a program sends them; see GET /events.",
)
COMMIT_DURATION = Metric(
    "trading_app_commit_duration_seconds",
    "histogram",
    "seconds",
    (),
    "Time to commit and publish one group of trades.",
    "Above 0.05: a slow or busy disk.",
    "Includes the disk sync. Excludes checkpoints, which run after the answers.",
)
COMMITTED_TRADES = Metric(
    "trading_app_committed_trades_total",
    "counter",
    "trades",
    (),
    "Trades in committed groups, duplicates included.",
    "Divided by the number of commits it is the trades that share a disk sync. Near 1 under load: senders post single"
    " trades on few connections.",
)
PENDING_TRADES = Metric(
    "trading_app_pending_trades",
    "gauge",
    "trades",
    (),
    "Trades waiting for their commit.",
    "Near the limit: requests are about to be refused as `overloaded`.",
)
PENDING_TRADES_LIMIT = Metric(
    "trading_app_pending_trades_limit",
    "gauge",
    "trades",
    (),
    "Maximum number of trades waiting for their commit: WEBAPP_MAX_PENDING_TRADES.",
    "It equals the setting.",
)
STREAM_HEAD = Metric(
    "trading_app_stream_head_sequence",
    "gauge",
    "sequence",
    ("stream",),
    "The last durable sequence.",
    "`stream` has changed: the journal was replaced or restored.",
    "`stream` is the stream's id, which the journal holds.",
)
LAST_TRADE = Metric(
    "trading_app_last_trade_timestamp_seconds",
    "gauge",
    "seconds, Unix time",
    (),
    "When the last new trade became durable; 0 if the journal is empty.",
    "Old although bots trade: look at the refusals. In the future: the clock was set back.",
    "The journal keeps it across restarts.",
)
STREAM_FAILED = Metric(
    "trading_app_stream_failed",
    "gauge",
    "1 or 0",
    (),
    "1 once a commit or a replay has failed; the app then exits.",
    "1: read the last lines of the log.",
)
RECOVERED = Metric(
    "trading_app_recovered",
    "gauge",
    "1 or 0",
    (),
    "1 if the previous run did not shut down cleanly: it was killed, or the journal failed.",
    "1: read the end of the previous run's log.",
)
LOCK_WAITS = Metric(
    "trading_app_journal_lock_waits_total",
    "counter",
    "waits",
    (),
    "Statements that waited for another program's lock on the journal.",
    "A steady rise: a sqlite3 shell or a backup tool locks the journal; use `trading-app backup` instead.",
)
LOCK_WAIT_SECONDS = Metric(
    "trading_app_journal_lock_wait_seconds_total",
    "counter",
    "seconds",
    (),
    "Time that commits waited for another program's lock on the journal.",
    "A steady rise: a sqlite3 shell or a backup tool locks the journal; use `trading-app backup` instead.",
    "A commit waits at most 2 s; then its requests get `store_busy`.",
)
BUSY_CHECKPOINTS = Metric(
    "trading_app_journal_busy_checkpoints_total",
    "counter",
    "checkpoints",
    (),
    "Checkpoints put off because another program was making one.",
    "A steady rise, and a growing trading_app_journal_wal_bytes: end the other program.",
    "The next commit or heartbeat makes up for them.",
)
JOURNAL_BYTES = Metric(
    "trading_app_journal_bytes",
    "gauge",
    "bytes",
    (),
    "Size of the journal.",
    "It grows with the number of trades; compare it with the free disk space.",
)
JOURNAL_WAL_BYTES = Metric(
    "trading_app_journal_wal_bytes",
    "gauge",
    "bytes",
    (),
    "Size of the journal's write-ahead log.",
    "Normal: a few MiB. Growing: a program keeps a read transaction open on the journal.",
)
KEY_TABLES_BYTES = Metric(
    "trading_app_key_tables_bytes",
    "gauge",
    "bytes",
    (),
    "Size of the tables that index trades by key.",
    "It grows with the number of trades. Missing tables are rebuilt from the journal.",
)
DISK_FREE_BYTES = Metric(
    "trading_app_disk_free_bytes",
    "gauge",
    "bytes",
    (),
    "Free space on the journal's disk.",
    "Close to trading_app_disk_least_free_bytes: free disk space.",
)
DISK_MIN_FREE_BYTES = Metric(
    "trading_app_disk_least_free_bytes",
    "gauge",
    "bytes",
    (),
    "Minimum free space for readiness: WEBAPP_MIN_FREE_BYTES.",
    "It equals the setting.",
)
REPLAY_ANSWERS = Metric(
    "trading_app_replay_answers_total",
    "counter",
    "requests",
    (),
    "Replay requests answered.",
    "A steady rise: a subscriber keeps missing messages.",
)
REPLAY_TRADES = Metric(
    "trading_app_replay_trades_total",
    "counter",
    "trades",
    (),
    "Trades sent in answers to replay requests.",
    "A steady rise: a subscriber keeps missing messages.",
)
DAMAGED_READS = Metric(
    "trading_app_damaged_reads_total",
    "counter",
    "reads",
    (),
    "Reads of stored trades that failed because the journal is damaged.",
    "Not 0: run `trading-app doctor` and restore an undamaged copy.",
)
REPLAY_REQUESTS_REFUSED = Metric(
    "trading_app_replay_requests_refused_total",
    "counter",
    "requests",
    ("reason",),
    "Replay requests refused, by reason.",
    "Not 0: a program that is not a subscriber talks to `WEBAPP_REPLAY_ADDR`.",
)
STREAM_CONNECTIONS_REFUSED = Metric(
    "trading_app_stream_connections_refused_total",
    "counter",
    "connections",
    ("reason",),
    "Connections to the ZeroMQ ports refused or cut, by reason.",
    "`unknown_key`, `other_mechanism`, `wrong_server_key`: a subscriber has wrong keys; its log names them."
    " `too_many_bytes`, `too_many_connections`, `malformed_handshake`: a program that is not a subscriber.",
    "The [list](wire-contract.md#refused-connections) explains each reason.",
)
SIDECAR_POLLS = Metric(
    "trading_app_sidecar_polls_total",
    "counter",
    "requests",
    ("outcome",),
    "Polls of the sidecar's state for the page, by outcome.",
    "`unreachable`, `timeout`: the sidecar does not run, or is short of CPU. `unauthorized`: set `MONITORING_TOKEN`."
    " `unreadable`, `refused`: another program or another version listens there. Trades are accepted in every case.",
    "After a failure the next poll follows within 2 seconds.",
)
BUILD_INFO = Metric(
    "trading_app_build_info",
    "info",
    "1",
    ("python", "version"),
    "The running version.",
    "Compare the versions of the components after an update.",
)

ALL = (*metrics_in(globals()), *process.ALL)
