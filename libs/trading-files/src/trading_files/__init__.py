"""A trader's file in the ledger's terms: what exchanges, brokers and bots export. No network, no clock.

Modules:

    document   a whole file to readings, table by table
    errors     every error this package raises
    interpret  rows and a mapping to readings
    mapping    the mapping language: how columns become members of events
    presets    what is shipped about each source, and which table is of which
    reading    bytes as tables of text: envelope, encoding, dialect, header
    readings   what a row of a file says, in the ledger's terms
    values     the text of a cell as an exact value
"""
