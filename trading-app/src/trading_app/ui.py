"""The web app, put together: FastAPI with its calls, its page, its documentation and its errors."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import apsw
import structlog
import zmq
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from fastapi_swagger import patch_fastapi  # type: ignore[import-untyped]  # it has none
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from telemetry_stream.sqlite.journal import ForeignJournal, JournalInUse
from trading_app import reading
from trading_app.edge import Access, Edge, problem_response, request_id_of
from trading_app.environment import Settings
from trading_app.fields import FieldError, check_name, check_symbol
from trading_app.metrics import AppMetrics, make_registry
from trading_app.openapi import describe, problem_responses
from trading_app.problems import FieldProblem, Problem
from trading_app.routes import LINES, Intake, accepts_page
from trading_app.zmq_pub import TradeStream

log = structlog.get_logger(__name__)

HERE = Path(__file__).parent
MOST_PAGE_TRADES = 10_000
"""Trades in one page of GET /trades."""

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class StartFailed(Exception):
    """The app can't start. The message says why and what to do."""


def create_app(settings: Settings, on_failure: Callable[[BaseException], None]) -> FastAPI:
    """The app. `on_failure` is called, in its event loop, when the stream can't go on and the process must end."""
    metrics = AppMetrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            stream = open_stream(settings, on_failure, metrics)
        except StartFailed as error:
            log.error("can't start", reason=str(error))
            raise
        app.state.stream = metrics.stream = stream
        app.state.intake = Intake(settings, stream, metrics)
        log.info("journal open", stream=stream.id, head=stream.head, folder=str(settings.data_folder))
        try:
            yield
        finally:
            stream.close()
            log.info("journal closed", head=stream.head)

    app = FastAPI(
        title="Trading Telemetry",
        summary="Takes trades in, journals each durably, publishes it.",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        openapi_url="/openapi.json",
        middleware=_layers(settings, metrics),
    )
    app.state.metrics = metrics
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    patch_fastapi(app, redirect_from_root_to_docs=False)
    _add_error_handlers(app, settings)
    _add_intake(app)
    _add_reading(app, settings)
    _add_operations(app)
    _add_page(app, settings)
    return app


def open_stream(settings: Settings, on_failure: Callable[[BaseException], None], metrics: AppMetrics) -> TradeStream:
    """Open the journal and bind the sockets. Raises StartFailed."""
    try:
        return TradeStream(settings, on_failure, metrics.observe_commit)
    except (JournalInUse, ForeignJournal) as error:
        raise StartFailed(str(error)) from error
    except zmq.ZMQError as error:
        raise StartFailed(f"{error.strerror}: set WEBAPP_ZMQ_ADDR or WEBAPP_REPLAY_ADDR to a free address") from error
    except (apsw.Error, OSError) as error:
        raise StartFailed(f"the journal in DATA_DIR={settings.data_folder} can't be opened: {error}") from error


def _layers(settings: Settings, metrics: AppMetrics) -> list[Middleware]:
    layers = [Middleware(Edge, metrics=metrics)]
    if settings.cors_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=("GET", "POST"),
                allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-Request-ID"),
                expose_headers=("X-Request-ID", "Retry-After"),
            )
        )
    return [*layers, Middleware(Access, tokens=settings.api_tokens, metrics=metrics)]


class _Plain:
    """Lets a plain ASGI function be a route's endpoint; Starlette takes bare functions for request handlers."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await getattr(scope["app"].state.intake, self._name)(scope, receive, send)


def _add_intake(app: FastAPI) -> None:
    app.router.routes.insert(0, Route("/trade", _Plain("trade"), methods=["POST"]))
    app.router.routes.insert(1, Route("/trades", _Plain("trades"), methods=["POST"]))


def _wanted(symbol: str | None, account: str | None, strategy: str | None) -> reading.Filter:
    try:
        return reading.Filter(
            check_symbol(symbol) if symbol else None,
            check_name(account) if account else None,
            check_name(strategy) if strategy else None,
        )
    except FieldError as error:
        raise Problem("invalid_parameter", f"symbol, account or strategy {error}") from None


def _add_reading(app: FastAPI, settings: Settings) -> None:
    sequence = Query(ge=0, le=2**62, description="Give the trades after this sequence.")
    label = Query(max_length=64)

    @app.get(
        "/trades",
        tags=["trades"],
        summary="Trades by sequence, a page at a time or as NDJSON",
        responses=problem_responses("unauthorized", "invalid_parameter"),
    )
    async def trades(
        request: Request,
        after: Annotated[int, sequence] = 0,
        limit: Annotated[int | None, Query(ge=1, le=MOST_PAGE_TRADES)] = None,
        symbol: Annotated[str | None, label] = None,
        account: Annotated[str | None, label] = None,
        strategy: Annotated[str | None, label] = None,
    ) -> Response:
        """Up to `limit` trades (100 for a page; all there are for NDJSON). `next_after` is null on the last page."""
        stream: TradeStream = app.state.stream
        wanted = _wanted(symbol, account, strategy)
        if LINES in request.headers.get("accept", ""):
            return StreamingResponse(reading.read_lines(stream, after, limit, wanted), media_type=LINES)
        page = await reading.read_page(stream, after, limit or 100, wanted)
        next_after = b"%d" % page.read_to if page.more else b"null"
        body = b'{"trades":[%b],"next_after":%b}' % (b",".join(page.events), next_after)
        return Response(body, media_type="application/json")

    @app.get(
        "/trades/stream",
        tags=["trades"],
        summary="New trades as server-sent events",
        responses=problem_responses("unauthorized", "invalid_parameter", "too_many_streams"),
    )
    async def live(
        request: Request,
        after: Annotated[int | None, sequence] = None,
        symbol: Annotated[str | None, label] = None,
        account: Annotated[str | None, label] = None,
        strategy: Annotated[str | None, label] = None,
    ) -> Response:
        """Each event's `id` is the trade's sequence. Goes on after the header `Last-Event-ID`, else `after`, else from
        now.
        """
        stream: TradeStream = app.state.stream
        metrics: AppMetrics = app.state.metrics
        if metrics.live_streams >= settings.most_live_streams:
            raise Problem("too_many_streams", f"{metrics.live_streams} are open; close one", retry_after=10)
        start = _last_event_id(request) if "last-event-id" in request.headers else after
        events = reading.live(stream, stream.head if start is None else start, _wanted(symbol, account, strategy))
        return LiveResponse(events, metrics)


class LiveResponse(StreamingResponse):
    """Server-sent events, counted while they are open; a client that does not read them is let go."""

    SEND_SECONDS = 20.0

    def __init__(self, events: AsyncIterator[bytes], metrics: AppMetrics) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._metrics = metrics

    async def stream_response(self, send: Send) -> None:
        """Send the events. Each has to be taken within SEND_SECONDS."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self.SEND_SECONDS):
                await send(message)

        self._metrics.live_streams += 1
        try:
            await super().stream_response(send_in_time)
        except TimeoutError:
            log.info("a live stream was let go: its client does not read")
        finally:
            self._metrics.live_streams -= 1


