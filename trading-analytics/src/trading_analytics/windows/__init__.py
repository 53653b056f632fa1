"""Metrics of a market over sliding windows: volatility, drawdown, price change, volume, VWAP, spread. No I/O.

Time is that of the events. It is divided by a grid (500 ms); an event belongs to the grid point at or after its time.
The watermark is the latest time seen less a lateness (2 s): grid points up to it are closed, and what comes later for
them is counted and left out. A window of length W at the closed grid point T has the events in (T - W, T].

Nothing is ever subtracted from a sum, so no error accumulates: what leaves a window is not taken off its sums, the sums
are put together again from parts that stay. Prices, quantities and their sums are exact decimals.

Modules:

    observations    what the windows are made of: trades and quotes
    summary         what a stretch of time says, and how two that follow each other are one
    two_stacks      the sum of the last items of a sequence, in constant time an item
    ewma            a mean of squared returns that forgets
    window          one window over one market
    market_windows  all windows of one market
    measures        the values of a window, each with its reason, samples, coverage and age
    markets         all markets: grid, watermark, late events
"""
