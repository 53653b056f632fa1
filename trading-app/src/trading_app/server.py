"""Serves the app with uvicorn: one process, one event loop, a clean end."""

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType

import structlog
import uvicorn

from service_kit.logs import configure_logs, warn_of_plain_tokens, warn_of_unknown_settings
from trading_app.connection.fast_path import FastHttpProtocol, fast_connection
from trading_app.environment import Settings
from trading_app.http.request_boundary import add_request_id
from trading_app.ui import WebApp

log = structlog.get_logger(__name__)

GRACE_SECONDS = 3
"""Requests under way at the end get so long."""

UNREAD_SECONDS = 0.5
"""A client that takes nothing of its answer for so long is not waited for at the end."""


OTHER_FILES = 256
"""File descriptors beside those of the connections that are served: the journal's, ZeroMQ's, connections refused."""


class AppServer(uvicorn.Server):
    """uvicorn's server, with four changes.

    It looks after its connections. It tells when the end begins, so that endless answers can be ended: uvicorn waits
    for every answer. It does not wait for clients that don't read theirs. And a signal that was obeyed is not raised
    again: the process ends with 0.
    """

    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say where."""
        try:
            await super().startup(sockets)
        except SystemExit:
            self.should_exit = True  # the lifespan could not begin, and has said why; the exit code is ours to choose
        if self.started:
            spare_the_garbage_collector()
            log.info("ready", urls=[_url(listening) for listening in sockets or ()])

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; in one of them end the connections whose clients let us wait."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                assert isinstance(connection, FastHttpProtocol)
                connection.check_deadlines(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, without those who don't read."""
        unread = self._unread()
        letting_go = asyncio.get_running_loop().call_later(UNREAD_SECONDS, self._let_go_of, unread)
        try:
            await super().shutdown(sockets)
        finally:
            letting_go.cancel()

    def _unread(self) -> dict[asyncio.Transport, int]:
        """The bytes that wait for each client."""
        transports = [connection.transport for connection in self.server_state.connections]
        return {transport: transport.get_write_buffer_size() for transport in transports}

    def _let_go_of(self, before: dict[asyncio.Transport, int]) -> None:
        for transport, size in self._unread().items():
            if size and size == before.get(transport):
                log.info("a client was let go at the end: it does not read")
                transport.abort()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT while serving."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the end."""
        super().handle_exit(sig, frame)
        asyncio.get_running_loop().call_soon_threadsafe(self._on_end)


def spare_the_garbage_collector() -> None:
    """Keep it away from what was loaded at the start, and from requests under way, none of which is garbage.

    To look through them all holds every request up for tens of milliseconds. From here on it runs, if it was off.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    gc.enable()


async def serve(settings: Settings) -> int:
    """Serve until asked to end, or until the stream fails. Gives the exit code."""
    configure_logs(settings.logs, "trading-app", add_request_id)
    try:
        listening = _listen(settings)
    except OSError as error:
        place = f"{settings.http_host}, port {settings.http_port}"
        log.error("can't listen", reason=f"{place}: {error.strerror}; set WEBAPP_HTTP_HOST or WEBAPP_HTTP_PORT")
        return 1
    warn_of_unknown_settings(settings.unknown_names)
    warn_of_plain_tokens("WEBAPP_API_TOKENS", settings.api_tokens)
    _make_room_for_files(settings.max_connections + OTHER_FILES)
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        log.critical("the stream failed; ending, to recover at the next start", error=repr(error))
        failures.append(error)
        end()

    def end() -> None:
        server.should_exit = True
        app.begin_end()

    app = WebApp(settings, fail)
    server = AppServer(_configure(app), end)
    await server.serve([listening])
    return 0 if server.started and not failures else 1


def _make_room_for_files(wanted: int) -> None:
    """Have as many file descriptors as it takes, if the system lets us; what is usual, 1,024, is for small programs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning("few file descriptors", allowed=allowed, wanted=wanted, see="WEBAPP_MAX_CONNECTIONS, ulimit -Hn")


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _notice_vanished_clients(listening, settings.unread_seconds)
    try:
        listening.bind((settings.http_host, settings.http_port))
    except OSError:
        listening.close()
        raise
    return listening


def _notice_vanished_clients(listening: socket.socket, seconds: float) -> None:
    """Have the system end connections whose client vanished without a word, within about that time.

    The accepted sockets take the options over. TCP_USER_TIMEOUT (RFC 5482) is for data that is not acknowledged; only
    Linux has it, and elsewhere the system has times of its own.
    """
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": max(int(seconds / 2), 1),
        "TCP_KEEPINTVL": max(int(seconds / 4), 1),
        "TCP_KEEPCNT": 2,
        "TCP_USER_TIMEOUT": int(seconds * 1_000) + 2_000,  # what is noticed here as well is counted here
    }
    for name, value in options.items():
        option = getattr(socket, name, None)
        if option is not None:
            listening.setsockopt(socket.IPPROTO_TCP, option, value)


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _configure(app: WebApp) -> uvicorn.Config:
    # A start that fails has been told in one line; uvicorn would add the traceback of it as a message.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not str(record.msg).startswith("Traceback"))
    return uvicorn.Config(
        app,
        http=fast_connection(app),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
