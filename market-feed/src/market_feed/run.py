"""Assembles the program and runs it: the venues' feeds, the journal, and HTTP. All end together."""

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from functools import partial

import structlog

from market_feed.decisions.budget import Ban, RollingBudget
from market_feed.decisions.event import COUNTED, numbers_after
from market_feed.environment import Settings
from market_feed.exposition import families
from market_feed.intake.history import History
from market_feed.intake.journal import MarketJournal
from market_feed.intake.rest import RestClient
from market_feed.intake.shard import REASONS, Dialling
from market_feed.intake.venue_feed import VenueFeed
from market_feed.known_venues import venues
from market_feed.problems import TYPES, NotConnected
from market_feed.schedule.calendar import Calendar, Window, calendar_of
from market_feed.schedule.file import ScheduleError, read_schedule
from service_kit.access.gate import Gate
from service_kit.clock import SYSTEM_CLOCK, LatestTime
from service_kit.connection.context import ConnectionContext
from service_kit.connection.counters import ConnectionCounters
from service_kit.connection.guarded_http import guarded_connection
from service_kit.connection.limits import ConnectionLimits
from service_kit.http_app import HttpApp, metrics_handler
from service_kit.lifecycle.descriptors import make_room_for_connections
from service_kit.lifecycle.ending import Ending, StartFailed
from service_kit.lifecycle.serve import Address, Serving, serve
from service_kit.lifecycle.signals import EndSignals
from service_kit.logs import configure_logs, warn_of_plain_tokens, warn_of_unknown_settings
from telemetry_stream import backend
from telemetry_stream.durable_log import DurableLog
from telemetry_stream.errors import BackendError, BackendMisconfigured, JournalInUse, Part
from telemetry_stream.group_commit import GroupCommitter

log = structlog.get_logger(__name__)

SETTING_OF = {
    Part.LIVE_ADDRESS: "FEED_ZMQ_ADDR",
    Part.REPLAY_ADDRESS: "FEED_REPLAY_ADDR",
    Part.KEYS: "FEED_ZMQ_SECRET_KEY_FILE",
}


async def run(settings: Settings, signals: EndSignals) -> int:
    """Serve until SIGTERM or SIGINT, or until a part fails. Gives the exit code."""
    configure_logs(settings.logs, "market-feed")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs a line for each request
    warn_of_unknown_settings(settings.unknown_names)
    warn_of_plain_tokens("FEED_API_TOKENS", settings.api_tokens)
    address = Address(settings.http_host, settings.http_port, "FEED")
    return await serve(address, partial(start, settings), signals)


def start(settings: Settings, ending: Ending) -> Serving:
    """Assemble the program. Raises StartFailed."""
    if not settings.symbols:
        raise StartFailed("FEED_SYMBOLS is empty: name what to follow, such as BTC-USDT,ETH-USDT")
    loop = asyncio.get_running_loop()
    stream = open_stream(settings, partial(_fail, loop, ending))
    committer = GroupCommitter(
        stream,
        loop.call_soon,
        loop.call_soon_threadsafe,
        partial(_fail, loop, ending),
        settings.max_pending_events * 2,
        lambda _seconds, _events: None,
    )
    journal = MarketJournal(committer, settings.max_pending_events, time.time_ns)
    feeds = make_feeds(settings, stream, journal)
    limits = ConnectionLimits("FEED", make_room_for_connections(settings.max_connections, "FEED"))
    connections = ConnectionContext.of(limits, ConnectionCounters(TYPES))
    gate = Gate("market-feed", "FEED_API_TOKENS", settings.api_tokens, SYSTEM_CLOCK)
    routes = {"/metrics": metrics_handler(lambda: families(feeds, journal, stream, app.requests, connections))}
    app = HttpApp(routes, gate, connections, partial(require_connected, feeds))
    log.info("started", journal=str(settings.market_data.folder), publishes=settings.market_data.live_address)
    return Serving(app, guarded_connection(connections), {"feed": feed(feeds, journal, committer, ending)})


def open_stream(settings: Settings, on_failure: partial[None]) -> DurableLog:
    """The market journal. Raises StartFailed."""
    place = settings.market_data
    try:
        return backend.open_log(place, on_failure)
    except BackendMisconfigured as error:
        raise StartFailed(f"{SETTING_OF[error.part]}: {error}") from error
    except JournalInUse as error:
        raise StartFailed(f"another market-feed writes {place.folder}; end it, or set another DATA_DIR") from error
    except BackendError as error:
        raise StartFailed(f"can't use the journal in {place.folder}: {error}") from error


def make_feeds(settings: Settings, stream: DurableLog, journal: MarketJournal) -> list[VenueFeed]:
    """A feed for each venue that has symbols. Raises StartFailed."""
    try:
        windows = read_schedule(settings.schedule_file)
    except ScheduleError as error:
        raise StartFailed(str(error)) from error
    spaces = stream.id_spaces()
    counted = spaces.get(COUNTED)
    numbers = numbers_after(counted.head if counted else 0)
    reader = stream.open_reader()
    known = History(reader, spaces).of
    latest = LatestTime(SYSTEM_CLOCK)
    latest.raise_to(reader.last_committed_at_ns())  # a clock that was set back must not make a gap of all that comes
    context = ssl.create_default_context()
    feeds = []
    for venue, rest_url in venues(settings):
        calendars = _calendars(windows, settings.symbols_of(venue.name))
        instruments = [venue.instrument(symbol) for symbol in calendars]
        if not instruments:
            continue
        rest = RestClient(venue, rest_url, context, settings.fill_weight, SYSTEM_CLOCK, latest)
        dialling = Dialling(
            context,
            RollingBudget(venue.limits.dials, venue.limits.dials_seconds),
            Ban(),
            dict.fromkeys(("connected", "refused", "unreachable"), 0),
            dict.fromkeys(REASONS, 0),
        )
        feeds.append(
            VenueFeed(venue, instruments, known, numbers, journal, rest, dialling, settings.limits, calendars, latest)
        )
    reader.close()
    return feeds


def _calendars(windows: Sequence[Window], symbols: Sequence[str]) -> dict[str, Calendar]:
    """By symbol. A symbol that no window is for is not followed, which is logged."""
    found = {}
    for symbol in symbols:
        calendar = calendar_of(windows, symbol)
        if calendar is None or next(calendar.intervals(time.time_ns() // 1_000), None) is None:
            log.warning("the schedule never opens for a symbol; it is not followed", symbol=symbol)
        else:
            found[symbol] = calendar
    return found


async def feed(feeds: Sequence[VenueFeed], journal: MarketJournal, committer: GroupCommitter, ending: Ending) -> None:
    """Run the feeds until the end begins; what had arrived by then is journaled."""
    work = [asyncio.create_task(ending.cancels(one.run())) for one in feeds]
    try:
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in work:
            task.cancel()
        await asyncio.wait(work)
        while committer.accepting and not journal.idle.is_set():
            await asyncio.sleep(0.01)
        committer.close()
        log.info("ended", journaled=journal.committed)


def require_connected(feeds: Sequence[VenueFeed]) -> None:
    """Raises NotConnected while a venue has no connection."""
    for one in feeds:
        if not all(shard.is_as_wanted for shard in one.shards):
            raise NotConnected(f"no connection to {one.venue.name}; the log says why")


def _fail(loop: asyncio.AbstractEventLoop, ending: Ending, error: BaseException) -> None:
    log.critical(
        "the journal failed; the program ends, and recovers at its next start", reason=str(error) or repr(error)
    )
    loop.call_soon_threadsafe(ending.fail, error)
