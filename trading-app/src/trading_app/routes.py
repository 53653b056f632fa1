"""POST /trade and POST /trades as plain ASGI in front of FastAPI: its routing would take longer than the rest."""

import time

from starlette.datastructures import QueryParams
from starlette.types import ASGIApp

from service_kit.http_types import Receive, Scope, Send
from service_kit.problems import Problem
from service_kit.responses import Answer, answer_problem, read_body, send_answer
from telemetry_stream.errors import StreamError
from trading_app.access.caller import Caller
from trading_app.context import Context
from trading_app.http.parameters import check_parameters
from trading_app.intake.service import PATHS, Intake, Intended, is_form


class IntakeRoutes:
    """Answers POST on PATHS, except for forms; passes everything else on."""

    def __init__(self, app: ASGIApp, context: Context, intake: Intake) -> None:
        self._app = app
        self._context = context
        self._intake = intake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        try:
            import_id = _import_of(scope) if scope["query_string"] else None
            body = await read_body(headers, receive, self._context.settings.max_body_bytes)
            if scope["path"] == "/trade" and is_form(headers, body):
                await self._app(scope, _replay(body), send)
                return
            caller: Caller = scope["state"]["caller"]
            intended = self._intake.read(caller, scope["path"], headers, body, time.time_ns(), import_id)
            answer = await take(self._context, self._intake, intended)
        except Problem as problem:
            self._context.metrics.refusals[problem.code] += 1
            answer = answer_problem(problem, scope["state"]["request_id"])
        await send_answer(answer, send)


def _import_of(scope: Scope) -> str | None:
    """The import that brings the trades of a batch; None if the address names none. Raises TradeProblem."""
    parameters = QueryParams(scope["query_string"])
    check_parameters(parameters, ("import_id",) if scope["path"] == "/trades" else ())
    return parameters.get("import_id")


async def take(context: Context, intake: Intake, intended: Intended) -> Answer:
    """Commit what the request wants, and answer it. Raises Problem."""
    try:
        outcome = await context.stream.commit(intended.submission)
    except StreamError as error:
        raise intake.refuse(intended, error) from None
    return intake.answer(intended, outcome)


def _replay(body: bytes) -> Receive:
    """A `receive` that returns a body which was read already."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
