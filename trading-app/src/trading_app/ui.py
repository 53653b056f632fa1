"""Assembles the web app: ASGI layers in front, FastAPI behind them, the stream open while it serves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import structlog
from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service_kit.clock import SYSTEM_CLOCK, Clock, LatestTime
from service_kit.lifecycle.daemon_thread import run_in_daemon_thread
from telemetry_stream.errors import (
    BackendMisconfigured,
    ForeignJournal,
    JournalInUse,
    KeysMissing,
    Part,
    StoreBusy,
)
from trading_app.access.gate import Gate
from trading_app.context import Context
from trading_app.environment import Settings
from trading_app.history import routes as history_calls
from trading_app.history.accounts import NO_ACCOUNTS, Accounts
from trading_app.hooks import reload
from trading_app.hooks import routes as hook_calls
from trading_app.hooks.commit import HookCommits
from trading_app.hooks.gate import HookGate, is_message
from trading_app.hooks.hook import Hook
from trading_app.hooks.intake import HookIntake
from trading_app.hooks.kept import FOLDER as KEPT_FOLDER
from trading_app.hooks.kept import WAITING_FOLDER, KeptMessages
from trading_app.hooks.waiting import no_pace
from trading_app.http import operations
from trading_app.http.cors import Cors
from trading_app.http.error_handlers import add_error_handlers
from trading_app.http.head_as_get import HeadAsGet
from trading_app.http.late_route import LateRoute
from trading_app.http.openapi import describe
from trading_app.http.request_boundary import Access, Edge
from trading_app.http.until_open import UntilOpen
from trading_app.imports import calls as import_calls
from trading_app.imports import upload_calls
from trading_app.imports.schemas import UPLOAD_SCHEMA
from trading_app.imports.uploads import Uploads
from trading_app.instruments.entries import Entry
from trading_app.instruments.start import take_file
from trading_app.intake.arrivals import report_arrivals
from trading_app.intake.service import Intake
from trading_app.ledger import routes as event_calls
from trading_app.ledger.earlier_trades import first_trades
from trading_app.ledger.intake import LedgerIntake
from trading_app.ledger.registry import Registry
from trading_app.ledger.schemas import event_schemas
from trading_app.page import docs_page, history_page, import_page, page, sign_in
from trading_app.page import stream as page_stream
from trading_app.page.problem_page import ProblemPages
from trading_app.page.sidecar_feed import SidecarFeed
from trading_app.query import routes as trade_calls
from trading_app.query.schemas import PAGE
from trading_app.routes import IntakeRoutes
from trading_app.zmq_pub import TradeStream

if TYPE_CHECKING:
    from trading_app.access.id_tokens import IdTokens
    from trading_app.access.rate_limit import RateLimit

log = structlog.get_logger(__name__)


QUICK_SECONDS = 1.0
"""A journal that is opened within this time is open before the first request is answered."""


class Files(NamedTuple):
    """What the files of config/ say."""

    instruments: Sequence[Entry] = ()
    hooks: Sequence[Hook] = ()
    accounts: Accounts = NO_ACCOUNTS
    hooks_file: reload.HooksFile | None = None


NO_FILES = Files()


class StartFailed(Exception):
    """The app can't start. The message names the reason and what to do."""


