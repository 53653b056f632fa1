"""The dashboard "Pipeline": whether trades get from their sender into the metrics, and how fast."""

from infra.grafana.panels import (
    NONE_IS_GOOD,
    ONE_IS_GOOD,
    Json,
    Query,
    heatmap,
    stat,
    table,
    time_series,
    up_to,
)

UID = "trading-telemetry-pipeline"
TITLE = "Pipeline"
DESCRIPTION = "Intake, journal, stream and sidecar: rates, errors, durations, and how full everything is."

WEB_APP = 'job="trading-app"'
SIDECAR = 'job="metrics-sidecar"'
BOTH = 'job=~"trading-app|metrics-sidecar"'


def rate(counter: str) -> str:
    return f"rate({counter}[$__rate_interval])"


def increase(counter: str) -> str:
    return f"increase({counter}[$__rate_interval])"


def quantiles(histogram: str) -> list[Query]:
    """Half, 95 and 99 of a hundred are quicker than this."""
    return [
        Query(f"histogram_quantile({share}, sum by (le) ({rate(histogram)}))", name)
        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    ]


AT_A_GLANCE = [
    stat(
        "Web app",
        "Whether the web app answers Prometheus.",
        "none",
        Query(f"up{{{WEB_APP}}}", "web app"),
        steps=ONE_IS_GOOD,
        words={"0": "down", "1": "up"},
    ),
    stat(
        "Sidecar",
        "Whether the sidecar answers Prometheus. It refuses, with 503, until it has caught up after a start.",
        "none",
        Query(f"up{{{SIDECAR}}}", "sidecar"),
        steps=ONE_IS_GOOD,
        words={"0": "down or starting", "1": "up"},
    ),
    stat(
        "Caught up",
        "Whether everything the stream is known to have is in the metrics.",
        "none",
        Query("trading_stream_caught_up", "caught up"),
        steps=ONE_IS_GOOD,
        words={"0": "catching up", "1": "yes"},
    ),
    stat(
        "Trades behind",
        "Trades in the journal and not yet in the metrics. The two apps are not asked at the same instant, so a "
        "fraction of a second's trades is normal.",
        "none",
        Query("stream:trading_stream_lag:trades", "behind"),
        steps=up_to(10_000, 100_000),
    ),
    stat(
        "Failed requests",
        "Share of the web app's answers in the last minute that were its own fault (5xx).",
        "percentunit",
        Query("job:trading_app_http_failures:ratio_rate1m", "failed"),
        steps=up_to(0.001, 0.01),
    ),
    stat(
        "Alerts",
        "Alerts that fire now; Prometheus lists them at /alerts, docs/operations.md says what to do.",
        "none",
        Query('count(ALERTS{alertstate="firing"}) or vector(0)', "firing"),
        steps=NONE_IS_GOOD,
    ),
]

