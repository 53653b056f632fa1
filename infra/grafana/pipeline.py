"""The dashboard "Pipeline": whether trades get from their sender into the metrics, and how fast."""

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

UID = "trading-telemetry-pipeline"
TITLE = "Pipeline"
DESCRIPTION = "Intake, journal, stream and sidecar: rates, errors, durations, and use of each limit."

WEB_APP = 'job="trading-app"'
SIDECAR = 'job="metrics-sidecar"'
ALL = 'job=~"trading-app|metrics-sidecar|trading-analytics|market-feed"'


def quantiles(histogram: str) -> list[Query]:
    """The 50th, 95th and 99th percentile, in seconds."""
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
        "Whether the sidecar answers Prometheus. After a start it answers 503 until it has caught up.",
        "none",
        Query(f"up{{{SIDECAR}}}", "sidecar"),
        steps=ONE_IS_GOOD,
        words={"0": "down or starting", "1": "up"},
    ),
    stat(
        "Caught up",
        "Whether every trade that the sidecar knows of is in the metrics.",
        "none",
        Query("trading_stream_caught_up", "caught up"),
        steps=ONE_IS_GOOD,
        words={"0": "catching up", "1": "yes"},
    ),
    stat(
        "Trades behind",
        "Trades in the journal that are not yet in the metrics. The two apps are not scraped at the same instant, so "
        "the trades of a fraction of a second are normal.",
        "none",
        Query("stream:trading_stream_lag:trades", "behind"),
        steps=up_to(10_000, 100_000),
    ),
    stat(
        "Failed requests",
        "Share of 5xx among the web app's answers of the last minute.",
        "percentunit",
        Query("job:trading_app_http_failures:ratio_rate1m", "failed"),
        steps=up_to(0.001, 0.01),
    ),
    stat(
        "Alerts",
        "Number of alerts that fire now. Prometheus lists them at /alerts; docs/operations.md says what to do.",
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
        "Refused (4xx): a fault of the caller. Failed (5xx): a fault of the app; 503 when the journal can't keep up.",
        "reqps",
        *(
            Query(f'sum({rate(f"""trading_app_http_requests_total{{status=~"{status}.."}}""")}) or vector(0)', name)
            for status, name in ((4, "refused"), (5, "failed"))
        ),
        minimum=0,
    ),
    time_series(
        "Refusals per second by reason",
        "By error code; docs/api.md explains each.",
        "reqps",
        Query(f"sum by (code) ({rate('trading_app_requests_refused_total')})", "{{code}}"),
        Query(f"sum by (code) ({rate('trading_sidecar_requests_refused_total')})", "sidecar {{code}}"),
        minimum=0,
    ),
    time_series(
        "Request duration",
        "From the head of a request to the end of its answer, for /trade and /trades. A POST waits for its commit.",
        "s",
        *quantiles('trading_app_http_request_duration_seconds_bucket{route=~"/trade|/trades"}'),
        steps=up_to(0.1, 0.5),
        minimum=0,
    ),
    time_series(
        "Trades accepted per second",
        "Accepted: new and durable. Duplicate: already in the journal. Other events: corrections, cash.",
        "cps",
        Query(f"sum({rate('trading_app_trades_accepted_total')})", "accepted"),
        Query(f"sum({rate('trading_app_trades_duplicate_total')})", "duplicate"),
        Query(f"sum({rate('trading_app_events_accepted_total')})", "other events"),
        minimum=0,
    ),
    time_series(
        "Live streams",
        "Open live streams: GET /trades/stream, and one for each open page. The maximum is WEBAPP_MAX_LIVE_STREAMS.",
        "none",
        Query("trading_app_live_streams", "open"),
        Query("trading_app_live_streams_limit", "limit"),
        minimum=0,
    ),
    time_series(
        "Unread bytes",
        "Memory taken by answers and messages that clients and subscribers have not read. At the limit new answers get "
        "503, and the subscriber that reads least is disconnected; it catches up later.",
        "bytes",
        Query("trading_app_outgoing_bytes", "answers"),
        Query("trading_app_outgoing_bytes_limit", "limit of answers"),
        Query("trading_app_stream_queue_bytes", "{{queue}}"),
        Query("trading_app_stream_queue_bytes_limit", "limit of {{queue}}"),
        minimum=0,
    ),
    time_series(
        "Connections",
        "Open client connections. At the limit (WEBAPP_MAX_CONNECTIONS, SIDECAR_MAX_CONNECTIONS) a new one replaces "
        "one without a credential; if there is none, the new one gets 503.",
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
        "Connections closed without an answer: their clients did not send or read in time, or showed no credential "
        "when a new connection needed the place.",
        "cps",
        Query(f"sum by (reason) ({rate('trading_app_connections_dropped_total')})", "{{reason}}"),
        Query(f"sum by (reason) ({rate('trading_sidecar_connections_dropped_total')})", "sidecar {{reason}}"),
        width=12,
        minimum=0,
    ),
    time_series(
        "Trades refused per second by reason",
        "Valid trades refused, by error code. overloaded: their senders retry.",
        "cps",
        Query(f"sum by (code) ({rate('trading_app_trades_refused_total')})", "{{code}}"),
        width=12,
        minimum=0,
    ),
    time_series(
        "Time since the last new trade",
        "Time since the last new trade became durable, by the web app's clock. Above ten minutes NoTrades fires.",
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
        "Time to commit and publish one group of trades. Each POST waits for the commit of its group.",
        "s",
        *quantiles("trading_app_commit_duration_seconds_bucket"),
        steps=up_to(0.05, 0.25),
        minimum=0,
    ),
    time_series(
        "Trades per commit",
        "Average number of trades in a commit. It rises with the load, so the number of syncs does not.",
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
        "Trades in the queue before the journal. At the limit, WEBAPP_MAX_PENDING_TRADES, requests get 503.",
        "none",
        Query("trading_app_pending_trades", "waiting"),
        Query("trading_app_pending_trades_limit", "limit"),
        minimum=0,
    ),
    time_series(
        "Free space on the disk",
        "Free space on the journal's disk. Below the minimum, WEBAPP_MIN_FREE_BYTES, the app is not ready.",
        "bytes",
        Query("trading_app_disk_free_bytes", "free"),
        Query("trading_app_disk_least_free_bytes", "minimum"),
        logarithmic=True,
    ),
    time_series(
        "Size of the journal",
        "The journal grows with each trade and never shrinks. The key tables grow in steps.",
        "bytes",
        Query("trading_app_journal_bytes", "journal"),
        Query("trading_app_key_tables_bytes", "key tables"),
        minimum=0,
    ),
    time_series(
        "Size of the write-ahead log",
        "A few MiB are normal. Above 64 MiB another program keeps the journal open to read.",
        "bytes",
        Query("trading_app_journal_wal_bytes", "write-ahead log"),
        steps=up_to(32 * 2**20, 64 * 2**20),
        minimum=0,
    ),
    time_series(
        "Other programs at the journal",
        "Locks of other programs, such as a sqlite3 shell or a backup tool, for which commits wait. Use "
        "`trading-app backup` instead.",
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
        "Last durable trade, last trade that the sidecar knows of, last trade in the metrics. The three lines should "
        "coincide.",
        "none",
        Query("trading_app_stream_head_sequence", "durable"),
        Query("trading_stream_head_sequence", "known to the sidecar"),
        Query("trading_stream_applied_sequence", "in the metrics"),
    ),
    time_series(
        "Trades behind the journal",
        "Durable trades that are not yet in the metrics, by stream.",
        "none",
        Query("stream:trading_stream_lag:trades", "behind"),
        steps=up_to(10_000, 100_000),
        minimum=0,
    ),
    heatmap(
        "Delivery delay",
        "Time from the publication of a live trade until the sidecar has applied it.",
        "s",
        Query(f"sum by (le) ({increase('trading_delivery_delay_seconds_bucket')})", "{{le}}", layout="heatmap"),
    ),
    time_series(
        "Delivery delay quantiles",
        "Percentiles of the delivery delay. High: the sidecar is short of CPU, or the clocks of two machines differ.",
        "s",
        *quantiles("trading_delivery_delay_seconds_bucket"),
        steps=up_to(0.1, 1),
        minimum=0,
    ),
    time_series(
        "Gaps, catch-ups and duplicates",
        "Jumps in the live sequence, replay requests for missing trades, repeated trades that were dropped. All are "
        "repaired automatically; a steady rate means that the sidecar or the network is too slow.",
        "none",
        Query(increase("trading_stream_gaps_total"), "gaps"),
        Query(increase("trading_stream_catchups_total"), "catch-ups"),
        Query(increase("trading_stream_duplicates_total"), "duplicates"),
        minimum=0,
    ),
    time_series(
        "Replay per second",
        "The web app's answers to replay requests, and what it refused.",
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
        "Stream messages and events that the sidecar rejected, by reason. Any value but 0 needs attention.",
        "none",
        Query(f"sum by (reason) ({increase('trading_events_rejected_total')})", "{{reason}}"),
        steps=NONE_IS_GOOD,
        width=12,
        minimum=0,
    ),
    time_series(
        "Events by kind",
        "Asides change no figure. An unknown kind may: then figures are incomplete until the sidecar is updated.",
        "none",
        Query(f"sum by (kind) ({increase('trading_events_total')})", "{{kind}}"),
        Query("trading_figures_incomplete_since_sequence > bool 0", "figures are incomplete"),
        width=12,
        minimum=0,
    ),
]

