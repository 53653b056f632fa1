"""Files of trades: what one would change, and taking it.

read (reading, fill_lines, row_ids) → spool → ask what the ledger has (compare) → compute (figures) → say (report)
→ take (taking)

The command runs these steps with the app over HTTP. For an uploaded file a child process of the app runs them, with the
app at the other end of a pipe. Nothing in them knows where they run.

Modules:

    calls    POST /known, POST /known/events, GET /imports, POST /imports/{import_id}/undo
    listing  the imports of the ledger, and what takes one back
    plan     the dry run
    taking   sends what was planned
    options  what the user says about a file
    reading  a file to rows in the spool, with what was found on the way
    fill_lines  fills as they are spooled, column by column (no I/O)
    event_lines  events of other kinds as they are spooled: their ids, and rows that repeat one
    row_ids  ids of rows that a file gives none (no I/O)
    spool    the rows of a file between reading and sending
    similar  fills that are probably known under another identity
    compare  asks what the ledger has
    ahead    asks and computes while a large file is being read
    parts    calls for batches, in parts that the app takes
    figures  positions and P&L of the file's own events (no I/O)
    folding  the process that computes them for a large file
    instruments  what the ledger says of symbols and rates
    report   what is shown, as data
    ledger   the app as an import uses it
    upload_calls  POST /imports and what follows
    schemas  what the calls take and answer, for the OpenAPI document (no I/O)
    uploads  uploaded files, and their child processes
    worker   the child process that reads one
    frames   what the app and the child say to each other
"""
