"""The web app, put together: layers in front, FastAPI behind them, the stream open while it serves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import apsw
import structlog
import zmq
from fastapi import FastAPI
from fastapi_swagger import patch_fastapi  # type: ignore[import-untyped]  # it has none
from starlette.types import ASGIApp, Receive, Scope, Send

from telemetry_stream.callers import RequestIds
from telemetry_stream.sqlite.journal import ForeignJournal, JournalInUse
from trading_app import operations, page, page_stream, trade_calls
from trading_app.access import Gate
from trading_app.context import Context
from trading_app.cors import Cors
from trading_app.edge import Access, Edge
from trading_app.environment import Settings
from trading_app.error_handlers import add_error_handlers
from trading_app.openapi import describe
from trading_app.routes import Intake, IntakeRoutes
from trading_app.sidecar_feed import SidecarFeed
from trading_app.zmq_pub import TradeStream

log = structlog.get_logger(__name__)


class StartFailed(Exception):
    """The app can't start. The message says why and what to do."""


class WebApp:
    """The whole, as uvicorn serves it: Edge, CORS where origins are set, Access, the intake, and FastAPI for the
    rest.
    """

    def __init__(self, settings: Settings, on_failure: Callable[[BaseException], None]) -> None:
        """`on_failure` is called, in the event loop, when the stream can't go on and the process must end."""
        self.context = Context(settings)
        self._on_failure = on_failure
        metrics = self.context.metrics
        self.intake = Intake(settings, metrics)
        self.feed = SidecarFeed(settings.sidecar_url, settings.sidecar_token)
        self.ids = RequestIds()
        self.gate = Gate(settings.api_tokens)
        self.api = self._create_api()
        layers: ASGIApp = IntakeRoutes(self.api, self.context, self.intake)
        layers = Access(layers, self.gate, metrics)
        if settings.cors_origins:
            layers = Cors(layers, settings.cors_origins, self.context.metrics)
        self._layers = Edge(layers, metrics, self.ids)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or run the lifespan."""
        await self._layers(scope, receive, send)

    def end_live_streams(self) -> None:
        """End the answers that have no end of their own: a server that stops waits for the last."""
        if self.context.opened_stream is not None:
            self.context.opened_stream.end_watches()

    def _create_api(self) -> FastAPI:
        api = FastAPI(
            title="Trading Telemetry",
            summary="Takes trades in, journals each durably, publishes it.",
            version="1",
            lifespan=self._lifespan,
            docs_url=None,
            redoc_url=None,
            swagger_ui_oauth2_redirect_url=None,
            redirect_slashes=False,  # a POST that is redirected with an empty body looks like one that was taken
        )
        api.openapi = lambda: describe(api)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
        patch_fastapi(api, redirect_from_root_to_docs=False)
        add_error_handlers(api, self.context)
        page.add_to(api, self.context, self.intake)
        page_stream.add_to(api, self.context, self.feed)
        trade_calls.add_to(api, self.context)
        operations.add_to(api, self.context)
        return api

    @asynccontextmanager
    async def _lifespan(self, _api: FastAPI) -> AsyncIterator[None]:
        try:
            stream = open_stream(self.context, self._on_failure)
        except StartFailed as error:
            log.error("can't start", reason=str(error))
            raise
        self.context.open(stream)
        log.info("journal open", stream=stream.id, head=stream.head, folder=str(self.context.settings.data_folder))
        following = asyncio.create_task(self.feed.run())
        following.add_done_callback(_tell_end)
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError, Exception):  # it has been told
                await following
            stream.close()
            log.info("journal closed", head=stream.head)


def _tell_end(following: asyncio.Task[None]) -> None:
    if not following.cancelled():
        log.error("the sidecar is not asked any more; trades are taken as ever", exc_info=following.exception())


def open_stream(context: Context, on_failure: Callable[[BaseException], None]) -> TradeStream:
    """Open the journal and bind the sockets. Raises StartFailed."""
    try:
        return TradeStream(context.settings, on_failure, context.metrics.observe_commit)
    except (JournalInUse, ForeignJournal) as error:
        raise StartFailed(str(error)) from error
    except zmq.ZMQError as error:
        raise StartFailed(f"{error.strerror}: set WEBAPP_ZMQ_ADDR or WEBAPP_REPLAY_ADDR to a free address") from error
    except (apsw.Error, OSError) as error:
        folder = context.settings.data_folder
        raise StartFailed(f"the journal in DATA_DIR={folder} can't be opened: {error}") from error