HISTORY = [
    time_series(
        "Events missing from the history",
        "Events of the stream that trading-analytics has not committed yet. Nothing is shown where it is switched off.",
        "none",
        Query("trading_history_head_sequence - trading_history_applied_sequence", "missing"),
        minimum=0,
    ),
    time_series(
        "From publication to the history",
        "Time until an event is in the history, live events only.",
        "s",
        *quantiles("trading_history_commit_delay_seconds_bucket"),
        steps=up_to(0.25, 1),
        minimum=0,
    ),
    time_series(
        "Size of the history",
        "The database and its write-ahead log. It grows with the number of trades.",
        "bytes",
        Query("trading_history_bytes", "{{file}}"),
        minimum=0,
    ),
    time_series(
        "Errors and rebuilds of the history",
        "Errors that interrupted the work, such as a full disk, and stores that were made again.",
        "none",
        Query(increase("trading_history_failures_total"), "errors"),
        Query(increase("trading_history_rebuilds_total"), "rebuilds"),
        steps=NONE_IS_GOOD,
        minimum=0,
    ),
]

PROCESSES = [
    time_series(
        "CPU",
        "Cores in use. The sidecar has one event loop: near 1 it is at its maximum.",
        "percentunit",
        Query(rate(f"process_cpu_seconds_total{{{ALL}}}"), "{{job}}"),
        steps=up_to(0.8, 0.95),
        minimum=0,
    ),
    time_series(
        "Memory",
        "Resident memory. It grows with the number of positions, not with the number of trades.",
        "bytes",
        Query(f"process_resident_memory_bytes{{{ALL}}}", "{{job}}"),
        minimum=0,
    ),
    time_series(
        "File descriptors in use",
        "Share of the maximum that the process may open.",
        "percentunit",
        Query(f"process_open_fds{{{ALL}}} / process_max_fds{{{ALL}}}", "{{job}}"),
        steps=up_to(0.7, 0.9),
        minimum=0,
    ),
    time_series(
        "Positions against their limit",
        "Share of SIDECAR_MAX_POSITIONS in use. Beyond the limit, trades count as __other__, without a position.",
        "percentunit",
        Query("trading_positions / trading_positions_limit", "in use"),
        Query("trading_exposition_bytes / trading_exposition_bytes_limit", "bytes of a scrape"),
        steps=up_to(0.8, 1),
        minimum=0,
    ),
    time_series(
        "Trades beyond the positions limit",
        "Not 0: positions are missing from the metrics. Raise SIDECAR_MAX_POSITIONS.",
        "none",
        Query(increase("trading_overflow_trades_total"), "trades"),
        steps=NONE_IS_GOOD,
        minimum=0,
    ),
    time_series(
        "Snapshots",
        "Snapshots by result. Failed: DATA_DIR is full or not writable. Refused: a start found a torn or unreadable "
        "snapshot.",
        "none",
        Query(f"sum by (result) ({increase('trading_snapshots_total')})", "{{result}}"),
        minimum=0,
    ),
    time_series(
        "Age of the last snapshot",
        "An old snapshot makes the next start longer. Without new trades none is written.",
        "s",
        Query("time() - (trading_snapshot_timestamp_seconds > 0)", "age"),
        Query("trading_snapshot_interval_seconds", "interval"),
        minimum=0,
    ),
    time_series(
        "Size of the snapshot",
        "The snapshot grows with the number of positions, not with the number of trades.",
        "bytes",
        Query("trading_snapshot_bytes", "snapshot"),
        minimum=0,
    ),
    time_series(
        "Sidecar requests per second",
        "By path and status. The sidecar answers 503 until it has caught up.",
        "reqps",
        Query(f"sum by (path, status) ({rate('trading_sidecar_requests_total')})", "{{path}} {{status}}"),
        minimum=0,
    ),
    time_series(
        "Scrape duration",
        "Time that each app takes to answer Prometheus.",
        "s",
        Query(f"scrape_duration_seconds{{{ALL}}}", "{{job}}"),
        steps=up_to(0.5, 1),
        minimum=0,
    ),
]

BUILD = [
    table(
        "What is running",
        "Versions of the apps and of Python. Compare them after an update.",
        "none",
        {"job": "Job", "version": "Version", "python": "Python", "Value #C": "Up since"},
        Query("max by (job, version, python) (trading_app_build_info)", instant=True, layout="table"),
        Query("max by (job, version, python) (trading_telemetry_build_info)", instant=True, layout="table"),
        Query(f"max by (job) (process_start_time_seconds{{{ALL}}}) * 1000", instant=True, layout="table"),
        units={"Up since": "dateTimeAsIso"},
    ),
]

ROWS: dict[str, list[Json]] = {
    "At a glance": AT_A_GLANCE,
    "Intake": INTAKE,
    "Journal": JOURNAL,
    "Stream": STREAM,
    "History": HISTORY,
    "Processes": PROCESSES,
    "Build": BUILD,
}
