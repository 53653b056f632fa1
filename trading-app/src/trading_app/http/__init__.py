"""The layers between the connection and the routes, and the routes that belong to no other folder.

Modules:

    request_boundary  request id, access, counters, and a 500 for what nobody caught
    until_open        503 until the journal is open
    cors              calls from other origins
    head_as_get       answers HEAD
    error_handlers    every error as a problem document
    late_route        routes that FastAPI analyses when they are first needed
    openapi           the OpenAPI document
    operations        health, readiness, metrics
    parameters        query parameters: known ones, each once
"""
