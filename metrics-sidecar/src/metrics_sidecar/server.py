"""The sidecar's HTTP: `/metrics`, `/state` and health checks. Plain ASGI, a handful of paths needs no framework."""

import asyncio
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence

import structlog

from metrics_sidecar.exposition.negotiation import accepts_gzip, wants_openmetrics
from metrics_sidecar.exposition.pipeline import pipeline_families
from metrics_sidecar.exposition.process import process_families
from metrics_sidecar.exposition.state_document import render_state
from metrics_sidecar.exposition.text import OPENMETRICS, TEXT, Exposition
from metrics_sidecar.follow import Saver, Tracker
from metrics_sidecar.http_types import Answer, Receive, Request, Scope, Send
from metrics_sidecar.problems import NotCaughtUp
from service_kit.access.gate import Gate
from service_kit.access.tokens import bearer_token
from service_kit.clock import SYSTEM_CLOCK, Clock
from service_kit.cooperative import Slicer
from service_kit.problems import Problem
from service_kit.request_ids import RequestIds

log = structlog.get_logger(__name__)

PIECES_AT_ONCE = 16
"""So many pieces of a body, some hundred kilobytes, are handed to the connection before the others get a turn."""

OPEN_PATHS = frozenset(("/health", "/healthz", "/readyz"))


class SidecarApp:
    """An ASGI application over a tracker and a saver."""

    def __init__(
        self,
        tracker: Tracker,
        saver: Saver,
        replay_address: str,
        tokens: Sequence[str] = (),
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`replay_address` is only told to people. With `tokens`, figures are for who shows one with the scope read."""
        self._tracker = tracker
        self._saver = saver
        self._replay_address = replay_address
        self._gate = Gate("metrics-sidecar", "SIDECAR_API_TOKENS", tokens, clock)
        self._exposition = Exposition()
        self._rendering = asyncio.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._ids = RequestIds()
        self._routes: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "/metrics": self._metrics,
            "/state": self._state,
            "/health": self._healthz,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
        }

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"no {scope['type']} here")
        request = Request.of(scope)
        request_id = self._ids.name(request.header("x-request-id"))
        answer = await self._answer(request, request_id)
        path = request.path if request.path in self._routes else "other"
        self._requests[path, answer.status] += 1
        log.debug("answered", path=path, status=answer.status, request_id=request_id)
        await _send(send, answer, request_id, with_body=request.method != "HEAD")

    async def _answer(self, request: Request, request_id: str) -> Answer:
        try:
            return await self._route(request)(request)
        except Problem as refused:
            problem = refused
        except Exception:
            log.exception("a request failed", path=request.path[:200], request_id=request_id)
            problem = Problem("internal_error", "it was logged under this request_id")
        headers = dict(problem.headers)
        if problem.retry_after is not None:
            headers["Retry-After"] = str(problem.retry_after)
        return Answer(problem.status, "application/problem+json", [problem.document(request_id)], headers)

    def _route(self, request: Request) -> Callable[[Request], Awaitable[Answer]]:
        route = self._routes.get(request.path)
        if route is None:
            raise Problem("not_found", f"there are {', '.join(self._routes)}")
        if request.method not in ("GET", "HEAD"):
            raise Problem("method_not_allowed", "use GET", headers={"Allow": "GET, HEAD"})
        if request.path not in OPEN_PATHS:
            self._require_access(request)
        return route

    def _require_access(self, request: Request) -> None:
        if not self._gate.tokens:
            self._gate.require_own_host(request.path, request.header("host"), "SIDECAR_API_TOKENS")
            return
        scopes = self._gate.identify(bearer_token(request.header("authorization")), request.host)
        self._gate.require_scope("read", scopes)

    async def _healthz(self, _request: Request) -> Answer:
        return Answer(200, "application/json", [b'{"status":"ok"}\n'])

    async def _readyz(self, _request: Request) -> Answer:
        self._require_ready()
        return Answer(200, "application/json", [b'{"status":"ready"}\n'])

    async def _metrics(self, request: Request) -> Answer:
        async with self._rendering:  # one at a time: a scrape more takes time, not memory
            self._require_ready()
            moment = await self._tracker.freeze()
            others = [*pipeline_families(moment, self._tracker, self._saver, self._requests), *process_families()]
            openmetrics = wants_openmetrics(request.headers.get("accept", ""))
            pieces = self._exposition.render(moment, others, openmetrics)
            return await _gather(request, OPENMETRICS if openmetrics else TEXT, pieces)

    async def _state(self, request: Request) -> Answer:
        subscriber, moment = self._tracker.subscriber, await self._tracker.freeze()
        head: dict[str, object] = {
            "stream": moment.stream,
            "head": subscriber.head,
            "applied": moment.applied,
            "caught_up": subscriber.caught_up,
            "ready": self._tracker.ready,
            "pipeline": {
                "gaps": subscriber.counters.gaps,
                "catchups": subscriber.counters.catchups,
                "delivered_trades": sum(self._tracker.delays.counts),
                "delivery_nanoseconds": self._tracker.delays.sum_ns,
            },
        }
        async with self._rendering:
            return await _gather(request, "application/json", render_state(head, moment))

    def _require_ready(self) -> None:
        if not self._tracker.ready:
            raise NotCaughtUp(self._waiting_for())

    def _waiting_for(self) -> str:
        head, applied = self._tracker.subscriber.head, self._tracker.state.applied
        if self._tracker.subscriber.obstacle is not None:
            return self._tracker.subscriber.obstacle
        if head is None:
            return f"no answer yet from {self._replay_address} (WEBAPP_REPLAY_ADDR): is trading-app running there?"
        return f"applied {applied} of {head}; figures are served once the head read at the start is applied"


async def _gather(request: Request, content_type: str, pieces: Iterator[bytes]) -> Answer:
    """The answer with that body, compressed for those who like that; others run in between."""
    squeeze = accepts_gzip(request.headers.get("accept-encoding", ""))
    packer = zlib.compressobj(1, zlib.DEFLATED, 31) if squeeze else None
    body, slicer = [], Slicer()
    for piece in pieces:
        made = packer.compress(piece) if packer else piece
        if made:
            body.append(made)
        await slicer.yield_if_due()
    if packer:
        body.append(packer.flush())
    headers = {"Vary": "Accept, Accept-Encoding"}
    return Answer(200, content_type, body, headers | {"Content-Encoding": "gzip"} if squeeze else headers)


async def _send(send: Send, answer: Answer, request_id: str, with_body: bool) -> None:
    headers = {
        "Content-Type": answer.content_type,
        "Content-Length": str(sum(map(len, answer.body))),
        "X-Request-ID": request_id,
        "Cache-Control": "no-store",
        **answer.headers,
    }
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    if with_body:
        slicer = Slicer()
        for start in range(0, len(answer.body), PIECES_AT_ONCE):
            body = b"".join(answer.body[start : start + PIECES_AT_ONCE])
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await slicer.yield_if_due()
    await send({"type": "http.response.body", "body": b""})
