"""Clients that are slow or deaf, by the thousand, beside one that is neither."""

import http.client
import json
import re
import socket
import time
from contextlib import ExitStack
from pathlib import Path

from tests.support.apps import Apps
from tests.support.load import post_batch
from tests.support.polling import eventually
from tests.support.slowloris import outcome, slowloris
from tests.torture.figures import Figures

DEADLINE_SECONDS = 20
REQUESTS = 2_000
FLOOR_SECONDS = 0.002
DEAF = 200
BATCHES, BATCH = 60, 4_000
MAX_BYTES_OF_ONE = 2_000_000


def slow_and_deaf(folder: Path, _seed: int, crowd: int) -> Figures:
    """A crowd that does not finish its requests, then live streams that nobody reads."""
    patience = dict.fromkeys(("WEBAPP_HEADER_SECONDS", "WEBAPP_BODY_SECONDS"), str(DEADLINE_SECONDS))
    # All come from one address, and its share before a credential, a quarter, is to hold the two thirds without a head.
    limits = {"WEBAPP_MAX_CONNECTIONS": str(3 * crowd + DEAF + 10), "WEBAPP_MAX_LIVE_STREAMS": str(DEAF)}
    apps = Apps(folder, WEBAPP_UNREAD_SECONDS="10", **patience, **limits)
    try:
        apps.start("trading-app")
        apps.wait_for("trading-app")
        alone = _p99(apps.web_port)
        with slowloris(apps.web_port, crowd) as slow:
            assert _metric(apps, "trading_app_connections") > crowd, "all are there"
            beside = _p99(apps.web_port)
            result = outcome(slow)
        assert beside < 2 * alone + FLOOR_SECONDS, f"p99 {beside * 1e3:.1f} ms instead of {alone * 1e3:.1f}"
        assert result["seconds"] < DEADLINE_SECONDS + 10
        grown = _deaf(apps)
    finally:
        apps.end()
    return Figures(
        f"{crowd:,} clients that never finish a request; {DEAF} live streams that nobody reads",
        f"p99 of a good client {alone * 1e3:.1f} ms alone, {beside * 1e3:.1f} ms beside them; the last cut after"
        f" {result['seconds']:.0f} s; all streams cut, {grown / 1e6:.0f} MB more memory at the most",
    )


def _deaf(apps: Apps) -> float:
    """The most memory that so many unread streams took, in bytes, while trades of 70 MB went by."""
    before, maximum = _metric(apps, "process_resident_memory_bytes"), 0.0
    trades = [{"symbol": "A", "price": "1", "qty": "1", "side": "buy", "order_id": "o" * 128}] * BATCH
    with ExitStack() as opened:
        for _ in range(DEAF):
            client = opened.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.connect(("127.0.0.1", apps.web_port))
            client.sendall(b"GET /trades/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        eventually(lambda: _metric(apps, "trading_app_live_streams") == DEAF, 60)
        for _ in range(BATCHES):
            post_batch(apps.web_port, trades)
            maximum = max(maximum, _metric(apps, "process_resident_memory_bytes") - before)
        eventually(lambda: _metric(apps, 'trading_app_connections_dropped_total{reason="unread"}') == DEAF, 60)
    assert maximum < DEAF * MAX_BYTES_OF_ONE, f"{maximum / 1e6:.0f} MB"
    return maximum


def _p99(port: int) -> float:
    client, seconds = http.client.HTTPConnection("127.0.0.1", port, timeout=10), []
    trade = json.dumps({"symbol": "A", "price": 1, "qty": 1, "side": "buy"})
    for _ in range(REQUESTS):
        began = time.perf_counter()
        client.request("POST", "/trade", trade, {"Content-Type": "application/json"})
        assert client.getresponse().read().endswith(b'"accepted"}')
        seconds.append(time.perf_counter() - began)
    client.close()
    return sorted(seconds)[REQUESTS * 99 // 100]


def _metric(apps: Apps, sample: str) -> float:
    client = http.client.HTTPConnection("127.0.0.1", apps.web_port, timeout=30)
    client.request("GET", "/metrics")
    found = re.search(rf"^{re.escape(sample)} (\S+)$", client.getresponse().read().decode(), re.MULTILINE)
    client.close()
    return float(found[1]) if found else 0.0
