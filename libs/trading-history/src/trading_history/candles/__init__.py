"""Candles of markets, in a store of their own: `market.sqlite3`.

They are records: market data is kept for days, its candles for years. So they are not in the store of the ledger's
history, which is removed and made again at any time, and the two are written without waiting for each other.

Modules:

    candle        one candle, and how two of the same time are one (no I/O)
    known_trades  which trades are in the candles (no I/O)
    store         keeps candles, with the position in the stream of market data; reads them
"""
