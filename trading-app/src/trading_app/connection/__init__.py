"""The fast path of POST /trade and POST /trades: from bytes to a submission without ASGI.

    fast_path        the connection class; recognises the two calls when their head is complete
    head_cache       heads that were parsed before on this connection (no I/O)
    fast_request     one request and its response
    request_batcher  single-trade requests of one event-loop iteration, decoded, committed and answered together
    host             what these need of the app

What holds, and which test compares both ways:

1. The fast path and the way through the app give the same response to the same request: status, headers, body, metrics
   (`tests/trading_app/test_fast_path.py`). Both decide with `Intake`, `Gate` and `RateLimit`.
2. The parser may be skipped only for a head that this connection sent before, byte for byte, whose whole body came with
   it, and whose caller's right to send does not end (`test_head_cache.py`). The rate limit is asked each time.
3. Requests may be batched only where each is a JSON object without an Idempotency-Key. Each keeps its own outcome,
   request id and metric (`test_request_batcher.py`).
4. A request takes the way through the app if it is HTTP/1.0, offers an upgrade, has a Content-Encoding or a form, names
   an origin where origins are shared, or comes while an earlier one of its connection waits for its response
   (`test_fast_path.py`, `test_raw_http.py`).
5. Guards hold on both ways: deadlines, body budget, shares of addresses (`test_limits.py`, `test_slow_clients.py`,
   `test_greedy_bodies.py`).
"""