INTAKE = [
    time_series(
        "Requests per second",
        "By method, route and status.",
        "reqps",
        Query(
            f"sum by (method, route, status) ({rate('trading_app_http_requests_total')})",
            "{{method}} {{route}} {{status}}",
        ),
        minimum=0,
    ),
    time_series(
        "Requests refused and failed per second",
        "Refused (4xx): the caller's mistake. Failed (5xx): ours, 503 when the journal can't keep up.",
        "reqps",
        *(
            Query(f'sum({rate(f"""trading_app_http_requests_total{{status=~"{status}.."}}""")}) or vector(0)', name)
            for status, name in ((4, "refused"), (5, "failed"))
        ),
        minimum=0,
    ),
    time_series(
        "Refusals per second by reason",
        "The code of the error that was answered; docs/api.md explains each.",
        "reqps",
        Query(f"sum by (code) ({rate('trading_app_requests_refused_total')})", "{{code}}"),
        Query(f"sum by (code) ({rate('trading_sidecar_requests_refused_total')})", "sidecar {{code}}"),
        minimum=0,
    ),
    time_series(
        "Request duration",
        "From a request's head to the end of its answer, trades only. A POST waits for its commit.",
        "s",
        *quantiles('trading_app_http_request_duration_seconds_bucket{route=~"/trade|/trades"}'),
        steps=up_to(0.1, 0.5),
        minimum=0,
    ),
    time_series(
        "Trades taken per second",
        "Accepted: new and durable. Duplicate: known already, nothing changed.",
        "cps",
        Query(f"sum({rate('trading_app_trades_accepted_total')})", "accepted"),
        Query(f"sum({rate('trading_app_trades_duplicate_total')})", "duplicate"),
        minimum=0,
    ),
    time_series(
        "Live streams",
        "Open GET /trades/stream connections; WEBAPP_MAX_LIVE_STREAMS is the most there can be.",
        "none",
        Query("trading_app_live_streams", "open"),
        Query("trading_app_live_streams_limit", "limit"),
        minimum=0,
    ),
    time_series(
        "Unread bytes",
        "Memory taken by what clients and subscribers have not read. Past its limit an answer gets 503, and the "
        "subscriber that reads least is cut and catches up later.",
        "bytes",
        Query("trading_app_outgoing_bytes", "answers"),
        Query("trading_app_outgoing_bytes_limit", "limit of answers"),
        Query("trading_app_stream_queue_bytes", "{{queue}}"),
        Query("trading_app_stream_queue_bytes_limit", "limit of {{queue}}"),
        minimum=0,
    ),
    time_series(
        "Connections",
        "Open connections of clients. At the limit (WEBAPP_MAX_CONNECTIONS, SIDECAR_MAX_CONNECTIONS) those without a "
        "credential make room; if there are none, a new one gets 503.",
        "none",
        Query("trading_app_connections", "open"),
        Query("trading_app_connections_limit", "limit"),
        Query("trading_sidecar_connections", "sidecar open"),
        Query("trading_sidecar_connections_limit", "sidecar limit"),
        width=12,
        minimum=0,
    ),
    time_series(
        "Connections dropped per second by reason",
        "Closed without an answer: their clients did not send or did not read in time, or showed no credential while "
        "room was needed.",
        "cps",
        Query(f"sum by (reason) ({rate('trading_app_connections_dropped_total')})", "{{reason}}"),
        Query(f"sum by (reason) ({rate('trading_sidecar_connections_dropped_total')})", "sidecar {{reason}}"),
        width=12,
        minimum=0,
    ),
    time_series(
        "Trades refused per second by reason",
        "Trades that were understood and refused all the same, by the code of the error. overloaded: their senders "
        "come again.",
        "cps",
        Query(f"sum by (code) ({rate('trading_app_trades_refused_total')})", "{{code}}"),
        width=12,
        minimum=0,
    ),
    time_series(
        "Time since the last new trade",
        "Since one became durable, by the web app's clock. Above ten minutes NoTrades fires.",
        "s",
        Query("time() - (trading_app_last_trade_timestamp_seconds > 0)", "last trade"),
        width=12,
        steps=up_to(300, 600),
        minimum=0,
    ),
]

