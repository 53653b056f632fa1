"""Reads trades back: GET /trades and the live stream.

Modules:

    routes      GET /trades and GET /trades/stream
    trades      pages, NDJSON and the stream, as journaled
    parameters  query parameters: known ones, each once
"""
