"""Questions to the store, a module each. They take a snapshot, read, and return plain structs.

Modules:

    keys          which keys of positions are wanted, and when they traded first and last
    trades        a search of fills, in the order of trading, with their corrections
    imports       imported files, newest first
    own_candles   candles of own fills, where no market data is there
    scope         which positions a question about figures is about
    extent        from when to when there is anything, canonical names of a symbol
    equity        net P&L over time, and its drawdown
    amount_columns  columns of amounts as integers, and their sums by group
    bar_columns   bars in columns of numbers, to be added up
    summed_lines  the largest fall of a sum of lines, in columns of numbers
    market_marks  what prices of followed markets add to the net P&L of open positions
    market_equity  net P&L over time with these
    conversion    rates of figures of several currencies in one, and what has none
    rate_columns  columns of amounts at rates
    converted_steps  what bars added in a base currency, in columns of numbers
    converted_equity  net P&L over time in a base currency
    pnl_rows      which row of a table of P&L a time is in
    pnl           P&L by day, week, month, hour of the day and weekday
    performance   win rate, profit factor, returns and the like, of one scope or of each group
    grouping      groups by members of positions and by tags
    capital       what was put into accounts until a time
    returns       daily returns of equity, and the ratios over them
    trip_counts   how many round trips won and lost
    value         a figure that may be undefined
    round_trips   from flat to flat, newest first
    closed_trips  those that closed in a range, in columns, to be added up
    trip_sums     what these add up to, for all groups in one pass
    trip_conversion  the same in a base currency
    positions     the positions at their last change
    events_in_force  instruments, rates, splits, moves; whose fills are whose
    position_fold  positions at each of their steps, folded when asked for
    lots          realised P&L by first or last in first out, folded when asked for
    slippage      prices of fills beside those of the market

Times are Unix nanoseconds; a range has its start and not its end. Amounts are exact decimals in the currency that the
answer names; amounts of different currencies are never added.
"""
