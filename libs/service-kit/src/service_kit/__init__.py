"""What every program of this project needs: settings, logs, access control, guarded HTTP, metrics, start and end.

Modules:

    access            API tokens, host names, and the decision who may call
    capacity          a counter with a limit, for admission
    clock             time as an argument
    connection        one HTTP connection with deadlines and limits
    content_encoding  decompresses request bodies
    cooperative       splits long work in the event loop into slices
    http_app          a small ASGI application: a table of paths, health, access control
    http_types        type names for the parts of ASGI used here
    lifecycle         start, serve and end of a program
    log_settings      log levels and format, from settings and a file
    logs              structured logs on standard error
    metrics           catalogue, histogram and Prometheus text
    problems          error codes, statuses and titles (RFC 9457)
    request_ids       X-Request-ID: the caller's or a generated one
    responses         answers as ASGI messages; reads request bodies
    settings          typed values from the environment and .env
    without_rich      imports libraries without rich
"""
