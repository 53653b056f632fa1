"""Positions, P&L and fees: a fold over fills, at average cost. No I/O.

Modules:

    base_currency  totals over all positions in one currency
    figures    average entry price and P&L of a position at a price
    fills      decodes a batch of events into fills
    marks      last price of each symbol
    positions  applies fills to the position of one key
    state      all positions and totals of one stream
"""
