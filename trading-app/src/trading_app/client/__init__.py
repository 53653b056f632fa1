"""The command line's clients of the app: `import` takes a trader's file, `send` posts a file of trades, `demo` a
made-up stream, `seed` a made-up past, `event` an event; `export` writes a file of trades, `follow` takes them from an
exchange.

open (trade_files, json_array) → complete (completion) → batch (batches) → post (delivery, pace) → show (progress)

They hold the arguments and import the rest only when run, so that the server needs neither httpx nor rich.

Modules:

    import_files  `trading-app import FILE…`
    importer     one file after another, from the dry run to the ledger
    interrupt    Ctrl-C for commands with threads
    import_text  a report in words
    app_ledger   the app as an import uses it, over HTTP
    steps        shows the steps of an import
    imports      `trading-app imports list`, `trading-app imports undo ID`
    send         `trading-app send FILE`
    demo         `trading-app demo`
    seed         `trading-app seed`
    past         the made-up past that it sends
    export       `trading-app export [FILE]`
    follow       `trading-app follow ccxt`
    event        `trading-app event KIND name=value …`
    arguments    types of command line arguments
    errors       every error the clients raise
    target       where the app is, and the token for it
    trade_files  reads a file as JSON objects, one a trade
    csv_rows     CSV lines as trades
    json_array   cuts a JSON array while it is read
    records      one trade of a file
    completion   adds defaults and ids
    batches      gathers trades into requests
    delivery     posts a batch until it is answered
    pace         keeps a rate
    transfer     the loop of both commands
    tally        counts what was sent and answered
    progress     a bar, or a line now and then
    market       a made-up market
    followed_market  last prices of the markets that market-feed follows
"""
