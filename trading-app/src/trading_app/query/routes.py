"""GET /trades and GET /trades/stream."""

from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import FastAPI, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service_kit.capacity import Capacity
from trading_app.context import Context
from trading_app.http.openapi import ACCESS_CODES, problem_responses
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.ledger.in_force import CorrectionsReader
from trading_app.outgoing import PacedResponse, Piece
from trading_app.problems import TradeProblem
from trading_app.query import trades as reading
from trading_app.query.answers import answer
from trading_app.query.pages import Order
from trading_app.query.question import Format, Question, checked, format_of, read_filter
from trading_app.query.schemas import EVENTS, LAST_EVENT_ID, TRADES
from trading_app.zmq_pub import TradeStream
from trading_model.days import zone_of
from trading_model.field_rules import MAX_SYMBOL
from trading_model.fields import INSTANT_OR_EMPTY, PRINTABLE_OR_EMPTY, SYMBOL_OR_EMPTY
from trading_model.trade import Side

MAX_PAGE_TRADES = 10_000

Sequence = Annotated[int | None, Query(ge=0, le=2**62, description="Return the trades after this sequence.")]
After = Annotated[
    int | None,
    Query(ge=0, le=2**62, description="Return the trades after this sequence; with `order=desc` those before it."),
]
Limit = Annotated[int | None, Query(ge=1, le=MAX_PAGE_TRADES)]
StreamId = Annotated[str | None, Query(max_length=64, description="The stream you follow.")]
KnownHash = Annotated[
    str | None,
    Query(alias="hash", pattern="^[0-9a-f]{32}$", description="The history's hash at `after`, as you have it."),
]
Label = Annotated[str | None, Query(max_length=64, json_schema_extra={"pattern": PRINTABLE_OR_EMPTY})]
SymbolLabel = Annotated[str | None, Query(max_length=MAX_SYMBOL, json_schema_extra={"pattern": SYMBOL_OR_EMPTY})]
SideName = Annotated[Side | None, Query()]
_TIME = "RFC 3339 with a time zone, or s, ms, µs or ns since 1970."
_INSTANT = {"pattern": INSTANT_OR_EMPTY}
Since = Annotated[
    str | None,
    Query(
        max_length=64, json_schema_extra=_INSTANT, description=f"Trades whose `ts` is at this time or later. {_TIME}"
    ),
]
Until = Annotated[
    str | None,
    Query(max_length=64, json_schema_extra=_INSTANT, description=f"Trades whose `ts` is before this time. {_TIME}"),
]
OrderName = Annotated[Order, Query(description="`desc`: the newest first.")]
Corrected = Annotated[
    bool,
    Query(description="What is in force: without what is voided, with the content of the last replace, without `seq`."),
]
AllEvents = Annotated[bool, Query(description="Events of other kinds too. For NDJSON without a filter.")]
FormatName = Annotated[Format | None, Query(alias="format", description="Goes before the header `Accept`.")]
LocalTime = Annotated[
    str | None,
    Query(
        alias="local_time",
        max_length=64,
        description="For CSV: one more column with the time in this zone, such as `Europe/Berlin`.",
    ),
]


def add_to(api: FastAPI, context: Context) -> None:
    """Add the calls."""

    corrections = CorrectionsReader()

    @api.get(
        "/trades",
        tags=["trades"],
        summary="Trades by sequence, a page at a time or as a file",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=TRADES
        | problem_responses(*ACCESS_CODES, "invalid_parameter", "damaged_history", "store_busy", "too_many_answers"),
    )
    async def trades(
        request: Request,
        after: After = None,
        limit: Limit = None,
        symbol: SymbolLabel = None,
        account: Label = None,
        strategy: Label = None,
        side: SideName = None,
        since: Since = None,
        until: Until = None,
        order: OrderName = "asc",
        corrected: Corrected = False,
        all_events: AllEvents = False,
        given_format: FormatName = None,
        local_time: LocalTime = None,
    ) -> Response:
        """At most `limit` trades (default: 100 for JSON, else all). `next_after` is null on the last page.

        A page of JSON is shorter than `limit` where a filter finds less among a million events: read on with
        `next_after`.
        """
        wanted = read_filter(symbol, account, strategy, side, since, until)
        question = Question(
            wanted,
            given_format or format_of(request.headers.get("accept", "")),
            after,
            limit,
            order,
            checked("local_time", local_time, zone_of),
            corrected=corrected,
            all_events=all_events,
        )
        question.check()
        return await answer(context, corrections, question, request.is_disconnected)

    @api.get(
        "/trades/stream",
        tags=["trades"],
        summary="New trades as server-sent events",
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


def _last_event_id(request: Request) -> int:
    given = request.headers["last-event-id"]
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise TradeProblem("invalid_parameter", "Last-Event-ID must be the id of an event, a whole number")
    return int(given)
