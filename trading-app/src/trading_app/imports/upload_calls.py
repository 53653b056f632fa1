"""POST /imports and what follows: a file is uploaded, shown, perhaps read again by other options, and taken."""

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from fastapi import FastAPI, Query, Request
from starlette.responses import Response

from service_kit.problems import Problem
from service_kit.responses import announced_too_large, read_body
from trading_app.access.caller import Caller
from trading_app.access.gate import Gate
from trading_app.context import Context
from trading_app.http.openapi import ACCESS_CODES, problem_responses
from trading_app.http.parameters import KNOWN_PARAMETERS_ONLY
from trading_app.imports.options import Options
from trading_app.imports.schemas import FILE_BODY, OPTIONS_BODY, UPLOAD, UPLOADED
from trading_app.imports.uploads import Upload, Uploads
from trading_app.problems import TradeProblem

PREVIEW_SECONDS = 10.0
"""How long an answer waits for the child: small files are read by then."""

MAX_OPTIONS_BYTES = 1_100_000

Name = Annotated[str, Query(max_length=200, description="The file's name.")]
Text = Annotated[str, Query(max_length=64)]
_CODES = (*ACCESS_CODES, "not_found", "event_conflict", "too_many_imports", "invalid_parameter")


def add_to(api: FastAPI, context: Context, gate: Gate, uploads: Uploads) -> None:
    """Add the calls."""

    @api.post(
        "/imports",
        tags=["imports"],
        summary="Upload a file of trades, and see what it would change",
        status_code=201,
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=UPLOADED | problem_responses(*ACCESS_CODES, "too_large", "too_many_imports", "invalid_parameter"),
        openapi_extra={"requestBody": FILE_BODY},
    )
    async def upload_file(
        request: Request,
        name: Name = "file",
        preset: Text = "",
        timezone: Text = "",
        date_order: Text = "",
        decimal: Text = "",
        account: Text = "",
        strategy: Text = "",
        venue: Text = "",
    ) -> Response:
        """The body is the file as it is. The answer waits up to 10 s for the report; while `state` is `reading`, ask
        `GET /imports/{upload}`. Nothing is taken by this call.
        """
        _refuse_foreign(request, gate)
        options = Options(
            preset=preset,
            timezone=timezone,
            date_order=date_order,
            decimal=decimal,
            account=account,
            strategy=strategy,
            venue=venue,
        )
        maximum = context.settings.max_import_bytes
        problem = announced_too_large(dict(request.scope["headers"]), maximum)
        if problem is not None:
            raise _too_large(maximum)
        caller: Caller = request.scope["state"]["caller"]
        upload = await uploads.begin(caller, name.strip() or "file", options, _bounded(request.stream(), maximum))
        await uploads.wait(upload, PREVIEW_SECONDS)
        return _show(upload, 201)

    @api.get(
        "/imports/{upload}",
        tags=["imports"],
        summary="How far an uploaded file is, with its report",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=UPLOAD | problem_responses(*ACCESS_CODES, "not_found", "invalid_parameter"),
    )
    async def show(request: Request, upload: str) -> Response:
        """`state` is `reading`, `planned`, `taking`, `taken` or `failed`. Only the uploader sees it."""
        return _show(_find(request, uploads, upload))

    @api.post(
        "/imports/{upload}/plan",
        tags=["imports"],
        summary="Read an uploaded file again, by other options",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=UPLOAD | problem_responses(*_CODES, "not_json", "too_large", "unsupported_encoding"),
        openapi_extra={"requestBody": OPTIONS_BODY},
    )
    async def plan(request: Request, upload: str) -> Response:
        """The body has all options: what is left out was not said. The answer waits as that of `POST /imports`."""
        _refuse_foreign(request, gate)
        found = _find(request, uploads, upload)
        body = await read_body(dict(request.scope["headers"]), request.receive, MAX_OPTIONS_BYTES)
        try:
            options = msgspec.json.decode(body, type=Options)
        except msgspec.MsgspecError as error:
            raise TradeProblem("not_json", f"the options: {error}") from None
        uploads.plan(found, options)
        await uploads.wait(found, PREVIEW_SECONDS)
        return _show(found)

    @api.post(
        "/imports/{upload}/take",
        tags=["imports"],
        summary="Take an uploaded file into the ledger",
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=UPLOAD | problem_responses(*_CODES),
    )
    async def take(request: Request, upload: str) -> Response:
        """Takes what the report shows. The answer waits up to 10 s; while `state` is `taking`, ask `GET
        /imports/{upload}`. Where it failed, take it again: nothing gets in twice.
        """
        _refuse_foreign(request, gate)
        found = _find(request, uploads, upload)
        uploads.take(found)
        await uploads.wait(found, PREVIEW_SECONDS)
        return _show(found)

    @api.post(
        "/imports/{upload}/drop",
        tags=["imports"],
        summary="Forget an uploaded file",
        status_code=204,
        dependencies=KNOWN_PARAMETERS_ONLY,
        responses=problem_responses(*ACCESS_CODES, "not_found", "invalid_parameter"),
    )
    async def drop(request: Request, upload: str) -> Response:
        """What was taken of it stays in the ledger."""
        _refuse_foreign(request, gate)
        await uploads.drop(_find(request, uploads, upload))
        return Response(status_code=204)


def _find(request: Request, uploads: Uploads, own_id: str) -> Upload:
    caller: Caller = request.scope["state"]["caller"]
    return uploads.find(caller, own_id)


def _refuse_foreign(request: Request, gate: Gate) -> None:
    """Refuse what another site made the browser send; without credentials nothing else would. Raises Problem."""
    if gate.is_from_here(dict(request.scope["headers"])) is False:
        raise Problem("foreign_origin", "a page of another site sends this")


async def _bounded(parts: AsyncIterator[bytes], maximum: int) -> AsyncIterator[bytes]:
    size = 0
    async for part in parts:
        size += len(part)
        if size > maximum:
            raise _too_large(maximum)
        yield part


def _too_large(maximum: int) -> Problem:
    advice = "compress it with gzip, use `trading-app import`, or raise WEBAPP_MAX_IMPORT_BYTES"
    return Problem("too_large", f"an uploaded file has at most {maximum} bytes; {advice}")


def _show(upload: Upload, status: int = 200) -> Response:
    return Response(upload.shown(), status, media_type="application/json")
