"""The layers that every request passes: request id, counters, a 500 for uncaught errors, access. Plain ASGI."""

import contextvars
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.types import EventDict

from service_kit.connection.guarded_http import note_admitted
from service_kit.problems import Problem
from service_kit.request_ids import RequestIds
from service_kit.responses import Answer, answer_problem, send_answer
from trading_app.access.call import OPEN_ROUTES, PAGES, Call
from trading_app.access.caller import Caller
from trading_app.access.gate import Gate
from trading_app.metrics import AppMetrics

log = structlog.get_logger(__name__)

TRADE_ROUTE = "/trades/{seq}"
HOOKS = "/hooks/"
HOOK_ROUTE = "/hooks/{name}/{secret}"
KEPT_ROUTES = {verb: f"/hooks/{{name}}/unread/{{message}}/{verb}" for verb in ("take", "drop")}
IMPORTS = "/imports/"
UNDO_ROUTE = "/imports/{import_id}/undo"
UPLOAD_ROUTE = "/imports/{upload}"
UPLOAD_ROUTES = {verb: f"{UPLOAD_ROUTE}/{verb}" for verb in ("plan", "take", "drop")}
ROUTES = frozenset(
    (
        TRADE_ROUTE,
        UNDO_ROUTE,
        UPLOAD_ROUTE,
        *UPLOAD_ROUTES.values(),
        *KEPT_ROUTES.values(),
        HOOK_ROUTE,
        "/hooks",
        "/hooks/{name}",
        "/hooks/{name}/unread",
        "/",
        "/trade",
        "/trades",
        "/known",
        "/known/events",
        "/trades/stream",
        "/events",
        "/api/health",
        "/api/imports",
        "/api/positions",
        "/api/round-trips",
        "/api/pnl",
        "/api/candles",
        "/api/metrics/latest",
        "/api/metrics/stream",
        "/api/equity",
        "/api/drawdown",
        "/api/performance",
        "/api/symbols",
        "/api/trades",
        "/history",
        "/import",
        "/imports",
        "/page/stream",
        "/page/history",
        "/page/session",
        "/sign-in",
        "/sign-out",
        "/health",
        "/healthz",
        "/readyz",
        "/metrics",
        "/docs",
        "/openapi.json",
    )
)
ENDLESS_ROUTES = ("/trades/stream", "/page/stream", "/api/metrics/stream")
OTHER = "other"
"""The route of a path of no call."""

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

KEPT_NOWHERE = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""Headers of every answer to GET or HEAD that sets no others: figures are only for their reader, and only for now."""

INTERNAL_ERROR = Problem("internal_error", "the error was logged under this request_id")

_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")


def add_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A structlog processor that adds the current request's id to each line."""
    request_id = _request_id.get(None)
    if request_id is not None:
        event["request_id"] = request_id
    return event


def current_request_id() -> str:
    """The current request's id; empty outside of a request."""
    return _request_id.get("")


class Edge:
    """The outermost layer: names, counts and times each request, and answers uncaught errors with a 500."""

    def __init__(self, app: ASGIApp, metrics: AppMetrics, ids: RequestIds) -> None:
        self._app = app
        self._metrics = metrics
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass the lifespan on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = self._ids.name(dict(scope["headers"]).get(b"x-request-id", b""))
        _request_id.set(request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        status, complete = 0, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, complete
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                message["headers"] = headers
                if scope["method"] in ("GET", "HEAD"):
                    given = {name.lower() for name, _ in headers}
                    headers += [header for header in KEPT_NOWHERE if header[0] not in given]
            else:
                complete = not message.get("more_body", False)
                if complete:  # before it is sent: who has the answer finds it counted
                    self._observe(scope, status, time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            has_secret = scope["path"].startswith(HOOKS)
            path = route_of(scope["path"]) if has_secret else scope["path"][:200]
            log.exception("a request failed", method=scope["method"], path=path)
            self._metrics.refusals[INTERNAL_ERROR.code] += 1
            if status and not complete:
                raise  # uvicorn then cuts the connection: no client mistakes a partial answer for a complete one
            if not complete:
                await send_answer(answer_problem(INTERNAL_ERROR, request_id), send_with_id)
        finally:
            if not complete:
                self._observe(scope, status, time.perf_counter() - began)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = route_of(scope["path"])
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.observe_request(method, route, status, seconds)
        log.debug("answered", method=method, route=route, status=status, seconds=seconds)


def route_of(path: str) -> str:
    """The route of a path, as a label: a path itself would be unbounded."""
    if path in ROUTES:
        return path
    if path.startswith(HOOKS):
        return _hook_route(path.removeprefix(HOOKS).split("/"))
    if path.startswith("/trades/") and path.removeprefix("/trades/").isdigit():
        return TRADE_ROUTE
    if path.startswith(IMPORTS):
        return _import_route(path.removeprefix(IMPORTS).split("/"))
    return OTHER


def _import_route(parts: list[str]) -> str:
    """The route of a path below /imports/."""
    match parts:
        case [_]:
            return UPLOAD_ROUTE
        case [_, "undo"]:
            return UNDO_ROUTE
        case [_, verb]:
            return UPLOAD_ROUTES.get(verb, OTHER)
        case _:
            return OTHER


def _hook_route(parts: list[str]) -> str:
    """The route of a path below /hooks/, which may hold a secret."""
    match parts:
        case [_]:
            return "/hooks/{name}"
        case [_, "unread"]:
            return "/hooks/{name}/unread"
        case [_, _]:
            return HOOK_ROUTE
        case [_, "unread", _, verb]:
            return KEPT_ROUTES.get(verb, OTHER)
        case _:
            return OTHER


class Access:
    """Refuses callers without a valid credential, and ends endless answers when the caller's credential expires."""

    def __init__(self, app: ASGIApp, gate: Gate, metrics: AppMetrics) -> None:
        self._app = app
        self._gate = gate
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = Call.of(scope)
        try:
            caller = await self._gate.caller(call)
        except Problem as problem:
            await self._refuse(problem, call, scope, send)
            return
        scope["state"]["caller"] = caller
        if call.path not in OPEN_ROUTES:
            note_admitted(scope)
        if caller.lease is not None and call.path in ENDLESS_ROUTES:
            await self._serve_for(caller, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _refuse(self, problem: Problem, call: Call, scope: Scope, send: Send) -> None:
        self._metrics.refusals[problem.code] += 1
        if problem.code == "unauthorized" and call.wants_page:
            place = b"/sign-in" if call.method in ("GET", "HEAD") else b"/sign-in?unsent=1"
            if call.path in PAGES:
                place = b"/sign-in?page=" + call.path[1:].encode()
            answer = Answer(303, b"", b"text/html", [(b"location", place), (b"cache-control", b"no-store")])
        else:
            answer = answer_problem(problem, scope["state"]["request_id"])
        await send_answer(answer, send)

    async def _serve_for(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve until the caller's lease ends, then end the answer. A browser that reconnects gets a 401."""
        assert caller.lease is not None
        began = False

        async def send_on(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        if not await caller.lease.run(self._app(scope, receive, send_on)):
            if not began:
                await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
