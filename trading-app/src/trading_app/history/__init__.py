"""The history over HTTP: the calls below /api, which read the store that trading-analytics keeps.

Modules:

    routes      adds the calls
    health      GET /api/health
    symbols     GET /api/symbols
    trades      GET /api/trades
    imports     GET /api/imports
    parameters  the parameters that calls share
    ranges      ranges of time and day boundaries (no I/O)
    cursor      where the next page begins, as a text (no I/O)
    store       asks the history in threads
    answers     a table as an answer: form, cursor, ETag
    tables      rows as NDJSON and CSV (no I/O)
    parquet     rows as Parquet
    schemas     OpenAPI responses made from the structs of rows (no I/O)
"""
