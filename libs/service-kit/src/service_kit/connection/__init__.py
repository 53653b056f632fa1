"""One HTTP connection with deadlines, limits and a share for each address; the same in every program.

Modules:

    admission        which connections are open, and which one closes when all are in use (no I/O)
    body_budget      memory for request bodies that are being received (no I/O)
    close_delimited  answers to HTTP/1.0
    context          what all connections of a server share
    counters         what the guards did, for the metrics
    guarded_http     uvicorn's connection class with all of the above
    limits           limits that an operator may set
    response_writer  the bytes of a response (no I/O)
"""
