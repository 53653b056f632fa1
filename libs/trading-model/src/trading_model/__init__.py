"""The terms of trading: a trade and its fields, symbols, decimals, timestamps, the accounting. No I/O.

Modules:

    accounting           positions, P&L and fees from fills
    contents             what each kind of event says
    currencies           currency codes, as data
    days                 trading days by a boundary in a time zone, weeks and months
    decimals             exact decimal arithmetic, and how amounts are shown
    field_rules          checks each field of a trade
    fields               the table of a trade's fields, and the JSON schemas made from it
    futures              futures roots and their point values, as data
    instruments          what each symbol is, from the ledger and what is shipped
    kind_members         what a client sends for each kind of event
    kind_rules           checks values of members of events that are not fills
    kinds                kinds of events in the ledger
    market_prices        newest price of each market, from the market stream
    member_forms         makes the members that several kinds of event have
    members              reads the members of an event that a client sends
    rates                rates between currencies at a time, from the ledger
    shipped_instruments  what a symbol's form shows of futures, options, shares
    symbols              base, quote, P&L currency and contract kind of a symbol
    timestamps           RFC 3339 times as Unix seconds
    topics               names of the streams
    trade                the trade as it is journaled and served
"""
