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
BUILD_INFO = Metric(
    "trading_telemetry_build_info",
    "info",
    "1",
    ("component", "python", "version"),
    "Version of the running component.",
    "Compare the versions of the components after an update.",
)
ALL = (*metrics_in(globals()), *process.ALL)
