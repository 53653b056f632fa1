"""A server whose process stood still for long: clients are not cut for that, since what they sent is read first."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from service_kit.access.gate import Gate
from service_kit.clock import SYSTEM_CLOCK
from service_kit.connection.context import ConnectionContext
from service_kit.connection.counters import ConnectionCounters
from service_kit.connection.guarded_http import HEAD, GuardedHttpProtocol, guarded_connection
from service_kit.connection.limits import ConnectionLimits
from service_kit.http_app import HttpApp, Request, Response
from service_kit.lifecycle.server import GuardedServer
from service_kit.problems import COMMON_TYPES
from tests.support.polling import PATIENCE_SECONDS
from tests.trading_app.raw_http import get

PAUSE_SECONDS = 3_600.0
"""Longer than any deadline."""

PIECE = b"x" * 1_048_576


class Paused:
    """A server in this event loop, a client of it, and a clock that says how long the process stood still."""

    def __init__(self, server: GuardedServer, context: ConnectionContext, client: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = server
        self.dropped = context.counters.dropped_connections
        self.client = client

    @property
    def unread_bytes(self) -> int:
        """What the server still has to send."""
        return sum(one.transport.get_write_buffer_size() for one in self._server.server_state.connections)

    def has_a_head_begun(self) -> bool:
        """Whether the server has read the beginning of a request."""
        (connection,) = self._server.server_state.connections
        assert isinstance(connection, GuardedHttpProtocol)
        return connection.stage is HEAD and connection.unused_bytes > 0

    async def look(self) -> None:
        """Let the server check its deadlines."""
        await self._server.on_tick(0)

    async def stand_still(self) -> None:
        """Let the time pass without a turn of the event loop, then let the server check its deadlines."""
        now = self._loop.time() + PAUSE_SECONDS
        with pytest.MonkeyPatch.context() as patches:
            patches.setattr(self._loop, "time", lambda: now)  # nothing else here waits for a time
            await self.look()

    async def becomes(self, condition: Callable[[], object]) -> None:
        """Return once the condition holds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await asyncio.sleep(0)


@asynccontextmanager
async def serving() -> AsyncIterator[Paused]:
    """A connected client, and a server with a path `/large`."""

    async def large(_request: Request) -> Response:
        return Response(200, "text/plain", [PIECE] * 16)

    context = ConnectionContext.of(ConnectionLimits("TEST", 10), ConnectionCounters(COMMON_TYPES))
    gate = Gate("test", "TEST_API_TOKENS", (), SYSTEM_CLOCK)
    app = HttpApp({"/large": large}, gate, context, lambda: None)
    server = GuardedServer(app, guarded_connection(context), grace_seconds=1, has_lifespan=False)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as client:
        await server.startup([listening])  # without its own loop: the test says when it looks
        await server.on_tick(0)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, listening.getsockname())
        paused = Paused(server, context, client)
        await paused.becomes(lambda: server.server_state.connections)
        try:
            yield paused
        finally:
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            for each in server.servers:
                each.close()


def run(test: Callable[[Paused], Awaitable[None]]) -> None:
    async def go() -> None:
        async with serving() as paused:
            await test(paused)

    asyncio.run(go())


def receive(client: socket.socket) -> bytes:
    """What has arrived at the client."""
    received = b""
    while True:
        try:
            piece = client.recv(1_048_576)
        except BlockingIOError:
            return received
        if not piece:
            return received
        received += piece


async def answer(paused: Paused) -> bytes:
    """What there is of the next answer: at least its first bytes."""
    received = b""

    def arrived() -> bytes:
        nonlocal received
        received += receive(paused.client)
        return received

    await paused.becomes(arrived)
    return received


def test_a_request_that_came_meanwhile_on_an_idle_connection_is_answered() -> None:
    async def test(paused: Paused) -> None:
        paused.client.sendall(get("/healthz"))
        assert (await answer(paused)).startswith(b"HTTP/1.1 200")
        await paused.look()
        paused.client.sendall(get("/healthz"))
        await paused.stand_still()
        assert (await answer(paused)).startswith(b"HTTP/1.1 200")

    run(test)


def test_a_head_whose_rest_came_meanwhile_is_in_time_and_without_its_rest_it_is_not() -> None:
    async def test(paused: Paused) -> None:
        for rest, status in ((get("/healthz")[20:], b"200"), (b"", b"408")):
            paused.client.sendall(get("/healthz")[:20])
            await paused.becomes(paused.has_a_head_begun)
            await paused.look()
            paused.client.sendall(rest)
            await paused.stand_still()
            assert (await answer(paused)).split()[1] == status

    run(test)


def test_a_client_that_has_read_meanwhile_is_not_dropped() -> None:
    async def test(paused: Paused) -> None:
        paused.client.sendall(get("/large"))
        await paused.becomes(lambda: paused.unread_bytes)
        await paused.look()
        before = paused.unread_bytes
        assert receive(paused.client)
        assert paused.unread_bytes == before, "the server has not noticed yet"
        await paused.stand_still()
        assert paused.dropped["unread"] == 0
        assert paused.unread_bytes

    run(test)
