"""The sidecar's HTTP calls: `/metrics` and `/state`."""

import asyncio
import zlib
from collections.abc import Iterator, Sequence

from metrics_sidecar.advice import advice
from metrics_sidecar.exposition.base_currency import base_families
from metrics_sidecar.exposition.pipeline import market_families, pipeline_families
from metrics_sidecar.exposition.state_document import render_state, sum_by_currency
from metrics_sidecar.exposition.text import Exposition
from metrics_sidecar.follow import Saver, Tracker
from metrics_sidecar.market import MarketReader
from metrics_sidecar.problems import TYPES, NotCaughtUp
from service_kit.access.gate import Gate
from service_kit.clock import SYSTEM_CLOCK, Clock
from service_kit.connection.context import ConnectionContext
from service_kit.connection.counters import ConnectionCounters
from service_kit.connection.limits import ConnectionLimits
from service_kit.cooperative import Slicer, run_sliced
from service_kit.http_app import HttpApp, Request, Response
from service_kit.metrics.negotiation import accepts_gzip, wants_openmetrics
from service_kit.metrics.process import process_families
from service_kit.metrics.text import OPENMETRICS, TEXT
from trading_model.accounting.snapshots import StateSnapshot
from trading_model.field_rules import format_timestamp

MAX_CONNECTIONS = 200
"""Default maximum: scrapers and web apps hold a few connections each."""

MAX_WAITING = 16
"""Maximum of pipelined requests that wait on one connection. Scrapers send one at a time."""


def connection_context(max_connections: int = MAX_CONNECTIONS) -> ConnectionContext:
    """Limits and counters of the sidecar's connections. The only request bodies are those of refused requests."""
    limits = ConnectionLimits("SIDECAR", max_connections, max_waiting=MAX_WAITING)
    return ConnectionContext.of(limits, ConnectionCounters(TYPES))


class SidecarApp:
    """Serves the state of a tracker, and the counters of a saver. `http` is the ASGI application."""

    def __init__(
        self,
        tracker: Tracker,
        saver: Saver,
        replay_address: str,
        tokens: Sequence[str] = (),
        connections: ConnectionContext | None = None,
        clock: Clock = SYSTEM_CLOCK,
        market: MarketReader | None = None,
    ) -> None:
        """`replay_address` appears in messages. With `tokens`, figures need the scope `read`. Without a `market`, all
        marks are those of the ledger.
        """
        self._tracker = tracker
        self._saver = saver
        self._replay_address = replay_address
        self._exposition = Exposition()
        self._clock = clock
        self._market = market
        self._rendering = asyncio.Lock()
        self._connections = connections or connection_context()
        gate = Gate("metrics-sidecar", "SIDECAR_API_TOKENS", tokens, clock)
        routes = {"/metrics": self._metrics, "/state": self._state}
        self.http = HttpApp(routes, gate, self._connections, self._require_ready)

    async def _metrics(self, request: Request) -> Response:
        async with self._rendering:  # one at a time: concurrent scrapes take more time, not more memory
            self._require_ready()  # after the lock: while this scrape waited, the stream may have been replaced
            moment = await self._moment()
            others = [
                *pipeline_families(
                    moment, self._tracker, self._saver, self.http.requests, self._connections, self._exposition.bytes
                ),
                *market_families(self._market),
                *process_families(),
            ]
            if moment.base_currency:
                sums = await run_sliced(sum_by_currency(moment))
                others += base_families(sums.base_totals(self._tracker.state.rates, self._now()))
            openmetrics = wants_openmetrics(request.headers.get("accept", ""))
            pieces = self._exposition.render(moment, others, openmetrics)
            return await _gather(request, OPENMETRICS if openmetrics else TEXT, pieces)

    async def _state(self, request: Request) -> Response:
        subscriber, moment = self._tracker.subscriber, await self._moment()
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
                "delivery_nanoseconds": int(self._tracker.delays.total),
            },
        }
        async with self._rendering:
            return await _gather(
                request, "application/json", render_state(head, moment, self._tracker.state.rates, self._now())
            )

    async def _moment(self) -> StateSnapshot:
        """The state now, with the marks of the market where an instrument says so."""
        moment = await self._tracker.freeze()
        if self._market is None or not self._tracker.state.has_market_marks:
            return moment
        return await self._market.mark(moment)

    def _now(self) -> str:
        """The time, RFC 3339 in UTC."""
        return format_timestamp(self._clock.unix_ns())

    def _require_ready(self) -> None:
        if not self._tracker.ready:
            raise NotCaughtUp(self._waiting_for())

    def _waiting_for(self) -> str:
        head, applied = self._tracker.subscriber.head, self._tracker.state.applied
        if self._tracker.subscriber.obstacle is not None:
            return advice(self._tracker.subscriber.obstacle)
        if head is None:
            return f"no answer yet from {self._replay_address} (WEBAPP_REPLAY_ADDR): is trading-app running there?"
        return f"applied {applied} of {head}; figures are served once the head read at the start is applied"


async def _gather(request: Request, content_type: str, pieces: Iterator[bytes]) -> Response:
    """The answer with that body, compressed if the client accepts gzip. Other tasks run between pieces."""
    squeeze = accepts_gzip(request.headers.get("accept-encoding", ""))
    packer = zlib.compressobj(1, zlib.DEFLATED, 31) if squeeze else None  # level 1; 31: the gzip format
    body, slicer = [], Slicer()
    for piece in pieces:
        made = packer.compress(piece) if packer else piece
        if made:
            body.append(made)
        await slicer.yield_if_due()
    if packer:
        body.append(packer.flush())
    headers = {"Vary": "Accept, Accept-Encoding"}
    return Response(200, content_type, body, headers | {"Content-Encoding": "gzip"} if squeeze else headers)
