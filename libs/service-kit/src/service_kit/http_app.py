"""A small HTTP application: a table of paths, health, access control, problems.

Every path of the table accepts GET and HEAD, and needs the scope `read` if tokens are set.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from service_kit.access.gate import Gate
from service_kit.access.tokens import bearer_token
from service_kit.connection.context import ConnectionContext
from service_kit.connection.guarded_http import note_admitted
from service_kit.cooperative import Slicer
from service_kit.http_types import Receive, Scope, Send
from service_kit.metrics.negotiation import wants_openmetrics
from service_kit.metrics.process import process_families
from service_kit.metrics.text import OPENMETRICS, TEXT, Family, render
from service_kit.problems import Problem

log = structlog.get_logger(__name__)

PIECES_AT_ONCE = 16
"""Pieces of a body, some hundred kilobytes, that are written to the connection before other tasks may run."""

MAX_UNREAD_BYTES = 67_108_864
"""Maximum of response bytes that clients have not received yet; above it, requests get 503. One alone may be larger."""

OPEN_PATHS = ("/health", "/healthz", "/readyz")
"""Health checks, without credentials. `/health` is another name for `/healthz`."""

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. Header names are in lower case; values of repeated headers are joined by commas."""

    method: str
    path: str
    headers: dict[str, str]
    host: str = ""
    """The caller's address; empty if unknown."""

    @classmethod
    def of(cls, scope: Scope) -> "Request":
        """The request that an ASGI scope describes."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        return cls(scope["method"], scope["path"], headers, (scope.get("client") or ("",))[0])

    def header(self, name: str) -> bytes:
        """A header's value; empty if the header is missing."""
        return self.headers.get(name, "").encode("latin-1")


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response; the body may be in several pieces."""

    status: int
    content_type: str
    body: Sequence[bytes]
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Response]]


class HttpApp:
    """An ASGI application over a table of paths. Adds health checks, access control and problem documents."""

    def __init__(
        self,
        routes: Mapping[str, Handler],
        gate: Gate,
        connections: ConnectionContext,
        require_ready: Callable[[], None],
    ) -> None:
        """`require_ready` raises Problem as long as `/readyz` must answer 503."""
        health = {"/health": self._alive, "/healthz": self._alive, "/readyz": self._ready}
        self._routes: dict[str, Handler] = {**routes, **health}
        self._gate = gate
        self._connections = connections
        self._require_ready = require_ready
        self.requests: Counter[tuple[str, int]] = Counter()
        """Requests answered, by path and status; a path that is not in the table counts as `other`."""
        self._unread_bytes = 0

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"unsupported ASGI scope: {scope['type']}")
        request = Request.of(scope)
        request_id = self._connections.ids.name(request.header("x-request-id"))
        response = await self._answer(request, scope, request_id)
        path = request.path if request.path in self._routes else "other"
        self.requests[path, response.status] += 1
        log.debug("answered", path=path, status=response.status, request_id=request_id)
        size = sum(map(len, response.body))
        # Counted until `_send` returns: it waits while the client does not read, and the body stays in memory.
        self._unread_bytes += size
        try:
            await _send(send, response, size, request_id, with_body=request.method != "HEAD")
        finally:
            self._unread_bytes -= size

    async def _answer(self, request: Request, scope: Scope, request_id: str) -> Response:
        try:
            handler = self._route(request)
            if request.path not in OPEN_PATHS:
                self._require_access(request)
                note_admitted(scope)
                self._require_room()
            return await handler(request)
        except Problem as refused:
            problem = refused
        except Exception:  # a bug answers 500 to one caller and leaves the process running
            log.exception("a request failed", path=request.path[:200], request_id=request_id)
            problem = Problem("internal_error", "the cause is in the log, under this request_id")
        self._connections.counters.refused_requests[problem.code] += 1
        headers = dict(problem.headers)
        if problem.retry_after is not None:
            headers["Retry-After"] = str(problem.retry_after)
        return Response(problem.status, "application/problem+json", [problem.document(request_id)], headers)

    def _route(self, request: Request) -> Handler:
        handler = self._routes.get(request.path)
        if handler is None:
            raise Problem("not_found", f"the paths are {', '.join(self._routes)}")
        if request.method not in ("GET", "HEAD"):
            raise Problem("method_not_allowed", "use GET", headers={"Allow": "GET, HEAD"})
        return handler

    def _require_access(self, request: Request) -> None:
        if not self._gate.tokens:
            self._gate.require_own_host(request.path, request.header("host"))
            return
        scopes = self._gate.identify(bearer_token(request.header("authorization")), request.host)
        self._gate.require_scope("read", scopes)

    def _require_room(self) -> None:
        if self._unread_bytes > MAX_UNREAD_BYTES:
            detail = f"unread responses take {self._unread_bytes} bytes; the maximum is {MAX_UNREAD_BYTES}"
            raise Problem("too_many_answers", detail, retry_after=1)

    async def _alive(self, _request: Request) -> Response:
        return Response(200, JSON, [b'{"status":"ok"}\n'])

    async def _ready(self, _request: Request) -> Response:
        self._require_ready()
        return Response(200, JSON, [b'{"status":"ready"}\n'])


def metrics_handler(families: Callable[[], Iterable[Family]]) -> Handler:
    """A handler that serves these metrics and the process's, in the format that the client accepts."""

    async def handler(request: Request) -> Response:
        openmetrics = wants_openmetrics(request.headers.get("accept", ""))
        body = render([*families(), *process_families()], openmetrics)
        return Response(200, OPENMETRICS if openmetrics else TEXT, [body], {"Vary": "Accept"})

    return handler


async def _send(send: Send, response: Response, size: int, request_id: str, with_body: bool) -> None:
    headers = {
        "Content-Type": response.content_type,
        "Content-Length": str(size),
        "X-Request-ID": request_id,
        "Cache-Control": "no-store",
        **response.headers,
    }
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    if with_body:
        slicer = Slicer()
        for start in range(0, len(response.body), PIECES_AT_ONCE):
            body = b"".join(response.body[start : start + PIECES_AT_ONCE])
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await slicer.yield_if_due()
    await send({"type": "http.response.body", "body": b""})
