"""Follows the trade stream, keeps exact positions and P&L, and serves them to Prometheus.

Modules:

    advice       what to do when the sidecar can't follow a stream
    backfill     the command `metrics-sidecar backfill`, which writes the past for a new Prometheus
    doctor       the command `metrics-sidecar doctor`, which checks the snapshot
    environment  the settings
    exposition   the state as Prometheus text and as JSON
    follow       applies the stream to the state, and saves snapshots
    main         the command line
    market       follows the market stream for marks
    metrics      the catalogue of metrics
    problems     the sidecar's own error code
    recompute    recomputes positions with corrections from the store of fills
    run          assembles the program and runs it
    server       the HTTP calls /metrics and /state
    snapshot     the file of the saved state
"""

__version__ = "0.2.0"
