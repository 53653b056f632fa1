"""Decides what becomes of what venues send. No I/O: the clock is an argument.

Modules:

    market_state  one instrument: its trades in order, what is missing, whether it is current
    event         the events of the market stream
    continuity    the order of the ids: hold, fetch, give up
    freshness     live, quiet or stale
    rotation      when a connection is replaced
    budget        weights, attempts, bans
"""
