"""What every request passes: its id, access, the counters, and a 500 for what was not caught. Plain ASGI."""

import contextvars
import hashlib
import hmac
import itertools
import re
import secrets
import time
from collections.abc import Sequence

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.types import EventDict

from trading_app.answers import answer_problem
from trading_app.metrics import AppMetrics
from trading_app.problems import Problem
from trading_app.routes import send_answer

log = structlog.get_logger(__name__)

ROUTES = frozenset(
    ("/", "/trade", "/trades", "/trades/stream", "/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")
)
OPEN_ROUTES = frozenset(("/healthz", "/readyz"))
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")


def add_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: the id of the request that is being answered, on every line."""
    request_id = _request_id.get(None)
    if request_id is not None:
        event["request_id"] = request_id
    return event


class Edge:
    """The outermost layer: gives each request an id, counts and times it, and turns what was not caught into a 500."""

    def __init__(self, app: ASGIApp, metrics: AppMetrics) -> None:
        self._app = app
        self._metrics = metrics
        self._process = secrets.token_hex(4)
        self._count = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass a lifespan on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = self._id_of(scope)
        _request_id.set(request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("a request failed", method=scope["method"], path=scope["path"][:200])
            if status:
                raise
            problem = Problem("internal_error", "it was logged under this request_id")
            await send_answer(answer_problem(problem, request_id), send_with_id)
        finally:
            self._observe(scope, status, time.perf_counter() - began)

    def _id_of(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
                return str(value, "ascii")
        return f"{self._process}-{next(self._count):x}"

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["path"] if scope["path"] in ROUTES else "other"
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.observe_request(method, route, status, seconds)
        log.debug("answered", method=method, route=route, status=status, seconds=seconds)


class Access:
    """Lets through who has a token, where tokens are set. Health is open to all."""

    def __init__(self, app: ASGIApp, tokens: Sequence[str], metrics: AppMetrics) -> None:
        self._app = app
        self._digests = [hashlib.sha256(token.encode()).digest() for token in tokens]
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if not self._digests or scope["type"] != "http" or scope["path"] in OPEN_ROUTES or self._is_known(scope):
            await self._app(scope, receive, send)
            return
        self._metrics.refusals["unauthorized"] += 1
        problem = Problem(
            "unauthorized",
            "send the header 'Authorization: Bearer TOKEN' with one of WEBAPP_API_TOKENS",
            headers={"WWW-Authenticate": 'Bearer realm="trading-app"'},
        )
        await send_answer(answer_problem(problem, scope["state"]["request_id"]), send)

    def _is_known(self, scope: Scope) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        scheme, _, token = given.partition(b" ")
        digest = hashlib.sha256(token.strip()).digest()
        # All are compared, and each in constant time: how long it takes tells nothing.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return scheme.lower() == b"bearer" and any(matches)
