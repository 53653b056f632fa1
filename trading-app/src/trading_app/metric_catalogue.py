"""Every metric of the web app: what it is called, what it means, and what to do when it looks wrong."""

from service_kit.metrics import process
from service_kit.metrics.catalogue import Metric, metrics_in

HTTP_REQUESTS = Metric(
    "trading_app_http_requests_total",
    "counter",
    "requests",
    ("method", "route", "status"),
    "Requests answered.",
    "Statuses 5xx rise: see the log, by `request_id`.",
    "`route` is one of the app's, else `other`; so is `method`.",
)
HTTP_REQUEST_DURATION = Metric(
    "trading_app_http_request_duration_seconds",
    "histogram",
    "seconds",
    ("route",),
    "Time from the head of a request to the end of its answer.",
    "`/trade` is slower than the commits: the machine is short of CPU.",
    "A live stream counts when it ends.",
)
REQUESTS_REFUSED = Metric(
    "trading_app_requests_refused_total",
    "counter",
    "requests",
    ("code",),
    "Requests refused, by error code.",
    "`overloaded`: the disk can't keep up. `unauthorized`: somebody tries tokens. `invalid_*`: a client has a bug.",
    "Every [code](api.md#errors) is there from the start.",
)
LIVE_STREAMS = Metric(
    "trading_app_live_streams",
    "gauge",
    "connections",
    (),
    "Open live streams.",
    "At the limit: clients do not close theirs, or raise `WEBAPP_MAX_LIVE_STREAMS`.",
    "`GET /trades/stream`, and one for each open page.",
)
LIVE_STREAMS_LIMIT = Metric(
    "trading_app_live_streams_limit",
    "gauge",
    "connections",
    (),
    "Maximum of open live streams: WEBAPP_MAX_LIVE_STREAMS.",
    "It follows the setting.",
)
OUTGOING_BYTES = Metric(
    "trading_app_outgoing_bytes",
    "gauge",
    "bytes",
    (),
    "Memory taken by parts of answers that clients have not read yet.",
    "Near the limit: clients ask for trades and do not read them. They are cut off after `WEBAPP_UNREAD_SECONDS`.",
)
OUTGOING_BYTES_LIMIT = Metric(
    "trading_app_outgoing_bytes_limit",
    "gauge",
    "bytes",
    (),
    "Maximum of memory taken by parts of unread answers: WEBAPP_MAX_OUTGOING_BYTES.",
    "It follows the setting.",
)
STREAM_QUEUE_BYTES = Metric(
    "trading_app_stream_queue_bytes",
    "gauge",
    "bytes",
    ("queue",),
    "Memory taken by messages that subscribers have not read yet.",
    "Near the limit: a subscriber stands still. It is cut at the limit, and catches up when it comes back.",
    "`live`: published batches of 16 KiB or more. `replay`: answers to replay requests.",
)
STREAM_QUEUE_BYTES_LIMIT = Metric(
    "trading_app_stream_queue_bytes_limit",
    "gauge",
    "bytes",
    ("queue",),
    "Maximum of memory taken by messages that subscribers have not read yet.",
    "It never changes.",
)
STREAM_QUEUE_REFUSED = Metric(
    "trading_app_stream_queue_refused_total",
    "counter",
    "messages",
    ("queue",),
    "Messages not queued because their queue was full.",
    "A steady rise: a subscriber reads too slowly. Nothing is lost: subscribers ask for what they missed.",
)
CONNECTIONS = Metric(
    "trading_app_connections",
    "gauge",
    "connections",
    (),
    "Open client connections.",
    "Near the limit: clients open one for each request, or somebody holds them open.",
)
CONNECTIONS_LIMIT = Metric(
    "trading_app_connections_limit",
    "gauge",
    "connections",
    (),
    "Maximum of open client connections: WEBAPP_MAX_CONNECTIONS.",
    "It follows the setting.",
)
CONNECTIONS_DROPPED = Metric(
    "trading_app_connections_dropped_total",
    "counter",
    "connections",
    ("reason",),
    "Connections closed without an answer, by reason.",
    "`unread`: a client hangs, or its line is too slow. `silent`, `refused_body`: not one of ours. `address_share`,"
    " `no_room`: somebody holds connections open without a credential.",
    "`silent`: no request came. `unread`: the answers are not read, or the client has vanished. `refused_body`: the"
    " body of a refused request does not end. `address_share`: its address has too many connections without a"
    " credential. `no_room`: all connections are taken, and this one has shown no credential.",
)
TRADES_ACCEPTED = Metric(
    "trading_app_trades_accepted_total",
    "counter",
    "trades",
    (),
    "New trades accepted; each is durable.",
    "It stands still although bots trade: look at the refusals.",
)
TRADES_DUPLICATE = Metric(
    "trading_app_trades_duplicate_total",
    "counter",
    "trades",
    (),
    "Trades that were already in the journal.",
    "As steep as the accepted ones: a client does not see its answers and sends everything again.",
)
TRADES_REFUSED = Metric(
    "trading_app_trades_refused_total",
    "counter",
    "trades",
    ("code",),
    "Valid trades refused, by error code.",
    "`overloaded`: the disk can't keep up. A conflict: a client uses an id twice.",
    "Trades of requests that could not be read, or were invalid, are not counted one by one.",
)
COMMIT_DURATION = Metric(
    "trading_app_commit_duration_seconds",
    "histogram",
    "seconds",
    (),
    "Time to commit and publish one group of trades.",
    "Above 0.05: a slow or busy disk.",
    "With the sync of the disk, without checkpoints, which come after the answers.",
)
COMMITTED_TRADES = Metric(
    "trading_app_committed_trades_total",
    "counter",
    "trades",
    (),
    "Trades in committed groups, duplicates included.",
    "Divided by the commits it says how many trades share a sync; near 1 under load: senders do not use batches.",
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
    "Maximum of trades waiting for their commit: WEBAPP_MAX_PENDING_TRADES.",
    "It follows the setting.",
)
STREAM_HEAD = Metric(
    "trading_app_stream_head_sequence",
    "gauge",
    "sequence",
    ("stream",),
    "The last durable sequence.",
    "Another `stream` than yesterday: the journal was replaced.",
    "`stream` is the journal's id.",
)
LAST_TRADE = Metric(
    "trading_app_last_trade_timestamp_seconds",
    "gauge",
    "seconds, Unix time",
    (),
    "When the last new trade became durable; 0 in an empty journal.",
    "Old although bots trade: look at the refusals. In the future: the clock was set back.",
    "It is in the journal, so it outlives a restart.",
)
STREAM_FAILED = Metric(
    "trading_app_stream_failed",
    "gauge",
    "1 or 0",
    (),
    "1 once a commit or a replay has failed: the app is about to end.",
    "1: the log says why.",
)
RECOVERED = Metric(
    "trading_app_recovered",
    "gauge",
    "1 or 0",
    (),
    "1 if the previous run did not end as asked: it was killed, or the journal failed.",
    "1: the end of the previous log says why.",
)
LOCK_WAITS = Metric(
    "trading_app_journal_lock_waits_total",
    "counter",
    "waits",
    (),
    "Statements that waited for a lock of another program on the journal.",
    "A steady rise: a sqlite3 shell or a backup tool works on the journal; use `trading-app backup`.",
)
LOCK_WAIT_SECONDS = Metric(
    "trading_app_journal_lock_wait_seconds_total",
    "counter",
    "seconds",
    (),
    "Time that commits waited for a lock of another program on the journal.",
    "A steady rise: a sqlite3 shell or a backup tool works on the journal; use `trading-app backup`.",
    "A commit waits 2 s at most; then its requests get `store_busy`.",
)
BUSY_CHECKPOINTS = Metric(
    "trading_app_journal_busy_checkpoints_total",
    "counter",
    "checkpoints",
    (),
    "Checkpoints that were put off because another program makes one.",
    "A steady rise, and a growing trading_app_journal_wal_bytes: end the other program.",
    "They are made at the next commit or heartbeat.",
)
JOURNAL_BYTES = Metric(
    "trading_app_journal_bytes",
    "gauge",
    "bytes",
    (),
    "Size of the journal.",
    "It grows with the trades; compare it with the free disk space.",
)
JOURNAL_WAL_BYTES = Metric(
    "trading_app_journal_wal_bytes",
    "gauge",
    "bytes",
    (),
    "Size of the journal's write-ahead log.",
    "It stays at a few MiB. Growing: something reads the journal for long.",
)
KEY_TABLES_BYTES = Metric(
    "trading_app_key_tables_bytes",
    "gauge",
    "bytes",
    (),
    "Size of the tables that find a trade by its key.",
    "It grows with the trades. Missing tables are rebuilt from the journal.",
)
DISK_FREE_BYTES = Metric(
    "trading_app_disk_free_bytes",
    "gauge",
    "bytes",
    (),
    "Free space on the journal's disk.",
    "Close to trading_app_disk_least_free_bytes: make room.",
)
DISK_MIN_FREE_BYTES = Metric(
    "trading_app_disk_least_free_bytes",
    "gauge",
    "bytes",
    (),
    "Minimum of free space with which the app is ready: WEBAPP_MIN_FREE_BYTES.",
    "It follows the setting.",
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
    "Reads of stored trades that failed because the journal is damaged there.",
    "Not 0: run `trading-app doctor` and restore a sound copy.",
)
REPLAY_REQUESTS_REFUSED = Metric(
    "trading_app_replay_requests_refused_total",
    "counter",
    "requests",
    ("reason",),
    "Replay requests refused, by reason.",
    "Not 0: something that is not a subscriber talks to `WEBAPP_REPLAY_ADDR`.",
)
STREAM_CONNECTIONS_REFUSED = Metric(
    "trading_app_stream_connections_refused_total",
    "counter",
    "connections",
    ("reason",),
    "Connections to the ZeroMQ ports refused or cut, by reason.",
    "`unknown_key`, `other_mechanism`, `wrong_server_key`: the keys of a subscriber are wrong, its log says which."
    " `too_many_bytes`, `too_many_connections`, `malformed_handshake`: something that is not a subscriber.",
    "The [list](wire-contract.md#refused-connections) explains each reason.",
)
SIDECAR_POLLS = Metric(
    "trading_app_sidecar_polls_total",
    "counter",
    "requests",
    ("outcome",),
    "Requests for the sidecar's state, which the page shows, by outcome.",
    "`unreachable`, `timeout`: the sidecar does not run, or is short of CPU. `unauthorized`: set `MONITORING_TOKEN`."
    " `unreadable`, `refused`: something else listens there, or another version. Trades are taken all the same.",
    "After a failure the next request comes within 2 seconds.",
)
BUILD_INFO = Metric(
    "trading_app_build_info",
    "info",
    "1",
    ("python", "version"),
    "What is running.",
    "Compare the versions of the components after an update.",
)

ALL = (*metrics_in(globals()), *process.ALL)
