"""Wires the sidecar together and runs it: stream, state, snapshots, HTTP; all end together."""

import asyncio
import contextlib
import errno
import gc
import signal
import socket
from collections.abc import Coroutine, Iterator

import structlog
import uvicorn

from metrics_sidecar.environment import Settings
from metrics_sidecar.follow import Saver, Tracker
from metrics_sidecar.server import SidecarApp
from metrics_sidecar.snapshot import SnapshotFile, UnusableSnapshot
from service_kit.logs import configure_logs, warn_of_plain_tokens, warn_of_unknown_settings
from telemetry_stream.events import StreamPosition
from telemetry_stream.topics import Topic
from telemetry_stream.transports.zeromq.curve import ClientKeys, UnusableKey
from telemetry_stream.transports.zeromq.subscriber import Subscriber
from trading_model.accounting.state import TradingState
from trading_model.topics import LEDGER

log = structlog.get_logger(__name__)

GRACE_SECONDS = 1
"""Requests under way at the end get so long."""


class HttpServer(uvicorn.Server):
    """uvicorn's server, which leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, or until a part fails. Gives the exit code."""
    configure_logs(settings.logs, "metrics-sidecar")
    try:
        listening = _listen(settings.http_host, settings.http_port)
    except OSError as error:
        log.error("can't listen", reason=_why_not(settings, error))
        return 1
    try:
        file = SnapshotFile(settings.data_folder)
    except OSError as error:
        log.error("can't use DATA_DIR", folder=str(settings.data_folder), reason=str(error))
        listening.close()
        return 1
    key_file = settings.zmq_key_file
    try:
        keys = ClientKeys.load(settings.zmq_server_key, key_file) if key_file else None
    except UnusableKey as error:
        log.error("can't use SIDECAR_ZMQ_SECRET_KEY_FILE", reason=str(error))
        listening.close()
        return 1
    warn_of_unknown_settings(settings.unknown_names)
    warn_of_plain_tokens("SIDECAR_API_TOKENS", settings.api_tokens)
    state, position = restore(file, settings.max_positions)
    subscriber = Subscriber(Topic(LEDGER), settings.publisher_address, settings.replay_address, position, keys=keys)
    tracker = Tracker(subscriber, state)
    gc.freeze()  # what was loaded stays; looking through it for garbage would hold up trades for milliseconds
    try:
        return await serve_parts(settings, tracker, Saver(tracker, file), listening)
    finally:
        subscriber.close()


def restore(file: SnapshotFile, limit: int) -> tuple[TradingState, StreamPosition]:
    """The saved state and its position; nothing, and the beginning, where there is none that can be used."""
    try:
        snapshot = file.load()
    except (UnusableSnapshot, OSError) as error:
        log.warning("snapshot not used, rebuilding from the journal", file=str(file.path), reason=str(error))
        snapshot = None
    if snapshot is not None and snapshot.moment.limit != limit:
        was = snapshot.moment.limit
        log.warning("SIDECAR_MAX_POSITIONS changed, rebuilding from the journal", before=was, now=limit)
        snapshot = None
    if snapshot is None:
        return TradingState(limit), StreamPosition()
    log.info("snapshot loaded", stream=snapshot.position.stream, applied=snapshot.position.sequence)
    return TradingState.restored(snapshot.moment), snapshot.position


async def serve_parts(settings: Settings, tracker: Tracker, saver: Saver, listening: socket.socket) -> int:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    app = SidecarApp(tracker, saver, settings.replay_address, settings.api_tokens)
    server = HttpServer(_configure(app))
    parts = {
        "follow": _start(tracker.run(), "follow"),
        "save": _start(saver.run(settings.snapshot_seconds, ending), "save"),
        "http": _start(server.serve([listening]), "http"),
        "end": _start(ending.wait(), "end"),
    }
    log.info("started", url=_url(listening), follows=settings.publisher_address, replay=settings.replay_address)
    await asyncio.wait(parts.values(), return_when=asyncio.FIRST_COMPLETED)
    asked_to_end = ending.is_set()
    ending.set()
    server.should_exit = True
    parts["follow"].cancel()
    results = await asyncio.gather(*parts.values(), return_exceptions=True)
    failed = {
        name: result
        for name, result in zip(parts, results, strict=True)
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError)
    }
    for name, error in failed.items():
        log.critical("a part failed; ending, to recover at the next start", part=name, exc_info=error)
    log.info("ended", applied=tracker.state.applied, snapshots_failed=saver.failed)
    return 0 if asked_to_end and not failed else 1


def _start(work: Coroutine[object, object, object], name: str) -> asyncio.Task[object]:
    return asyncio.get_running_loop().create_task(work, name=name)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), port), family=family, backlog=128)


def _why_not(settings: Settings, error: OSError) -> str:
    address = f"{settings.http_host}:{settings.http_port}"
    if error.errno == errno.EADDRINUSE:
        return f"{address} is in use: set SIDECAR_HTTP_PORT to a free port"
    return f"{address} can't be used ({error.strerror or error}): see SIDECAR_HTTP_HOST and SIDECAR_HTTP_PORT"


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _configure(app: SidecarApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        loop="none",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # else any caller on this machine could name an address as its own, and guess on
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
