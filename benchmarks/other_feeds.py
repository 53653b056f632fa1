"""What other libraries need to receive the frames of the simulated exchange, for comparison.

A program of its own, for another interpreter that has the library and nothing of ours:
`PYTHON benchmarks/other_feeds.py LIBRARY PORT FRAMES` connects, reads that many aggregates as an application would,
does nothing with them, and prints the CPU time from the first to the last in seconds. They order, store and publish
nothing.
"""

# The libraries are not installed where types are checked.
# mypy: ignore-errors
# ruff: noqa: PLC0415 -- only the library that is measured is imported; none of them is installed here

import asyncio
import sys
import time


class Count:
    """CPU time from the first to the last of some frames."""

    def __init__(self, frames):
        self._left = frames
        self._began = None
        self.seconds = None

    def note(self):
        """Count one more frame; whether it was the last."""
        if self._began is None:
            self._began = time.process_time()
        self._left -= 1
        if not self._left:
            self.seconds = time.process_time() - self._began
        return not self._left


async def cryptofeed(port, count):
    """Cryptofeed's Binance feed, with a callback for trades."""
    from cryptofeed import connection
    from cryptofeed.defines import BINANCE, TRADES
    from cryptofeed.exchanges import Binance
    from cryptofeed.symbols import Symbols

    done = asyncio.Event()

    async def trade(_trade, _received_at):
        if count.note():
            done.set()

    Symbols.set(BINANCE, {"BTC-USDT": "BTCUSDT"}, {"instrument_type": {"BTC-USDT": "spot"}, "tick_size": {}})
    secured = connection.connect
    connection.connect = lambda address, **options: secured(address.replace("wss:", "ws:"), **options)  # it wants TLS
    Binance.websocket_endpoints = [connection.WebsocketEndpoint(f"wss://127.0.0.1:{port}")]
    feed = Binance(symbols=["BTC-USDT"], channels=[TRADES], callbacks={TRADES: trade})
    feed.start(asyncio.get_running_loop())
    await done.wait()


async def python_binance(port, count):
    """python-binance's socket manager and the queue behind it, large enough to lose nothing."""
    from binance import AsyncClient
    from binance.ws.streams import BinanceSocketManager

    BinanceSocketManager.STREAM_URL = f"ws://127.0.0.1:{port}/"
    manager = BinanceSocketManager(AsyncClient(), max_queue_size=10**9)
    async with manager.multiplex_socket(["btcusdt@aggTrade"]) as socket:
        await socket.recv()
        while not count.note():
            await socket.recv()


LIBRARIES = {"cryptofeed": cryptofeed, "python-binance": python_binance}


def main():
    """Measure. Any failure of the library is its traceback and exit code 1."""
    library, port, frames = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    count = Count(frames)
    try:
        import uvloop
    except ImportError:
        asyncio.run(LIBRARIES[library](port, count))
    else:
        uvloop.run(LIBRARIES[library](port, count))
    print(count.seconds)


if __name__ == "__main__":
    main()