class WebApp:
    """The ASGI app that uvicorn serves.

    The layers, from the outside: Edge, pages for problems, 503 until the journal is open, CORS (if origins are set),
    Access, the rate limit (if set), the intake routes, and FastAPI for everything else.
    """

    def __init__(
        self,
        settings: Settings,
        on_failure: Callable[[BaseException], None],
        clock: Clock = SYSTEM_CLOCK,
        files: Files = NO_FILES,
    ) -> None:
        """`on_failure` is called in the event loop when the stream has failed and the process must end.

        The instruments of the `files` get into the ledger at the start.
        """
        self.context = Context(settings)
        self._on_failure = on_failure
        self._clock = clock
        self._files = files
        self.connections = self.context.connections
        self.metrics = metrics = self.context.metrics
        self._latest_time = LatestTime(clock)
        self.registry = Registry()
        self.intake = Intake(
            settings,
            metrics,
            self._latest_time.unix_ns,
            self.registry.terms_of,
            self.registry.void_of,
            self.registry.check_import,
        )
        self.max_body_bytes = settings.max_body_bytes
        self.shares_origins = bool(settings.cors_origins)
        self.feed = SidecarFeed(settings.sidecar_url, settings.sidecar_token, clock)
        self.ledger_intake = LedgerIntake(
            self.context,
            self.registry,
            self._latest_time.unix_ns,
            self.feed.open_positions,
            first_trades(settings.data_folder),
        )
        metrics.sidecar_polls = self.feed.polls
        self._hook_gate = HookGate(files.hooks, clock)
        id_tokens = _id_tokens(settings, clock)
        self.gate = Gate(settings.api_tokens, settings.public_url, id_tokens, clock, self._hook_gate.caller)
        self.rate_limit = _rate_limit(settings.rate_limit, by_token=self.gate.guarded)
        self.hook_intake = HookIntake(
            files.hooks,
            self.context,
            HookCommits(self.context, self.intake, self.ledger_intake),
            KeptMessages(settings.data_folder / KEPT_FOLDER, self._hook_gate.is_secret),
            KeptMessages(settings.data_folder / WAITING_FOLDER, self._hook_gate.is_secret),
            self._latest_time.unix_ns,
            no_pace if self.rate_limit is None else self.rate_limit.count,
        )
        self.uploads = Uploads(self._answer_within, clock)
        self.api = self._create_api()
        layers: ASGIApp = IntakeRoutes(HeadAsGet(self.api), self.context, self.intake)
        self._within = layers
        if self.rate_limit is not None:
            layers = self.rate_limit.in_front_of(layers, metrics.refusals, self._is_of_hook)
        layers = Access(layers, self.gate, metrics)
        if settings.cors_origins:
            layers = Cors(layers, settings.cors_origins, self.context.metrics)
        self._layers = Edge(
            ProblemPages(UntilOpen(layers, self.context, clock, is_message)), metrics, self.connections.ids
        )
        self._tasks = list[asyncio.Task[None]]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or run the lifespan."""
        await self._layers(scope, receive, send)

    async def _answer_within(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call of the app itself, whose caller is known: without the layers that decide who may call."""
        await self._within(scope, receive, send)

    def begin_end(self) -> None:
        """End the endless and long answers: a server that shuts down waits for every answer."""
        if self.context.opened_stream is not None:
            self.context.opened_stream.begin_end()

    def _create_api(self) -> FastAPI:
        api = FastAPI(
            title="Trading Telemetry",
            summary="Accepts trades, journals each durably, publishes it.",
            version="1",
            lifespan=self._lifespan,
            default_response_class=Response,  # each call makes its answer itself
            docs_url=None,
            redoc_url=None,
            swagger_ui_oauth2_redirect_url=None,
            redirect_slashes=False,  # a redirected POST, with its empty body, could pass for an accepted one
        )
        api.router.route_class = LateRoute
        guarded = self.gate.guarded
        # FastAPI's documented way to extend the OpenAPI document.
        schemas = {"Page": PAGE, "Upload": UPLOAD_SCHEMA, **event_schemas()}
        api.openapi = lambda: describe(api, schemas, guarded=guarded)  # type: ignore[method-assign]  # FastAPI's way
        add_error_handlers(api, self.context.metrics.refusals, page.page_of_form(self.context))
        page.add_to(api, self.context, self.gate, self.intake)
        page_stream.add_to(api, self.context, self.feed)
        sign_in.add_to(api, self.context, self.gate)
        trade_calls.add_to(api, self.context)
        event_calls.add_to(api, self.context, self.ledger_intake)
        hook_calls.add_to(api, self.context, self.hook_intake)
        import_calls.add_to(api, self.context, self.intake, self.ledger_intake, self.registry)
        upload_calls.add_to(api, self.context, self.gate, self.uploads)
        history_calls.add_to(api, self.context, self.feed, self._clock, self._files.accounts)
        operations.add_to(api, self.context)
        import_page.add_to(api)
        history_page.add_to(api, self.context)
        docs_page.add_to(api)
        return api

    @asynccontextmanager
    async def _lifespan(self, _api: FastAPI) -> AsyncIterator[None]:
        opening = asyncio.create_task(self._open())
        await asyncio.wait((opening,), timeout=QUICK_SECONDS)
        if opening.done():
            opening.result()  # where this raises, the program ends before it has answered anything
        else:
            log.warning("opening the journal takes long; requests get 503 until it is open")
            opening.add_done_callback(self._end_if_failed)
        try:
            yield
        finally:
            opening.cancel()  # an upgrade that is not done begins again at the next start
            await asyncio.wait((opening,))
            await self._close()

    async def _open(self) -> None:
        """Open the journal, then begin the background tasks. Raises StartFailed, with its reason in the log."""
        try:
            stream = await self._open_stream()
        except Exception as error:
            failure = _start_failure(error, self.context.settings)
            log.error("can't start", reason=str(failure))
            raise failure from error
        await self.hook_intake.count_all()
        self.context.open(stream)
        self._latest_time.raise_to(stream.last_trade_ns)
        log.info("journal open", stream=stream.id, head=stream.head, folder=str(self.context.settings.data_folder))
        self._tasks = [
            asyncio.create_task(self.feed.run(), name="polling the sidecar"),
            asyncio.create_task(report_arrivals(stream), name="reporting trades"),
            asyncio.create_task(self.hook_intake.waiting.run(), name="taking messages that waited"),
        ]
        if self._files.hooks_file is not None:
            following = reload.follow(
                self._files.hooks_file, lambda: self.hook_intake.hooks, self._take_hooks, self._note_hooks_refused
            )
            self._tasks.append(asyncio.create_task(following, name="following the file with webhooks"))
        for task in self._tasks:
            task.add_done_callback(_log_failure)

    async def _open_stream(self) -> TradeStream:
        """Open the journal, bind the sockets, and read the instruments: they decide which prices are taken."""
        loop = asyncio.get_running_loop()
        observe = self.context.metrics.observe_commit
        stream = await run_in_daemon_thread(
            lambda: TradeStream(self.context.settings, loop, self._on_failure, observe), "opening the journal"
        )
        try:
            await stream.ask(self.registry.refresh)
            await take_file(self._files.instruments, stream, self.registry)
        except BaseException:
            stream.close()
            raise
        return stream

    def _is_of_hook(self, method: str, path: str) -> bool:
        """Whether a call that was admitted is a message to a hook; without hooks, its path is that of any other."""
        return bool(self.hook_intake.hooks) and is_message(method, path)

    async def _take_hooks(self, hooks: Sequence[Hook]) -> None:
        await self.hook_intake.put_in_force(hooks)
        self._hook_gate.put_in_force(hooks)
        await self.hook_intake.count_all()

    def _note_hooks_refused(self, is_refused: bool) -> None:
        self.metrics.hooks_file_refused = is_refused

    def _end_if_failed(self, opening: asyncio.Task[None]) -> None:
        if not opening.cancelled() and (error := opening.exception()) is not None:
            self._on_failure(error)

    async def _close(self) -> None:
        stream = self.context.opened_stream
        if stream is None:
            return
        await self.uploads.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)  # without raising: `_log_failure` has logged failures
        stream.close()
        log.info("journal closed", head=stream.head)


