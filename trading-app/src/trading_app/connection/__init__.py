"""The fast path of POST /trade and POST /trades: from bytes to a submission without ASGI.

    fast_path        the connection class; recognises the two calls when their head is complete
    head_cache       heads that were parsed before on this connection (no I/O)
    fast_request     one request and its response
    request_batcher  single-trade requests of one event-loop iteration, decoded, committed and answered together
    host             what these need of the app

The invariants, and the tests that hold them:

1. The fast path and the ASGI path give the same response to the same request: status, headers, body, metrics
   (`tests/trading_app/connection/test_fast_path.py`). Both decide with `Intake`, `Gate` and `RateLimit`.
2. The parser may be skipped only for a head that this connection sent before, byte for byte, if the whole body came
   with it and the caller's right to send does not expire (`test_head_cache.py`). The rate limit counts every request.
3. Requests may be batched only if each is a JSON object without an Idempotency-Key. Each keeps its own outcome,
   request id and metric (`test_request_batcher.py`).
4. A request takes the ASGI path if it is HTTP/1.0, offers an upgrade, has a Content-Encoding or a form, names an origin
   while WEBAPP_CORS_ORIGINS is set, or comes while an earlier request of its connection waits for its response
   (`test_fast_path.py`, `test_raw_http.py`).
5. The guards hold on both paths: deadlines, body budget, shares of addresses (`test_limits.py`, `test_slow_clients.py`,
   `test_greedy_bodies.py`).
"""
