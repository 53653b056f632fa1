"""The simulated exchange in a thread of the test, so that the test may wait for what the feed makes of it."""

import asyncio
import math
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

from market_feed.simulator.exchange import Exchange
from market_feed.simulator.tape import Tick
from tests.support.polling import eventually

Result = TypeVar("Result")


class FakeExchange:
    """An Exchange that runs in a thread of its own. Its attributes are changed from the test's thread by `do`."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        """With a `context` it speaks TLS."""
        self.exchange = Exchange()
        self._tls = "s" if context else ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-exchange", daemon=True)
        self._thread.start()
        self.run(self.exchange.start(context=context))
        self.port = self.exchange.port

    @property
    def settings(self) -> dict[str, str]:
        """The settings that lead a feed here."""
        return {
            "FEED_BINANCE_STREAM_URL": f"ws{self._tls}://127.0.0.1:{self.port}",
            "FEED_BINANCE_REST_URL": f"http{self._tls}://127.0.0.1:{self.port}",
            "FEED_COINBASE_STREAM_URL": f"ws{self._tls}://127.0.0.1:{self.port}",
            "FEED_COINBASE_REST_URL": f"http{self._tls}://127.0.0.1:{self.port}",
        }

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def begin(self, work: Coroutine[Any, Any, Result]) -> "Future[Result]":
        """Run a coroutine there."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def do(self, function: Callable[[Exchange], Result]) -> Result:
        """Call a function there and wait for it."""

        async def call() -> Result:
            return function(self.exchange)

        return self.run(call())

    @property
    def connects(self) -> int:
        """The number of connections since the start."""
        return self.do(lambda exchange: exchange.connects)

    @property
    def connections(self) -> int:
        """The number of connections that are open."""
        return self.do(lambda exchange: len(exchange.subscribers))

    def wait_for_connects(self, count: int) -> None:
        """Wait until there were at least `count` connections since the start."""
        eventually(lambda: self.connects >= count, what=f"{count} connections")

    def cut(self, how: str = "abort") -> None:
        """End every connection, see `Exchange.cut`."""
        self.do(lambda exchange: exchange.cut(how))

    def announce_shutdown(self, shape: str = "stream") -> None:
        """Announce the end of every connection, see `Exchange.announce_shutdown`."""
        self.do(lambda exchange: exchange.announce_shutdown(shape))

    def play(self, ticks: Iterable[Tick], speed: float = math.inf) -> "Future[None]":
        """Begin to publish ticks."""
        return self.begin(self.exchange.play(ticks, speed))

    def close(self) -> None:
        """End it."""
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        await self.exchange.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def fake_exchange(context: ssl.SSLContext | None = None) -> Iterator[FakeExchange]:
    """An exchange on a free port, ended afterwards."""
    made = FakeExchange(context)
    try:
        yield made
    finally:
        made.close()
