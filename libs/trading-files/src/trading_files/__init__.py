"""A trader's file in the ledger's terms: what exchanges, brokers and bots export. No network, no clock.

Modules:

    errors   every error this package raises
    reading  bytes as tables of text: envelope, encoding, dialect, header
    values   the text of a cell as an exact value
"""
