"""The history over HTTP: the calls below /api, which read the store that trading-analytics keeps.

Modules:

    routes       adds the calls
    health       GET /api/health
    symbols      GET /api/symbols
    trades       GET /api/trades
    imports      GET /api/imports
    positions    GET /api/positions
    round_trips  GET /api/round-trips
    pnl          GET /api/pnl
    equity       GET /api/equity
    drawdown     GET /api/drawdown
    performance  GET /api/performance
    conversion   what an answer in a base currency says about its rates (no I/O)
    slippage     slippage in answers
    market_marks  whether followed markets mark open positions, and what they marked (no I/O)
    accounts     reads config/accounts.yml
    candles      GET /api/candles
    metrics      GET /api/metrics/latest and GET /api/metrics/stream
    markets      asks trading-analytics for the windows of markets
    question     whose figures, from when to when, as parameters ask
    parameters   the parameters that calls share
    intervals    spans of bars and candles by their names (no I/O)
    ranges       ranges of time and day boundaries (no I/O)
    cursor       where the next page begins, as a text (no I/O)
    store        asks the history in threads
    rows         rows from the structs of the history (no I/O)
    answers      a table as an answer: form, cursor, ETag
    tables       rows as NDJSON and CSV (no I/O)
    parquet      rows as Parquet
    schemas      OpenAPI responses made from the structs of rows (no I/O)
"""
