"""uvicorn's server with connection deadlines and a bounded shutdown: one process, one event loop."""

import asyncio
import contextlib
import gc
import logging
import socket
import sys
from collections.abc import Iterator
from typing import Any

import structlog
import uvicorn

from service_kit.connection.guarded_http import GuardedHttpProtocol
from service_kit.lifecycle.listening import url_of

log = structlog.get_logger(__name__)

UNREAD_SECONDS = 0.5
"""At shutdown, a client that reads nothing of its answer for this long is dropped."""

ROUNDS_TO_READ = 2
"""Rounds of the event loop in which each socket is read, and written where data waits for it, at least once."""


class GuardedServer(uvicorn.Server):
    """uvicorn's server, with four changes.

    It checks the deadlines of its connections. At shutdown it does not wait for clients that stopped reading. It leaves
    signals to the program. A failed start does not raise SystemExit.
    """

    def __init__(
        self, app: Any, connection: type[GuardedHttpProtocol], *, grace_seconds: int, has_lifespan: bool
    ) -> None:
        """Requests under way at shutdown get `grace_seconds`."""
        # The program logs a failed start in one line; uvicorn would add its traceback as a message.
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
                proxy_headers=False,  # else any caller could claim another address by X-Forwarded-For
                timeout_graceful_shutdown=grace_seconds,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and log the URLs."""
        try:
            await super().startup(sockets)
        except SystemExit:
            self.should_exit = True  # the lifespan failed and logged why; the program sets the exit code
        if self.started:
            spare_the_garbage_collector()
            log.info("ready", urls=[url_of(listening) for listening in sockets or ()])

    async def on_tick(self, counter: int) -> bool:
        """uvicorn calls this ten times a second; every tenth call checks all connections' deadlines.

        What has arrived is read first, else after a pause of the process a client would be cut for that pause.
        """
        if counter % 10 == 0:
            await _read_what_has_arrived()
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):  # a copy: closing one removes it from the set
                assert isinstance(connection, GuardedHttpProtocol)
                connection.check_deadlines(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down; drop clients that stopped reading.

        Requests that have arrived are read first. A connection that is closed with unread bytes is reset, which would
        take the answer to an earlier request from its client too.
        """
        await _read_what_has_arrived()
        unread = self._unread()
        dropping = asyncio.get_running_loop().call_later(UNREAD_SECONDS, self._drop_unread, unread)
        try:
            await super().shutdown(sockets)
        finally:
            dropping.cancel()

    def _unread(self) -> dict[asyncio.Transport, int]:
        """Bytes that each client has not received yet."""
        transports = [connection.transport for connection in self.server_state.connections]
        return {transport: transport.get_write_buffer_size() for transport in transports}

    def _drop_unread(self, before: dict[asyncio.Transport, int]) -> None:
        for transport, size in self._unread().items():
            if size and size == before.get(transport):
                log.info("dropped a client at shutdown: it stopped reading")
                transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: `EndSignals` handles them from the program's first line."""
        yield


async def _read_what_has_arrived() -> None:
    """Let the event loop attend to every socket, for what a timer does next.

    A timer that is due runs before the sockets are read: after a pause of the process, or on a busy machine.
    """
    for _ in range(ROUNDS_TO_READ):
        await asyncio.sleep(0)


def spare_the_garbage_collector() -> None:
    """Exclude the objects of the start from collection, make collections rare, and turn the collector on.

    The modules loaded at the start are never garbage; scanning them stops every request for tens of milliseconds.
    A threshold of 20,000 objects also leaves requests under way alone. The collector may be off before this call.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


def give_way_to_the_event_loop() -> None:
    """For a program with threads that compute: a thread that waits for the interpreter gets it after 0.5 ms.

    The event loop gives the interpreter up at each system call, and with Python's 5 ms would get it back that late each
    time, several times a request.
    """
    sys.setswitchinterval(0.0005)
