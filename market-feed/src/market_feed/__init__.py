"""Journals what exchanges publish and passes it on: every trade once, in the order of its id, and what is missing.

Imports go downwards only, from `run` to `market`:

    main              the command line
    run               assembles the program and runs it
    commands          the commands besides serving
    exposition        the current values of the metrics
    metrics_document  writes the page of metrics
    metrics           the catalogue of metrics
    problems          the program's own error code
    known_venues      the venues that settings name
    environment       the settings
    simulator         a simulated exchange
    intake            connections, requests and the journal: the only room with sockets and a clock
    decisions         what is passed on, fetched, given up, replaced (no I/O)
    schedule          when markets are followed (no I/O but reading the file)
    venues            what each venue publishes, and how (no I/O)
    times             a venue's times as text (no I/O)
    market            what a venue publishes, in terms of no venue (no I/O)
"""

__version__ = "0.2.0"
