"""The venues: what each publishes, in which form, and how to fetch what was missed. No I/O.

Modules:

    binance   Binance Spot
    coinbase  Coinbase Exchange
    decimals  checks numbers that a venue wrote as text
    items     reads the items of a page, each by itself
    venue     the interface of a venue
"""
