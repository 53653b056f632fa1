"""One HTTP connection, guarded: deadlines, caps and a share for each address, the same for every program.

- `limits`: what an operator may set
- `context`: what all connections of a server share
- `counters`: what the guards did, for the metrics
- `admission`: which connections are open, and which closes when there is no room (no I/O)
- `body_budget`: the memory for request bodies that are being received (no I/O)
- `response_writer`: the bytes of a response (no I/O)
- `close_delimited`: answers to HTTP/1.0
- `guarded_http`: uvicorn's connection with all of it
"""
