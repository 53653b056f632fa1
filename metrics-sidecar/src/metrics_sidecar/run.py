"""Assembles the sidecar and runs it: streams, state, snapshots, HTTP. All end together."""

import asyncio
from functools import partial
from importlib import import_module

import structlog

from metrics_sidecar.advice import advice
from metrics_sidecar.environment import Settings
from metrics_sidecar.follow import Saver, Tracker
from metrics_sidecar.market import MarketReader
from metrics_sidecar.server import SidecarApp, connection_context
from metrics_sidecar.snapshot import SnapshotFile
from service_kit.connection.guarded_http import guarded_connection
from service_kit.lifecycle.descriptors import make_room_for_connections
from service_kit.lifecycle.ending import Ending, StartFailed
from service_kit.lifecycle.serve import Address, Serving, serve
from service_kit.lifecycle.server import give_way_to_the_event_loop
from service_kit.lifecycle.signals import EndSignals
from service_kit.logs import configure_logs, warn_of_plain_tokens, warn_of_unknown_settings
from telemetry_stream import backend
from telemetry_stream.errors import UnusableKey, UnusableState
from telemetry_stream.events import StreamPosition
from telemetry_stream.place import Place
from telemetry_stream.topics import Topic
from trading_model.accounting.state import TradingState
from trading_model.topics import LEDGER, MARKET_DATA

log = structlog.get_logger(__name__)


async def run(settings: Settings, signals: EndSignals) -> int:
    """Serve until SIGTERM or SIGINT, or until a part fails. Gives the exit code."""
    give_way_to_the_event_loop()
    configure_logs(settings.logs, "metrics-sidecar")
    warn_of_unknown_settings(settings.unknown_names)
    warn_of_plain_tokens("SIDECAR_API_TOKENS", settings.api_tokens)
    address = Address(settings.http_host, settings.http_port, "SIDECAR")
    return await serve(address, partial(start, settings), signals)


def start(settings: Settings, ending: Ending) -> Serving:
    """Load the snapshot, open the stream and assemble the program. Raises StartFailed."""
    max_connections = make_room_for_connections(settings.max_connections, "SIDECAR")
    try:
        file = SnapshotFile(settings.data_folder)
    except OSError as error:
        raise StartFailed(f"can't use DATA_DIR={settings.data_folder}: {error}") from error
    state, position = restore(file, settings.max_positions, settings.base_currency)
    try:
        subscriber = backend.follow(place_of(settings), position, advice)
        if settings.feed_server_key:
            backend.follow(market_place_of(settings)).close()  # so that a key that can't be used is reported at once
    except UnusableKey as error:
        raise StartFailed(f"SIDECAR_ZMQ_SECRET_KEY_FILE: {error}") from error
    tracker = Tracker(subscriber, state)
    return parts_of(settings, tracker, Saver(tracker, file), ending, max_connections)


def parts_of(settings: Settings, tracker: Tracker, saver: Saver, ending: Ending, max_connections: int) -> Serving:
    """The program's parts: HTTP, following the streams, recomputing positions, and saving snapshots."""
    connections = connection_context(max_connections)
    market = MarketReader(market_place_of(settings), settings.mark_max_age_seconds)
    if tracker.state.has_market_marks:
        market.wanted.set()
    app = SidecarApp(tracker, saver, settings.replay_address, settings.api_tokens, connections, market=market)
    log.info("started", follows=settings.publisher_address, replay=settings.replay_address)
    return Serving(
        app.http,
        guarded_connection(connections),
        {
            "follow": ending.cancels(follow(tracker)),
            "market": ending.cancels(market.run()),
            "recompute": ending.cancels(recompute(tracker, place_of(settings))),
            "save": saver.run(settings.snapshot_seconds, ending.begun),
        },
    )


async def recompute(tracker: Tracker, place: Place) -> None:
    """Recompute positions from the store of fills until cancelled. The store's libraries are loaded when one waits."""
    await tracker.recomputation_wanted.wait()
    await asyncio.to_thread(import_module, "metrics_sidecar.recompute")
    from metrics_sidecar.recompute import Recomputer  # noqa: PLC0415 -- loaded by now

    await Recomputer(tracker, place, advice).run()


async def follow(tracker: Tracker) -> None:
    """Apply the stream's deliveries until cancelled, then close the sockets."""
    try:
        await tracker.run()
    finally:
        tracker.subscriber.close()
        log.info("ended", applied=tracker.state.applied)


def place_of(settings: Settings) -> Place:
    """The place of the ledger, from the settings."""
    return _place(settings, LEDGER, settings.publisher_address, settings.replay_address, settings.zmq_server_key)


def market_place_of(settings: Settings) -> Place:
    """The place of the market data, from the settings."""
    return _place(settings, MARKET_DATA, settings.feed_address, settings.feed_replay_address, settings.feed_server_key)


def _place(settings: Settings, topic: str, live_address: str, replay_address: str, server_key: str) -> Place:
    return Place(
        Topic(topic),
        settings.data_folder,
        live_address,
        replay_address,
        settings.zmq_key_file if server_key else None,
        server_key=server_key,
        store=settings.stream_store,
        transport=settings.stream_transport,
    )


def restore(file: SnapshotFile, limit: int, base_currency: str = "") -> tuple[TradingState, StreamPosition]:
    """The saved state and its position; an empty state and the beginning if no snapshot is usable."""
    try:
        snapshot = file.load()
    except (UnusableState, OSError) as error:
        log.warning("snapshot not used, rebuilding from the journal", file=str(file.path), reason=str(error))
        snapshot = None
    # Which keys have positions depends on the limit from the first trade on, so another limit needs a rebuild.
    if snapshot is not None and snapshot.moment.limit != limit:
        was = snapshot.moment.limit
        log.warning("SIDECAR_MAX_POSITIONS changed, rebuilding from the journal", before=was, now=limit)
        snapshot = None
    if snapshot is not None and snapshot.moment.base_currency != base_currency:
        before = snapshot.moment.base_currency
        log.warning("BASE_CURRENCY changed, rebuilding from the journal", before=before, now=base_currency)
        snapshot = None
    if snapshot is not None and not snapshot.moment.is_of_this_fold:
        log.warning("the accounting changed since the snapshot was saved, rebuilding from the journal")
        snapshot = None
    if snapshot is None:
        return TradingState(limit, base_currency=base_currency), StreamPosition()
    log.info("snapshot loaded", stream=snapshot.position.stream, applied=snapshot.position.sequence)
    return TradingState.restored(snapshot.moment), snapshot.position