JOURNAL = [
    time_series(
        "Commit duration",
        "Time to commit and publish one group of trades; every POST waits for its group's.",
        "s",
        *quantiles("trading_app_commit_duration_seconds_bucket"),
        steps=up_to(0.05, 0.25),
        minimum=0,
    ),
    time_series(
        "Trades per commit",
        "How many trades share a commit; it rises with the load, and that is what carries the load.",
        "none",
        Query(
            f"sum({rate('trading_app_committed_trades_total')})"
            f" / sum({rate('trading_app_commit_duration_seconds_count')})",
            "trades",
        ),
        minimum=0,
    ),
    time_series(
        "Trades waiting for their commit",
        "The queue before the journal. At its limit, WEBAPP_MAX_PENDING_TRADES, requests get 503.",
        "none",
        Query("trading_app_pending_trades", "waiting"),
        Query("trading_app_pending_trades_limit", "limit"),
        minimum=0,
    ),
    time_series(
        "Room on the disk",
        "What the disk with the journal still takes. Below the least, WEBAPP_MIN_FREE_BYTES, the app is not ready.",
        "bytes",
        Query("trading_app_disk_free_bytes", "free"),
        Query("trading_app_disk_least_free_bytes", "least"),
        logarithmic=True,
    ),
    time_series(
        "Size of the journal",
        "It grows with every trade and never shrinks. The tables of its keys grow at times.",
        "bytes",
        Query("trading_app_journal_bytes", "journal"),
        Query("trading_app_key_tables_bytes", "tables of keys"),
        minimum=0,
    ),
    time_series(
        "Size of the write-ahead log",
        "A few MiB. Above 64 MiB something keeps the journal open to read.",
        "bytes",
        Query("trading_app_journal_wal_bytes", "write-ahead log"),
        steps=up_to(32 * 2**20, 64 * 2**20),
        minimum=0,
    ),
    time_series(
        "Other programs at the journal",
        "Locks of a sqlite3 shell or a backup tool, which commits wait for. Use `trading-app backup` instead.",
        "cps",
        Query(rate("trading_app_journal_lock_waits_total"), "waits"),
        Query(rate("trading_app_journal_lock_wait_seconds_total"), "seconds waited"),
        Query(rate("trading_app_journal_busy_checkpoints_total"), "checkpoints put off"),
        minimum=0,
    ),
]

STREAM = [
    time_series(
        "Head and applied sequence",
        "Three lines that should be one: what is durable, what the sidecar has heard of, what is in the metrics.",
        "none",
        Query("trading_app_stream_head_sequence", "durable"),
        Query("trading_stream_head_sequence", "known to the sidecar"),
        Query("trading_stream_applied_sequence", "in the metrics"),
    ),
    time_series(
        "Trades behind the journal",
        "Durable, and not yet in the metrics, by stream.",
        "none",
        Query("stream:trading_stream_lag:trades", "behind"),
        steps=up_to(10_000, 100_000),
        minimum=0,
    ),
    heatmap(
        "Delivery delay",
        "From the publication of a trade to its being applied, live trades only: how many took how long.",
        "s",
        Query(f"sum by (le) ({increase('trading_delivery_delay_seconds_bucket')})", "{{le}}", layout="heatmap"),
    ),
    time_series(
        "Delivery delay quantiles",
        "The same as quantiles. High: the sidecar is short of CPU, or two machines' clocks differ.",
        "s",
        *quantiles("trading_delivery_delay_seconds_bucket"),
        steps=up_to(0.1, 1),
        minimum=0,
    ),
    time_series(
        "Gaps, catch-ups and duplicates",
        "Jumps in the live sequence, questions for what is missing, trades that arrived again and were dropped. "
        "All heal by themselves; a steady rate means that the sidecar or the network is too slow.",
        "none",
        Query(increase("trading_stream_gaps_total"), "gaps"),
        Query(increase("trading_stream_catchups_total"), "catch-ups"),
        Query(increase("trading_stream_duplicates_total"), "duplicates"),
        minimum=0,
    ),
    time_series(
        "Replay per second",
        "What the web app answers to those who ask for what they missed.",
        "cps",
        Query(rate("trading_app_replay_answers_total"), "answers"),
        Query(rate("trading_app_replay_trades_total"), "trades in answers"),
        Query(f"sum({rate('trading_app_replay_requests_refused_total')}) or vector(0)", "requests refused"),
        Query(f"sum({rate('trading_app_stream_connections_refused_total')}) or vector(0)", "connections refused"),
        Query(rate("trading_app_damaged_reads_total"), "reads of damaged rows"),
        Query(rate("trading_app_stream_queue_refused_total"), "not queued ({{queue}})"),
        minimum=0,
    ),
    time_series(
        "Rejected events",
        "What came over the stream and could not be used, by reason. Anything but 0 needs a look.",
        "none",
        Query(f"sum by (reason) ({increase('trading_events_rejected_total')})", "{{reason}}"),
        steps=NONE_IS_GOOD,
        width=12,
        minimum=0,
    ),
    time_series(
        "Events by kind",
        "Asides change no figure. An unknown kind may: figures are then incomplete until the sidecar is updated.",
        "none",
        Query(f"sum by (kind) ({increase('trading_events_total')})", "{{kind}}"),
        Query("trading_figures_incomplete_since_sequence > bool 0", "figures are incomplete"),
        width=12,
        minimum=0,
    ),
]

