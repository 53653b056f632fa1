"""A durable, exactly-once event stream: it is numbered, stored, published, and followed. It knows nothing of trades.

Modules:

    events        the nouns: event, submission, receipt, batch, position
    topics        a stream's name, deduplication and retention
    place         where a stream is: folder, addresses, keys
    errors        every error this package raises
    refusals      why a reader gets nothing, as short words
    advice        what to do then, in a sentence for the operator
    log           the interfaces: log, store, transport, readers
    backend       chooses the store and the transport that settings name
    durable_log   the log: commit in the store, then publish
    group_commit  the one thread that commits what many callers submit
    wire          bytes to frames and back, version 1 (no I/O)
    chain         the hash of the history (no I/O)
    follower      apply, drop, or ask: a reader's decisions (no I/O)
    tail          the latest rows in memory, for readers in this process
    projection    a fold and its positions, saved together
    id_spaces     which ids of a venue are known (no I/O)
    keys          how keys are written, and their files
    durable_files  files that survive a crash of the machine
    backoff       how long to wait before the next try
    stores        what keeps a stream: SQLite
    transports    what carries a stream: ZeroMQ
    testing       a stream in memory, for tests
"""
