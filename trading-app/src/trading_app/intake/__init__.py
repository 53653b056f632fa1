"""From the bytes of a request to trades to commit, and from the outcome to an answer. No I/O.

Modules:

    service       the decisions, from bytes to submission and from outcome to answer
    decode        one request to trades, field by field where it fails
    decode_batch  many trades at once, column by column
    event         one checked trade as an event
    identity      the key of a fill, by which repeats are recognised
    symbol_cases  notices symbols that differ only in case
    results       outcomes as answers and problems
    known         what the ledger has of trades and events, as it is answered
    arrivals      a log line when trades arrive
"""
