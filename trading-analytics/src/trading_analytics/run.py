"""Assembles the program and runs it: the store's keeper, the market's follower and HTTP. All end together."""

from functools import partial

import structlog

from service_kit.access.gate import Gate
from service_kit.clock import SYSTEM_CLOCK
from service_kit.connection.context import ConnectionContext
from service_kit.connection.counters import ConnectionCounters
from service_kit.connection.guarded_http import guarded_connection
from service_kit.connection.limits import ConnectionLimits
from service_kit.http_app import JSON, Handler, HttpApp, Request, Response, metrics_handler
from service_kit.lifecycle.descriptors import make_room_for_connections
from service_kit.lifecycle.ending import Ending, StartFailed
from service_kit.lifecycle.serve import Address, Serving, serve
from service_kit.lifecycle.server import give_way_to_the_event_loop
from service_kit.lifecycle.signals import EndSignals
from service_kit.logs import configure_logs, warn_of_plain_tokens, warn_of_unknown_settings
from telemetry_stream import backend
from telemetry_stream.errors import UnusableKey
from trading_analytics.environment import Settings
from trading_analytics.exposition import families
from trading_analytics.keeper import Keeper
from trading_analytics.market.document import markets_document
from trading_analytics.market.follower import MarketFollower
from trading_analytics.performance import Board
from trading_analytics.problems import TYPES, NotCaughtUp

log = structlog.get_logger(__name__)


async def run(settings: Settings, signals: EndSignals) -> int:
    """Serve until SIGTERM or SIGINT, or until a part fails. Gives the exit code."""
    give_way_to_the_event_loop()
    configure_logs(settings.logs, "trading-analytics")
    warn_of_unknown_settings(settings.unknown_names)
    warn_of_plain_tokens("ANALYTICS_API_TOKENS", settings.api_tokens)
    address = Address(settings.http_host, settings.http_port, "ANALYTICS")
    return await serve(address, partial(start, settings), signals)


def start(settings: Settings, ending: Ending) -> Serving:
    """Assemble the program. Raises StartFailed."""
    folder = settings.ledger.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartFailed(f"can't use DATA_DIR={folder}: {error}") from error
    try:
        for place in filter(None, (settings.ledger, settings.feed)):
            backend.follow(place).close()  # so that a key that can't be used is reported at once
    except UnusableKey as error:
        raise StartFailed(f"ANALYTICS_ZMQ_SECRET_KEY_FILE: {error}") from error
    keeper = Keeper(settings.ledger)
    board = Board(folder, settings.day_boundary)
    market = None if settings.feed is None else MarketFollower(settings.feed, folder, settings.windows_ns)
    limits = ConnectionLimits("ANALYTICS", make_room_for_connections(settings.max_connections, "ANALYTICS"))
    connections = ConnectionContext.of(limits, ConnectionCounters(TYPES))
    gate = Gate("trading-analytics", "ANALYTICS_API_TOKENS", settings.api_tokens, SYSTEM_CLOCK)
    routes: dict[str, Handler] = {
        "/metrics": metrics_handler(lambda: families(keeper, board, market, app.requests, connections)),
        "/markets": partial(markets, market),
    }
    app = HttpApp(routes, gate, connections, partial(require_caught_up, keeper))
    log.info("started", follows=settings.ledger.live_address, replay=settings.ledger.replay_address)
    tasks = {"history": ending.cancels(keep(keeper)), "performance": ending.cancels(board.run())}
    if market is not None:
        tasks["market"] = ending.cancels(market.run())
    return Serving(app, guarded_connection(connections), tasks)


async def markets(market: MarketFollower | None, _request: Request) -> Response:
    """`GET /markets`. Without a feed it has no readings."""
    if market is None:
        body = markets_document(None, "", 0, 0)
    else:
        body = markets_document(market.fold, market.committed.stream, market.committed.sequence, SYSTEM_CLOCK.unix_ns())
    return Response(200, JSON, [body])


async def keep(keeper: Keeper) -> None:
    """Keep the history until cancelled."""
    try:
        await keeper.run()
    finally:
        log.info("ended", applied=keeper.writer.position.sequence if keeper.writer else 0)


def require_caught_up(keeper: Keeper) -> None:
    """Raises NotCaughtUp while the history does not have all that the stream is known to have."""
    if keeper.waits_for:
        raise NotCaughtUp(keeper.waits_for)
