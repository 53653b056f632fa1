"""Follows the market feed: candles into their store, windows in memory.

Modules:

    clocks      how far the feed's clock is from the venues' (no I/O)
    decode      the events of a batch as trades, quotes and breaks (no I/O)
    document    the current readings as JSON (no I/O)
    exposition  the current values of the metrics
    fold        what the events do to candles and windows (no I/O)
    follower    follows the stream, commits candles once a second
"""
