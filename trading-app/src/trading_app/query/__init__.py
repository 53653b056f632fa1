"""Reads trades back: GET /trades and the live stream.

Modules:

    routes         GET /trades and GET /trades/stream
    schemas        what these take and answer, for the OpenAPI document (no I/O)
    parameters     the query parameters
    live           server-sent events without end, as many at a time as the settings allow
    answers        answers to GET /trades
    question       the parameters of GET /trades, checked
    filter         which stored trades are wanted (no I/O)
    views          what is shown of a stretch of the journal: as journaled, or what is in force
    pages          reads the journal in pages, in either direction
    trades         pages as JSON, NDJSON and the live stream
    downloads      pages as CSV and Parquet
    written_trade  a trade as tables show it, made of the fields of trades (no I/O)
    csv_table      trades as CSV that is safe in a spreadsheet (no I/O)
    parquet_table  trades as Parquet
"""
