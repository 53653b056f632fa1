"""Positions, P&L, fees and cash: a fold over the ledger's events in the order of trading, at average cost. No I/O.

Modules:

    adjustments    the openings, splits and moves in force
    base_currency  totals over all positions in one currency
    book           the position of one key: folds its steps
    cash           money without a fill: sums by owner, currency and reason
    corrections    which events are in force, after voids and replaces
    dated          sums in a base currency, each amount at the rate of its time
    dated_positions  positions and cash that are followed in a base currency too
    figures        average entry price and P&L of a position at a price
    fills          decodes a batch of events
    holdings       which position the fills of a key belong to
    index          finds what was said of a position or symbol, though symbols may come to mean others
    lots           the position of one key by lots, first or last in first out
    market_marks   marks by the market, where an instrument says so
    markets        what marks the positions of each symbol, with the prices by hand
    marks          the price at which the positions of a symbol are marked
    order          the order of trading
    positions      a position while it is followed: recent steps, and what waits
    quota          how many keys get a position
    refold         recomputes positions from all their fills
    restatement    changes that do not follow in the order of trading: in memory at once, else from the store
    snapshots      the state at one moment, as a value
    state          all positions and totals of one stream: applies batches
    steps          what changes a position besides fills
    totals         counters of accepted trades, in the order of arrival
    window         the last batches as they came
"""
