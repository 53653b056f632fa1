"""uvicorn's server: one process, one event loop, a bounded end."""

import asyncio
import contextlib
import gc
import logging
import socket
from collections.abc import Iterator
from typing import Any

import structlog
import uvicorn

from service_kit.connection.guarded_http import GuardedHttpProtocol
from service_kit.lifecycle.listening import url_of

log = structlog.get_logger(__name__)

UNREAD_SECONDS = 0.5
"""At the end, a client that takes nothing of its answer for this long is not waited for."""


class GuardedServer(uvicorn.Server):
    """uvicorn's server, with four changes.

    It looks after its connections. It does not wait at the end for clients that don't read their answers. It leaves
    signals to the program. A start that fails is no SystemExit.
    """

    def __init__(
        self, app: Any, connection: type[GuardedHttpProtocol], *, grace_seconds: int, has_lifespan: bool
    ) -> None:
        """Requests under way at the end get `grace_seconds`."""
        # A start that fails is logged in one line; uvicorn would add the traceback of it as a message.
        logging.getLogger("uvicorn.error").addFilter(lambda record: not str(record.msg).startswith("Traceback"))
        super().__init__(
            uvicorn.Config(
                app,
                http=connection,
                loop="none",
                lifespan="on" if has_lifespan else "off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # else any caller could name an address as its own
                timeout_graceful_shutdown=grace_seconds,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where."""
        try:
            await super().startup(sockets)
        except SystemExit:
            self.should_exit = True  # the lifespan could not begin, and has said why; the exit code is the program's
        if self.started:
            spare_the_garbage_collector()
            log.info("ready", urls=[url_of(listening) for listening in sockets or ()])

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; in one of them end the connections whose clients keep the program waiting."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                assert isinstance(connection, GuardedHttpProtocol)
                connection.check_deadlines(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, without those who don't read."""
        unread = self._unread()
        dropping = asyncio.get_running_loop().call_later(UNREAD_SECONDS, self._drop_those_that_still, unread)
        try:
            await super().shutdown(sockets)
        finally:
            dropping.cancel()

    def _unread(self) -> dict[asyncio.Transport, int]:
        """The bytes that wait for each client."""
        transports = [connection.transport for connection in self.server_state.connections]
        return {transport: transport.get_write_buffer_size() for transport in transports}

    def _drop_those_that_still(self, before: dict[asyncio.Transport, int]) -> None:
        for transport, size in self._unread().items():
            if size and size == before.get(transport):
                log.info("dropped a client at shutdown: it stopped reading")
                transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: `EndSignals` has them from the program's first line."""
        yield


def spare_the_garbage_collector() -> None:
    """Keep it away from what was loaded at the start, and from requests under way, none of which is garbage.

    To look through them all holds every request up for tens of milliseconds. From here on it runs, if it was off.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()
