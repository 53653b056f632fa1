"""GET /trades and GET /trades/stream."""

from collections.abc import AsyncGenerator, Callable
from typing import Annotated

from fastapi import FastAPI, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service_kit.capacity import Capacity
from service_kit.problems import FieldProblem
from trading_app.context import Context
from trading_app.http.openapi import (
    ACCESS_CODES,
    EVENTS,
    LAST_EVENT_ID,
    PAGE_OR_LINES,
    problem_responses,
)
from trading_app.outgoing import PacedResponse, Piece
from trading_app.problems import TradeProblem
from trading_app.query import trades as reading
from trading_app.query.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.zmq_pub import TradeStream
from trading_model.field_rules import MAX_SYMBOL, FieldError, check_name, check_symbol
from trading_model.fields import PRINTABLE_OR_EMPTY, SYMBOL_OR_EMPTY

LINES = "application/x-ndjson"
PAGE_TRADES = 100
MAX_PAGE_TRADES = 10_000

Sequence = Annotated[int | None, Query(ge=0, le=2**62, description="Return the trades after this sequence.")]
Limit = Annotated[int | None, Query(ge=1, le=MAX_PAGE_TRADES)]
StreamId = Annotated[str | None, Query(max_length=64, description="The stream you follow.")]
KnownHash = Annotated[
    str | None,
    Query(alias="hash", pattern="^[0-9a-f]{32}$", description="The history's hash at `after`, as you have it."),
]
Label = Annotated[str | None, Query(max_length=64, json_schema_extra={"pattern": PRINTABLE_OR_EMPTY})]
SymbolLabel = Annotated[str | None, Query(max_length=MAX_SYMBOL, json_schema_extra={"pattern": SYMBOL_OR_EMPTY})]


def add_to(api: FastAPI, context: Context) -> None:
    """Add the calls."""

    @api.get(
        "/trades",
        tags=["trades"],
        summary="Trades by sequence, a page at a time or as NDJSON",
        response_class=Response,
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=PAGE_OR_LINES
        | problem_responses(*ACCESS_CODES, "invalid_parameter", "damaged_history", "too_many_answers"),
    )
    async def trades(
        request: Request,
        after: Sequence = None,
        limit: Limit = None,
        symbol: SymbolLabel = None,
        account: Label = None,
        strategy: Label = None,
    ) -> Response:
        """At most `limit` trades (default: 100 for JSON, all for NDJSON). `next_after` is null on the last page."""
        wanted = read_filter(symbol, account, strategy)
        context.outgoing.check()
        as_lines = LINES in request.headers.get("accept", "")
        if limit is None and not as_lines:
            limit = PAGE_TRADES
        pages = reading.read_pages(context.stream, after or 0, limit, wanted, context.outgoing, request.is_disconnected)
        if as_lines:
            return PacedResponse(reading.line_pieces(pages), LINES)
        return PacedResponse(reading.json_pieces(pages), "application/json")

    @api.get(
        "/trades/stream",
        tags=["trades"],
        summary="New trades as server-sent events",
        response_class=Response,
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=EVENTS
        | problem_responses(
            *ACCESS_CODES,
            "invalid_parameter",
            "history_forked",
            "too_many_streams",
            "damaged_history",
            "too_many_answers",
        ),
        openapi_extra={"parameters": [LAST_EVENT_ID]},
    )
    async def live(
        request: Request,
        after: Sequence = None,
        symbol: SymbolLabel = None,
        account: Label = None,
        strategy: Label = None,
        stream: StreamId = None,
        known_hash: KnownHash = None,
    ) -> Response:
        """Each trade's `id` is its sequence. Starts after the header `Last-Event-ID`, or after `after`, or with the
        next trade. An event `position` reports the progress: `stream`, `seq`, and the history's `hash` at the last row
        end at or before it. If `stream` or `hash` (the one at `after`) is not the journal's, the answer is
        `history_forked`.
        """
        wanted = read_filter(symbol, account, strategy)
        start = _last_event_id(request) if "last-event-id" in request.headers else after
        await _require_same_history(context.stream, stream, known_hash, start if after is None else after, start)
        if context.live_streams.full:
            raise TradeProblem(
                "too_many_streams",
                "the maximum number of live streams is open (WEBAPP_MAX_LIVE_STREAMS); close one",
                retry_after=10,
            )
        # A position past the head belongs to another journal: the stream then starts with the next trade.
        head = context.stream.head
        context.outgoing.check()
        start = head if start is None else min(start, head)
        events = reading.live(context.stream, start, wanted, context.outgoing)
        return LiveResponse(events, context.live_streams)


async def _require_same_history(
    journal: TradeStream, stream: str | None, known_hash: str | None, at: int | None, start: int | None
) -> None:
    """Raises TradeProblem if the `stream` or `hash` that the caller follows is not the journal's.

    `known_hash` belongs to `at`. A browser that reconnects continues after `start`, and repeats its first `at`.
    """
    if known_hash is not None and at is None:
        raise TradeProblem("invalid_parameter", "hash belongs to the sequence in `after`, which is missing")
    differs = stream is not None and (stream != journal.id or max(at or 0, start or 0) > journal.head)
    if differs or (known_hash is not None and known_hash != await journal.hash_at(at or 0)):
        raise TradeProblem(
            "history_forked",
            f"the journal, stream {journal.id}, differs from yours at or before {at or 0}: start over with after=0",
        )


class LiveResponse(PacedResponse):
    """Server-sent events, which hold one unit of a capacity while they are open."""

    def __init__(self, events: AsyncGenerator[Piece, None], capacity: Capacity) -> None:
        super().__init__(events, "text/event-stream", {"Cache-Control": "no-store"})
        self._capacity = capacity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events. The route checked the capacity, and nothing was awaited since, so there is still room."""
        self._capacity.take()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._capacity.release()


def read_filter(symbol: str | None, account: str | None, strategy: str | None) -> reading.Filter:
    """The filter from a query; an empty parameter matches everything. Raises Problem."""
    return reading.Filter(
        _check("symbol", symbol, check_symbol),
        _check("account", account, check_name),
        _check("strategy", strategy, check_name),
    )


def _check(name: str, given: str | None, check: Callable[[str], str]) -> str | None:
    if not given:
        return None
    try:
        return check(given)
    except FieldError as error:
        detail = str(error)
        raise TradeProblem("invalid_parameter", f"{name} {detail}", [FieldProblem(f"query/{name}", detail)]) from None


def _last_event_id(request: Request) -> int:
    given = request.headers["last-event-id"]
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise TradeProblem("invalid_parameter", "Last-Event-ID must be the id of an event, a whole number")
    return int(given)
