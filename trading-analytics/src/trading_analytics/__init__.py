"""Follows the trade stream and keeps its history: every fill by key and time, corrections applied.

Modules:

    advice            what to do when the program can't follow the web app
    backing_up        the command `trading-analytics backup`, which copies the history
    check             the command `trading-analytics check`, which compares the history with the ledger
    environment       the settings
    exposition        the current values of the metrics
    keeper            keeps the store up to date, and tries again after an error
    main              the command line
    market            follows the market feed: candles and windows
    metrics           the catalogue of metrics
    metrics_document  writes the page of metrics
    performance       P&L, drawdown and round trips for the metrics
    problems          the program's own error code
    rebuilding        the command `trading-analytics rebuild`
    retries           counts, logs and pauses after errors of a store
    run               assembles the program and runs it
    windows           metrics of a market over sliding windows
"""

__version__ = "0.2.0"
