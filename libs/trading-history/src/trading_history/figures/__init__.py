"""Positions, round trips and equity: a fold over all steps in the order of trading, whatever their key.

The fold has come to a place in that order, the frontier. What arrives behind the frontier is folded as it comes. What
changes before it (a late fill, a correction, an instrument that says something else) sends the fold back to an earlier
state, and it goes on from there: so rows are those of a rebuild by construction. Recent states are kept in memory,
older ones in the store.

Modules, each imports those above it:

    bars          bars of equity, and their sums (no I/O)
    curves        lines of net P&L with their unfinished bars, and whose they are (no I/O)
    trips         a round trip under way (no I/O)
    books         a position with what is followed beside its accounting (no I/O)
    context       what events other than fills say: instruments, rates, steps (no I/O)
    markets       the last price of each symbol, and who holds it (no I/O)
    frontier      all positions and sums at a place, as steps move it on (no I/O)
    other_steps   the steps that are no fills: openings, splits, moves, prices, cash (no I/O)
    fold          folds the steps behind the frontier into it (no I/O)
    tables        rows of the figures in the store
    trip_columns  closed round trips as columns of numbers (no I/O)
    trip_blocks   closed round trips in the store, in columns
    stored_context  the context as the tables of a store have it
    checkpoints   earlier states of the fold in the store
    keeper        brings the figures of the store up to date
"""
