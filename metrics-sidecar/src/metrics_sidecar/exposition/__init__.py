"""The state as Prometheus text and as JSON. No I/O.

Modules:

    metrics_document  writes docs/metrics.md
    pipeline          metrics of the stream, the snapshots, the requests and the build
    base_currency   totals in the base currency
    state_document    the JSON of GET /state
    text              the Prometheus text of positions and symbols
"""
