"""The derived store of the ledger: fills by key and time, corrections applied; round trips and equity. Rebuilt from the
stream at will.

Modules:

    decode      a batch as rows of fills, corrections and imports (no I/O)
    standing    which correction of a fill or an import holds (no I/O)
    page_checksums  finds bytes that the disk has changed
    database    the file of a store: makes, opens and recognises it
    schema      the tables as SQL
    figures     positions, round trips and equity, folded in the order of trading
    writer      applies batches, in transactions with the position
    reader      reads a snapshot: fills in the order of trading
    queries     questions of the API, the page and metrics
    past        the history as it was known at an earlier sequence, in memory
    candles     candles of markets, in a store of their own
    follow      brings the store up to date from the stream
    rebuild     builds the store from a journal in the same folder
    lock        one writer at a time
    backup      copies of the stores while they are in use
    digest      a hash of all rows, to compare two stores
    errors      every error this package raises
"""