def _id_tokens(settings: Settings, clock: Clock) -> "IdTokens | None":
    if settings.id_provider is None:
        return None
    from trading_app.access.id_tokens import IdTokens  # noqa: PLC0415 -- its imports would delay every start without it

    return IdTokens(settings.id_provider, clock)


def _rate_limit(written: str, *, by_token: bool) -> "RateLimit | None":
    if not written:
        return None
    from trading_app.access.rate_limit import RateLimit  # noqa: PLC0415 -- the import takes a quarter of a second
    from trading_app.access.rates import parse_rates  # noqa: PLC0415 -- likewise

    return RateLimit(parse_rates(written), by_token=by_token)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.error(
            "a background task failed; trade intake is unaffected", task=task.get_name(), exc_info=task.exception()
        )


def _start_failure(error: Exception, settings: Settings) -> StartFailed:
    """The reason of a start that failed, in a message. A failed read raises the store's own error."""
    if isinstance(error, (JournalInUse, ForeignJournal, KeysMissing, StoreBusy)):
        return StartFailed(str(error))
    if isinstance(error, BackendMisconfigured):
        return StartFailed(_which_setting(error))
    return StartFailed(f"the journal in DATA_DIR={settings.data_folder} can't be opened: {error}")


def _which_setting(error: BackendMisconfigured) -> str:
    if error.part is Part.KEYS:
        return f"WEBAPP_ZMQ_SECRET_KEY_FILE: {error}"
    setting = {Part.LIVE_ADDRESS: "WEBAPP_ZMQ_ADDR", Part.REPLAY_ADDRESS: "WEBAPP_REPLAY_ADDR"}[error.part]
    return f"{error}: set {setting} to a free address"
