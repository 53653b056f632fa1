"""The command `metrics-sidecar backfill`: what the sidecar showed since the journal began, for a new Prometheus.

Modules:

    command  the command: walks through the journal, and writes a file for each day
    past     the state at each instant, as it was known then
    series   the values of each series over a day, as OpenMetrics text (no I/O)
"""
