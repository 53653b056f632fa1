"""GET /trades and GET /trades/stream."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from trading_app.context import Context
from trading_app.http.openapi import ACCESS_CODES, problem_responses
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.ledger.in_force import CorrectionsReader
from trading_app.problems import TradeProblem
from trading_app.query import trades as reading
from trading_app.query.answers import answer
from trading_app.query.live import LiveResponse, require_room
from trading_app.query.parameters import (
    After,
    AllEvents,
    Corrected,
    FormatName,
    KnownHash,
    Label,
    Limit,
    LocalTime,
    OrderName,
    Sequence,
    SideName,
    Since,
    StreamId,
    SymbolLabel,
    Until,
)
from trading_app.query.question import Question, checked, format_of, read_filter
from trading_app.query.schemas import EVENTS, LAST_EVENT_ID, TRADES
from trading_app.zmq_pub import TradeStream
from trading_model.days import zone_of


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
        require_room(context)
        # A position past the head belongs to another journal: the stream then starts with the next trade.
        head = context.stream.head
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


def _last_event_id(request: Request) -> int:
    given = request.headers["last-event-id"]
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise TradeProblem("invalid_parameter", "Last-Event-ID must be the id of an event, a whole number")
    return int(given)
