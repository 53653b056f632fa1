"""Decides what becomes of what venues send. No I/O: the clock is an argument.

Modules:

    market_state  one instrument: its trades in order, what is missing, whether it is current
    event         the events of the market stream
    rows          many events' text, column by column
    continuity    the order of the ids: hold, fetch, give up
    recent        the last trades, to compare repetitions with
    candles       the closed candles, and which were missed
    conflation    at most one quote in some time
    limits        the operator's limits
    patience      how long something was waited for
    freshness     live, quiet or stale
    rotation      when a connection is replaced
    seldom        how often the same is logged
    budget        weights, attempts, bans
"""
