"""Files of trades: what one would change, and taking it.

Modules:

    calls    POST /known, GET /imports, POST /imports/{import_id}/undo
    listing  the imports of the ledger, and what takes one back
    row_ids  ids of rows that a file gives none (no I/O)
    spool    the rows of a file between reading and sending
"""
