"""POST /known, POST /known/events, GET /imports and POST /imports/{id}/undo."""

import asyncio
import time
from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from service_kit.responses import Answer, read_body
from telemetry_stream.errors import StreamError
from telemetry_stream.events import Compared
from trading_app.context import Context
from trading_app.http.openapi import ACCESS_CODES, BATCH_BODY, problem_responses
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.imports import listing
from trading_app.imports.schemas import IMPORT_PAGE, KNOWN, KNOWN_EVENTS, KNOWN_EVENTS_BODY, undone_import
from trading_app.imports.similar import similar as find_similar
from trading_app.intake.results import refusal
from trading_app.intake.service import Intake, require_json
from trading_app.ledger.intake import LedgerIntake
from trading_app.ledger.known import known_events, replaced_contents
from trading_app.ledger.registry import Registry

PAGE_IMPORTS = 100
MAX_PAGE_IMPORTS = 1_000

Before = Annotated[int, Query(ge=1, le=2**62, description="Return the imports before this sequence.")]
Similar = Annotated[
    bool, Query(description="Look in the store of fills for new trades that are there under another identity, too.")
]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE_IMPORTS)]


def add_to(api: FastAPI, context: Context, intake: Intake, ledger_intake: LedgerIntake, registry: Registry) -> None:
    """Add the calls."""

    @api.post(
        "/known",
        tags=["trades"],
        summary="What the ledger has of these trades; nothing is written",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=KNOWN
        | problem_responses(
            "not_json", *ACCESS_CODES, "too_large", "unsupported_encoding", "unsupported_media_type", "invalid_batch",
            "damaged_history", "overloaded", "not_ready", "store_busy", "stream_failed",
        ),
        openapi_extra={"requestBody": BATCH_BODY},
    )  # fmt: skip
    async def compare(request: Request, similar: Similar = False) -> Response:
        """Takes what POST /trades takes. A trade that is not listed in the answer is new."""
        headers = dict(request.scope["headers"])
        body = await read_body(headers, request.receive, context.settings.max_body_bytes)
        intended = intake.compare(request.scope["state"]["caller"], headers, body, time.time_ns())
        try:
            outcome = await context.stream.commit(intended.submission)
        except StreamError as error:
            raise refusal(error) from None
        events = intended.events
        if not isinstance(outcome, Compared):
            return _response(intake.answer_compared(events, outcome, replaced={}))
        differing = [-sequence for sequence in outcome.sequences.values() if sequence < 0]
        replaced = await context.stream.ask(lambda reader: replaced_contents(reader, differing)) if differing else {}
        if not similar:
            return _response(intake.answer_compared(events, outcome, replaced=replaced))
        found = await asyncio.to_thread(find_similar, context.settings.data_folder, events, outcome.sequences)
        canonical = registry.instruments.canonical  # what an instrument calls aliases is one position
        apart = [(one, other) for one, other in found.forms if canonical(one) != canonical(other)]
        return _response(intake.answer_compared(events, outcome, found._replace(forms=apart), replaced=replaced))

    @api.post(
        "/known/events",
        tags=["events"],
        summary="Which of these events the ledger has; nothing is written",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=KNOWN_EVENTS
        | problem_responses(
            "not_json", *ACCESS_CODES, "too_large", "unsupported_encoding", "unsupported_media_type", "invalid_batch",
            "damaged_history", "store_busy",
        ),
        openapi_extra={"requestBody": KNOWN_EVENTS_BODY},
    )  # fmt: skip
    async def compare_events(request: Request) -> Response:
        """Takes an array of objects with `kind` and `id`, which are looked for, or of whole events, which are compared.
        An event that is not listed in the answer is new.
        """
        headers = dict(request.scope["headers"])
        body = await read_body(headers, request.receive, context.settings.max_body_bytes)
        require_json(headers, body, "send an array of events as application/json")
        caller = request.scope["state"]["caller"]
        asked = ledger_intake.read_asked(caller, body)
        found = await context.stream.ask(lambda reader: known_events(reader, registry, asked, caller.accounts))
        return Response(found, media_type="application/json")

    @api.get(
        "/imports",
        tags=["imports"],
        summary="Imports of files, newest first, a page at a time",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=IMPORT_PAGE
        | problem_responses(*ACCESS_CODES, "invalid_parameter", "damaged_history", "store_busy", "too_many_answers"),
    )
    async def imports(before: Before = 2**62, limit: Limit = PAGE_IMPORTS) -> Response:
        """Who imported which file when, and whether that is in force. `next_before` is null on the last page."""
        context.outgoing.check()
        body = await context.stream.ask(lambda reader: listing.page(reader, registry, before, limit))
        return Response(body, media_type="application/json")

    @api.post(
        "/imports/{import_id}/undo",
        tags=["imports"],
        summary="Take an import back as a whole",
        status_code=201,
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=undone_import(),
    )
    async def undo(import_id: str, request: Request) -> Response:
        """Voids the import, which takes back all of its fills, and its events of other kinds. Void these voids to
        restore it.
        """
        targets = await context.stream.ask(lambda reader: listing.to_void(reader, registry, import_id))
        caller, headers = request.scope["state"]["caller"], dict(request.scope["headers"])
        headers.pop(b"idempotency-key", None)  # it would be that of each part; what is taken back is known by itself
        size = context.settings.max_batch_trades
        for start in range(0, len(targets), size):  # nearly always one; the import itself is in the last one
            voids = [{"kind": "void", "target": sequence} for sequence in targets[start : start + size]]
            answer = await ledger_intake.take_json(caller, headers, msgspec.json.encode(voids))
        return _response(answer)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type="application/json")
