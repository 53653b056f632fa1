"""POST /events, GET /events and GET /trades/{seq}."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated

from fastapi import FastAPI, Path, Query, Request
from starlette.responses import Response

from service_kit.responses import read_body
from trading_app.context import Context
from trading_app.http.openapi import ACCESS_CODES, IDEMPOTENCY_KEY, problem_responses
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.ledger import story
from trading_app.ledger.intake import LedgerIntake
from trading_app.ledger.schemas import EVENT_BODY, EVENT_PAGE, STORY, accepted_events
from trading_app.outgoing import OutgoingBudget, PacedResponse, Piece
from trading_model.kind_members import KINDS

PAGE_EVENTS = 100
MAX_PAGE_EVENTS = 1_000

Sequence = Annotated[int, Query(ge=0, le=2**62, description="Return the events after this sequence.")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE_EVENTS)]
KindName = Annotated[
    str | None,
    Query(pattern=f"^({'|'.join(KINDS)})$", json_schema_extra={"enum": list(KINDS)}, description="Only this kind."),
]
TradeSequence = Annotated[int, Path(ge=1, le=2**62, description="The trade's `seq`.")]

Read = Callable[[], Awaitable[bytes]]


def add_to(api: FastAPI, context: Context, intake: LedgerIntake) -> None:
    """Add the calls."""

    @api.post(
        "/events",
        tags=["events"],
        summary="Send one event that is not a trade, or a batch of them",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=accepted_events(),
        openapi_extra={"requestBody": EVENT_BODY, "parameters": [IDEMPOTENCY_KEY]},
    )
    async def take_events(request: Request) -> Response:
        """Voids, replacements, cash, splits, openings, moves, instruments, prices, rates, notes. A batch is taken as a
        whole or not at all. Each kind needs the scope that its table in docs/api.md names.
        """
        headers = dict(request.scope["headers"])
        body = await read_body(headers, request.receive, context.settings.max_body_bytes)
        answer = await intake.take(request.scope["state"]["caller"], headers, body)
        return Response(answer.body, answer.status, media_type="application/json")

    @api.get(
        "/events",
        tags=["events"],
        summary="Events that are not trades, by sequence, a page at a time",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=EVENT_PAGE
        | problem_responses(*ACCESS_CODES, "invalid_parameter", "damaged_history", "store_busy", "too_many_answers"),
    )
    async def events(after: Sequence = 0, limit: Limit = PAGE_EVENTS, kind: KindName = None) -> Response:
        """At most `limit` events as journaled. `next_after` is null on the last page."""
        return _answer(
            context.outgoing, lambda: context.stream.ask(lambda reader: story.page(reader, after, limit, kind))
        )

    @api.get(
        "/trades/{seq}",
        tags=["trades"],
        summary="One trade with everything that was said of it since",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=STORY
        | problem_responses(
            *ACCESS_CODES, "not_found", "invalid_parameter", "damaged_history", "store_busy", "too_many_answers"
        ),
    )
    async def trade(seq: TradeSequence) -> Response:
        """`trade` is as journaled, `now` what it says since its replacements, `in_force` whether it counts."""
        return _answer(context.outgoing, lambda: context.stream.ask(lambda reader: story.tell(reader, seq)))


def _answer(outgoing: OutgoingBudget, read: Read) -> Response:
    """One JSON object, within the budget of answers that clients have not read."""
    outgoing.check()

    async def pieces() -> AsyncGenerator[Piece, None]:
        async with outgoing.hold():
            yield await read(), True

    return PacedResponse(pieces(), "application/json")
