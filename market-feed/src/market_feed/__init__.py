"""Journals what exchanges publish and passes it on: every trade once, in the order of its id, and what is missing.

Modules:

    market            what a venue publishes, in terms of no venue (no I/O)
    times             a venue's times as text (no I/O)
    continuity        the order of the ids: hold, fetch, give up (no I/O)
    freshness         live, quiet or stale (no I/O)
    rotation          when a connection is replaced (no I/O)
    schedule          when markets are followed (no I/O)
    schedule_file     reads the schedule
    session           one market's openings (no I/O)
    budget            weights, attempts, bans (no I/O)
    event             the events of the market stream (no I/O)
    markets           one instrument's state (no I/O)
    venues            what each venue publishes, and how
    simulator         a simulated exchange
    link              one connection
    shard             keeps some streams connected
    filler            fetches what is missing
    journal           puts events into the journal, in order
    feed              one venue's feed
    environment       the settings
    known_venues      the venues that settings name
    metrics           the catalogue of metrics
    exposition        the current values of the metrics
    metrics_document  writes the page of metrics
    problems          the program's own error code
    commands          the commands besides serving
    run               assembles the program and runs it
    main              the command line
"""

__version__ = "0.2.0"