PROCESSES = [
    time_series(
        "CPU",
        "Cores in use. The sidecar has one event loop: near 1 it can't take more.",
        "percentunit",
        Query(rate(f"process_cpu_seconds_total{{{BOTH}}}"), "{{job}}"),
        steps=up_to(0.8, 0.95),
        minimum=0,
    ),
    time_series(
        "Memory",
        "Resident. It grows with the number of positions, not with that of trades.",
        "bytes",
        Query(f"process_resident_memory_bytes{{{BOTH}}}", "{{job}}"),
        minimum=0,
    ),
    time_series(
        "File descriptors in use",
        "Share of what the process may open.",
        "percentunit",
        Query(f"process_open_fds{{{BOTH}}} / process_max_fds{{{BOTH}}}", "{{job}}"),
        steps=up_to(0.7, 0.9),
        minimum=0,
    ),
    time_series(
        "Positions against their limit",
        "Share of SIDECAR_MAX_POSITIONS in use. Past it, trades are counted as __other__ without a position.",
        "percentunit",
        Query("trading_positions / trading_positions_limit", "in use"),
        Query("trading_exposition_bytes / trading_exposition_bytes_limit", "bytes of a scrape"),
        steps=up_to(0.8, 1),
        minimum=0,
    ),
    time_series(
        "Trades past the positions limit",
        "Not 0: positions are missing from the metrics. Raise SIDECAR_MAX_POSITIONS.",
        "none",
        Query(increase("trading_overflow_trades_total"), "trades"),
        steps=NONE_IS_GOOD,
        minimum=0,
    ),
    time_series(
        "Snapshots",
        "Times the sidecar saved its state, or could not. Failed: DATA_DIR is full or not writable. Refused: what a "
        "start found was torn.",
        "none",
        Query(f"sum by (result) ({increase('trading_snapshots_total')})", "{{result}}"),
        minimum=0,
    ),
    time_series(
        "Age of the last snapshot",
        "The older, the longer the next start takes. It is not renewed while no trades come in.",
        "s",
        Query("time() - (trading_snapshot_timestamp_seconds > 0)", "age"),
        Query("trading_snapshot_interval_seconds", "time between two"),
        minimum=0,
    ),
    time_series(
        "Size of the snapshot",
        "It grows with the number of positions, not with that of trades.",
        "bytes",
        Query("trading_snapshot_bytes", "snapshot"),
        minimum=0,
    ),
    time_series(
        "Sidecar requests per second",
        "By path and status. 503 is the answer before it has caught up.",
        "reqps",
        Query(f"sum by (path, status) ({rate('trading_sidecar_requests_total')})", "{{path}} {{status}}"),
        minimum=0,
    ),
    time_series(
        "Scrape duration",
        "How long each app takes to answer Prometheus.",
        "s",
        Query(f"scrape_duration_seconds{{{BOTH}}}", "{{job}}"),
        steps=up_to(0.5, 1),
        minimum=0,
    ),
]

BUILD = [
    table(
        "What is running",
        "Versions of both apps and of Python. Compare them after an update.",
        "none",
        {"job": "Job", "version": "Version", "python": "Python", "Value #C": "Up since"},
        Query("max by (job, version, python) (trading_app_build_info)", instant=True, layout="table"),
        Query("max by (job, version, python) (trading_telemetry_build_info)", instant=True, layout="table"),
        Query(f"max by (job) (process_start_time_seconds{{{BOTH}}}) * 1000", instant=True, layout="table"),
        units={"Up since": "dateTimeAsIso"},
    ),
]

ROWS: dict[str, list[Json]] = {
    "At a glance": AT_A_GLANCE,
    "Intake": INTAKE,
    "Journal": JOURNAL,
    "Stream": STREAM,
    "Processes": PROCESSES,
    "Build": BUILD,
}