def _last_event_id(request: Request) -> int:
    given = request.headers["last-event-id"]
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise Problem("invalid_parameter", "Last-Event-ID must be the id of an event, a whole number")
    return int(given)


def _add_operations(app: FastAPI) -> None:
    registry = make_registry(app.state.metrics)

    @app.get("/healthz", tags=["operations"], summary="Whether the process is alive")
    async def healthz() -> dict[str, str]:
        """Alive: says nothing of the journal."""
        return {"status": "alive"}

    @app.get(
        "/readyz",
        tags=["operations"],
        summary="Whether trades can be taken: journal open, disk writable, publisher bound",
        responses=problem_responses("not_ready"),
    )
    async def readyz() -> dict[str, str]:
        """503 with the reason where they can't."""
        obstacle = app.state.stream.obstacle()
        if obstacle:
            raise Problem("not_ready", obstacle, retry_after=5)
        return {"status": "ready"}

    @app.get("/metrics", tags=["operations"], summary="The app's own metrics, as Prometheus text or OpenMetrics")
    async def metrics(request: Request) -> Response:
        """docs/metrics.md explains each."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})


def _add_page(app: FastAPI, settings: Settings) -> None:
    templates = Jinja2Templates(HERE / "templates")
    app.state.templates = templates
    app.mount("/static", StaticFiles(directory=HERE / "static"))

    @app.get("/", include_in_schema=False)
    async def page(request: Request, seq: Annotated[int | None, Query(ge=1, le=2**62)] = None) -> Response:
        return render_page(request, settings, {"seq": seq})


def render_page(request: Request, settings: Settings, context: dict[str, object], status: int = 200) -> Response:
    """The page, with what the last form brought: `seq` of the trade taken, or the `problem` and the fields `given`."""
    templates: Jinja2Templates = request.app.state.templates
    stream: TradeStream = request.app.state.stream
    shown = {"base_url": str(request.base_url).rstrip("/"), "head": stream.head, "sidecar_url": settings.sidecar_url}
    return templates.TemplateResponse(request, "index.html", shown | context, status, PAGE_HEADERS)


def _add_error_handlers(app: FastAPI, settings: Settings) -> None:
    metrics: AppMetrics = app.state.metrics

    def answer(request: Request, problem: Problem) -> Response:
        metrics.refusals[problem.code] += 1
        if request.method == "POST" and accepts_page(request):
            return render_page(request, settings, {"problem": problem}, problem.status)
        return problem_response(problem, request_id_of(request))

    async def on_problem(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return answer(request, problem)

    async def on_invalid_parameter(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [FieldProblem(f"{place[0]}/{place[-1]}", detail) for place, detail in _places(error)]
        return answer(request, Problem("invalid_parameter", f"{errors[0].pointer}: {errors[0].detail}", errors))

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        codes = {404: "not_found", 405: "method_not_allowed"}
        detail = {404: f"see {request.base_url}docs for what there is", 405: f"{request.method} is not for this path"}
        code = codes.get(error.status_code, "bad_request")
        headers = dict(error.headers or {})
        return answer(request, Problem(code, detail.get(error.status_code, str(error.detail)), headers=headers))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid_parameter)
    app.add_exception_handler(HTTPException, on_http_error)


def _places(error: RequestValidationError) -> list[tuple[tuple[str | int, ...], str]]:
    return [(tuple(found["loc"]), str(found["msg"])) for found in error.errors()]
