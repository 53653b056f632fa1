"""POST /trade alone and beside open pages that show many positions: `python -m benchmarks.pages [FOLDER]`.

The pages may not slow trades down: at most 3 times the p99 alone.
"""

import http.client
import json
import multiprocessing
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

from tests.support.apps import Apps, running_apps
from tests.support.load import post_batch

POSITIONS, PAGES, REQUESTS = 10_000, 50, 1_000
SETTLE_SECONDS = 3
"""After the pages are open, each gets its first figures; the posts are timed after that."""


def main() -> int:
    """Measure in turns, and print."""
    with tempfile.TemporaryDirectory() as folder, running_apps(Path(folder)) as apps:
        last = fill(apps)
        apps.wait_until_applied(last, seconds=60)
        for _ in range(2):
            alone = p99(apps.web_port)
            with opened(apps.web_port, PAGES):
                beside = p99(apps.web_port)
            print(f"p99 of POST /trade: {alone * 1e3:.1f} ms alone, {beside * 1e3:.1f} ms beside {PAGES} pages of")
            print(f"{POSITIONS:,} positions: {beside / alone:.1f} times as long")
    return 0


def fill(apps: Apps) -> int:
    """Open the positions; the last sequence."""
    trades = [
        {"symbol": f"S{number % 50}/USDT", "account": f"a{number // 50}", "side": "buy", "price": "1.25", "qty": "2"}
        for number in range(POSITIONS)
    ]
    last = 0
    for start in range(0, POSITIONS, 5_000):
        last = post_batch(apps.web_port, trades[start : start + 5_000])["last_seq"]
    return last


@contextmanager
def opened(port: int, count: int) -> Iterator[None]:
    """Pages that read all that is sent to them, in a process of their own: their reading is not the app's time."""
    spawn = multiprocessing.get_context("spawn")
    are_open, is_over = spawn.Event(), spawn.Event()
    reader = spawn.Process(target=_read, args=(port, count, are_open, is_over), daemon=True)
    reader.start()
    try:
        assert are_open.wait(60), f"{count} pages did not open"
        time.sleep(SETTLE_SECONDS)
        yield
    finally:
        is_over.set()
        reader.join()


def p99(port: int) -> float:
    """Seconds that 99 of 100 requests take at most."""
    client, seconds = http.client.HTTPConnection("127.0.0.1", port, timeout=30), []
    for number in range(REQUESTS):
        trade = {"symbol": f"S{number % 50}/USDT", "account": "a1", "side": "sell", "price": "1.5", "qty": "1"}
        began = time.perf_counter()
        client.request("POST", "/trade", json.dumps(trade), {"Content-Type": "application/json"})
        client.getresponse().read()
        seconds.append(time.perf_counter() - began)
    client.close()
    return sorted(seconds)[REQUESTS * 99 // 100]


def _read(port: int, count: int, are_open: Event, is_over: Event) -> None:
    with selectors.DefaultSelector() as selector, ExitStack() as connections:
        for _ in range(count):
            page = connections.enter_context(socket.create_connection(("127.0.0.1", port)))
            page.sendall(b"GET /page/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert page.recv(65_536)
            selector.register(page, selectors.EVENT_READ)
        are_open.set()
        while not is_over.is_set():
            for key, _ in selector.select(timeout=0.1):
                assert isinstance(key.fileobj, socket.socket)
                assert key.fileobj.recv(1_000_000), "a page was closed"


if __name__ == "__main__":
    sys.exit(main())
