"""The web app: takes trades in, journals each durably, publishes it, shows them live.

Modules:

    main              the command `trading-app`
    server            serves: one process, one event loop, a clean end
    ui                puts the app together
    environment       settings
    context           settings, counters and stream, for the routes
    routes            POST /trade and POST /trades as plain ASGI
    zmq_pub           the ledger, opened while the app serves
    ending_reader     a reader of the journal that ends with the app
    yaml_nodes        reads YAML files with their lines
    outgoing          answers made piece by piece, within a budget
    problems          the app's own errors
    metric_catalogue  every metric: kind, unit, meaning
    metrics           counts, and their families for a scrape
    metrics_document  writes docs/app-metrics.md
    access            who calls, and what the caller may do
    client            `send`, `export`, `event`, `follow`, `demo`
    commands          `doctor`, `backup`, `restore`, `token`, `zmq-keys`, `hook`, `instruments`
    connection        the fast path
    follow            an account at an exchange
    history           the history over HTTP
    hooks             webhooks
    http              layers and operations
    imports           files of trades: what one would change, and taking it
    instruments       the file with instruments, and how it gets into the ledger
    intake            from bytes to trades
    ledger            events that are not trades
    page              the live page
    query             reads trades back
"""
