"""An embedded stream for a test of its subscriber, and what may stand between the two."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import zmq

from telemetry_stream.durable_log import DurableLog
from telemetry_stream.events import StreamPosition
from telemetry_stream.stores.sqlite.reader import JournalReader
from telemetry_stream.transports.zeromq.subscriber import Subscriber
from tests.support.ports import free_address
from tests.telemetry_stream.proxy import Proxy
from tests.telemetry_stream.streams import TRADES, all_events, open_stream


class Place:
    """Where an embedded stream is: its folder and its two addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.live_address = free_address()
        self.replay_address = free_address()
        self.failures: list[BaseException] = []

    def open(self) -> DurableLog:
        return open_stream(self.folder, self.live_address, self.replay_address, self.failures.append)

    def subscriber(
        self, position: StreamPosition | None = None, live_address: str | None = None, page_limit: int = 1_000
    ) -> Subscriber:
        return Subscriber(
            TRADES, live_address or self.live_address, self.replay_address, position, page_limit, itertools.repeat(0.01)
        )

    def events(self) -> bytes:
        with closing(JournalReader(self.folder)) as reader:
            return all_events(reader)


@contextmanager
def proxied(place: Place, seed: int = 0) -> Iterator[Proxy]:
    """A proxy before the live socket."""
    proxy = Proxy(place.live_address, seed)
    with closing(proxy):
        yield proxy


@asynccontextmanager
async def impostor(place: Place) -> AsyncIterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes]]]:
    """A publisher and a replay socket in the test's own hands."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    publisher, router = context.socket(zmq.PUB), context.socket(zmq.ROUTER)
    publisher.bind(place.live_address)
    router.bind(place.replay_address)
    yield publisher, router
    context.destroy(linger=0)
